"""What a file holds, layer by layer, for the terminal and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from dlpuconv.formats.names import port_names
from dlpuconv.formats.weighted import WEIGHTED
from dlpuconv.verify.granularity import granularity

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dlpuconv.formats import FileView, LayerView, TensorView
    from dlpuconv.plugin import Json

_COLUMNS = {"#": 1, "op": 4, "v": 1, "output": 11, "weights": 11, "scale": 9, "zero": 4, "name": 12}
"""Headings and least widths: in a narrow terminal, shapes and names take several lines, the rest stays whole."""
_LONGEST_NAME = 40


def render_inspection(view: FileView) -> RenderableType:
    """Inputs, outputs and one row a layer: op, name, output, weights, scale and zero point, version."""
    head = Table.grid(padding=(0, 2))
    for noun, indices in (("input", view.inputs), ("output", view.outputs)):
        for name, index in zip(port_names(view, indices), indices, strict=True):
            head.add_row(Text(noun, style="bold"), Text(f"{name}  {_describe(view.tensors[index])}"))
    head.add_row(Text("weights", style="bold"), Text(granularity(view).summary))
    for key, value in view.metadata.items():
        head.add_row(Text(key, style="bold"), Text(value))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, width in _COLUMNS.items():
        table.add_column(
            heading,
            justify="right" if heading in ("#", "v", "zero") else "left",
            min_width=width,
            no_wrap=heading not in ("output", "weights", "name"),
            overflow="fold",
        )
    for layer in view.layers:
        table.add_row(*(Text(cell) for cell in _row(view, layer)))
    return Group(head, "", table)


def inspection_json(view: FileView) -> dict[str, Json]:
    """The same as one JSON object."""
    layers: list[Json] = [_layer_json(view, layer) for layer in view.layers]
    return {
        "format": view.format,
        "subgraphs": view.subgraphs,
        "metadata": dict(view.metadata),
        "inputs": [_tensor_json(view.tensors[index]) for index in view.inputs],
        "outputs": [_tensor_json(view.tensors[index]) for index in view.outputs],
        "op_counts": dict(view.op_counts),
        "granularity": granularity(view).to_json(),
        "layers": layers,
    }


def _row(view: FileView, layer: LayerView) -> tuple[str, ...]:
    output = view.tensors[layer.outputs[0]] if layer.outputs else None
    scale = zero_point = ""
    if output is not None and output.quantization is not None:
        scale, zero_point = f"{output.quantization.scale[0]:.6g}", str(output.quantization.zero_point[0])
    described = f"{output.dtype} {_shape(output)}" if output is not None else ""
    weights = _weights(view, layer)
    name = layer.name.split(";")[0]  # TensorFlow joins the names of all that it fused
    if len(name) > _LONGEST_NAME:
        name = "…" + name[1 - _LONGEST_NAME :]  # what tells layers apart is at the end
    op = f"{layer.op} (custom)" if layer.custom else layer.op
    return str(layer.index), op, str(layer.version), described, _granularity(weights), scale, zero_point, name


def _weights(view: FileView, layer: LayerView) -> TensorView | None:
    """The layer's weights: by position in TFLite, the first constant of an ONNX op."""
    form = WEIGHTED.get(layer.op)
    if form is not None:
        return view.tensor(layer.inputs[form.weights]) if form.weights < len(layer.inputs) else None
    if view.format == "tflite" or layer.op not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return None
    return next((t for i in layer.inputs if (t := view.tensor(i)) is not None and t.constant), None)


def _granularity(weights: TensorView | None) -> str:
    if weights is None:
        return ""
    if weights.quantization is None:
        return f"{weights.dtype} {_shape(weights)}"
    kind = "per-channel" if weights.quantization.per_channel else "per-tensor"
    return f"{kind} {weights.dtype} {_shape(weights)}"


def _shape(tensor: TensorView) -> str:
    return "x".join("?" if extent < 0 else str(extent) for extent in tensor.shape) or "scalar"


def _describe(tensor: TensorView) -> str:
    quantization = tensor.quantization
    if quantization is None:
        return f"{tensor.dtype} {_shape(tensor)}"
    scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    return f"{tensor.dtype} {_shape(tensor)}, scale {scale:.6g}, zero point {zero_point}"


def _layer_json(view: FileView, layer: LayerView) -> Json:
    inputs: list[Json] = []
    for index in layer.inputs:
        tensor = view.tensor(index)
        inputs.append(None if tensor is None else _tensor_json(tensor))
    options: dict[str, Json] = {
        key: list(value) if isinstance(value, tuple) else _safe(value) for key, value in layer.options.items()
    }
    return {
        "index": layer.index,
        "op": layer.op,
        "custom": layer.custom,
        "version": layer.version,
        "name": layer.name,
        "options": options,
        "inputs": inputs,
        "outputs": [_tensor_json(view.tensors[index]) for index in layer.outputs],
    }


def _tensor_json(tensor: TensorView) -> Json:
    quantization = tensor.quantization
    affine: Json = None
    if quantization is not None:
        affine = {
            "scale": [_safe(scale) for scale in quantization.scale],
            "zero_point": list(quantization.zero_point),
            "axis": quantization.axis if quantization.per_channel else None,
        }
    return {
        "index": tensor.index,
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "constant": tensor.constant,
        "quantization": affine,
    }


def _safe(value: float | str) -> float | str:
    """JSON has no NaN and no infinity; a damaged file may."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
