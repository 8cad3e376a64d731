"""What a file holds, as one JSON object: all that the terminal shows, and more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv.inspection.roles import roles
from dlpuconv.inspection.values import extremes, few_values
from dlpuconv.placement.macs import bytes_of, constants, macs
from dlpuconv.verification.granularity import granularity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.formats import FileView, LayerView, TensorView
    from dlpuconv.jsonable import Json


def inspection_json(view: FileView, layers: Sequence[LayerView]) -> dict[str, Json]:
    """Some layers, and what there is to say of the whole file.

    Args:
        view: the file.
        layers: those that are wanted.
    """
    listed: list[Json] = [_layer(view, layer) for layer in layers]
    held = [tensor for layer in view.layers for tensor in constants(view, layer)]
    return {
        "format": view.format,
        "subgraphs": view.subgraphs,
        "metadata": dict(view.metadata),
        "inputs": [_tensor(view.tensors[index]) for index in view.inputs],
        "outputs": [_tensor(view.tensors[index]) for index in view.outputs],
        "op_counts": dict(view.op_counts),
        "macs": sum(macs(view, layer) for layer in view.layers),
        "parameters": sum({tensor.index: tensor.size for tensor in held}.values()),
        "parameter_bytes": bytes_of(held),
        "granularity": granularity(view).to_json(),
        "layers": listed,
    }


def _layer(view: FileView, layer: LayerView) -> Json:
    inputs: list[Json] = []
    for role, index in zip(roles(view, layer), layer.inputs, strict=True):
        tensor = view.tensor(index)
        inputs.append(None if tensor is None else {"role": role, **_tensor(tensor), "from": _maker(view, index)})
    options: dict[str, Json] = {
        key: list(value) if isinstance(value, tuple) else _safe(value) for key, value in layer.options.items()
    }
    return {
        "index": layer.index,
        "op": layer.op,
        "custom": layer.custom,
        "version": layer.version,
        **layer.names.to_json(),
        "macs": macs(view, layer),
        "parameters": sum(tensor.size for tensor in constants(view, layer)),
        "options": options,
        "inputs": inputs,
        "outputs": [{**_tensor(view.tensors[index]), "to": _readers(view, index)} for index in layer.outputs],
    }


def _maker(view: FileView, index: int) -> int | None:
    return view.producer[index].index if index in view.producer else None


def _readers(view: FileView, index: int) -> list[Json]:
    return [reader.index for reader in view.consumers.get(index, ())]


def _tensor(tensor: TensorView) -> dict[str, Json]:
    quantization, found, few = tensor.quantization, extremes(tensor), few_values(tensor)
    affine: Json = None
    if quantization is not None:
        affine = {
            "scale": [_safe(scale) for scale in quantization.scales],
            "zero_point": list(quantization.zero_points),
            "axis": quantization.axis if quantization.per_channel else None,
        }
    return {
        "index": tensor.index,
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "constant": tensor.constant,
        "quantization": affine,
        "minimum": None if found is None else _safe(found.real[0]),
        "maximum": None if found is None else _safe(found.real[1]),
        "codes": None if found is None or found.codes is None else list(found.codes),
        "values": None if few is None else [_safe(value) for value in few],
    }


def _safe(value: float | str) -> float | str:
    """JSON has no NaN and no infinity; a damaged file may."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
