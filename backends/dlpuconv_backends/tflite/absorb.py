"""Absorption on a float graph: the same function, with activations whose channels lie around zero."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.absorb import absorbed
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.channels import LAYERS, fused
from dlpuconv_backends.tflite.operators import SPECS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv_backends.tflite.channel_statistics import Details

    type Shifts = Mapping[Tensor, npt.NDArray[np.float64]]

_NONE, _RELU = 0, 1
_VALID = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """The same function in other numbers.

    Attributes:
        graph: float; shares its activations with the graph that it was made of.
        shifts: [C] by how much each channel moved down, by tensor name.
        details: statistics by channel, moved likewise.
    """

    graph: Graph
    shifts: Mapping[str, npt.NDArray[np.float64]]
    details: Details


def absorb(graph: Graph, details: Details) -> Absorbed:
    """Move channels between a layer and the layers that read it.

    Only where every reader is a layer with a bias that sees no padding: a shifted channel would have to be padded with
    its shift.

    Args:
        graph: float; it is not changed.
        details: statistics by channel.
    """
    readers = graph.consumers()
    shifts: dict[Tensor, npt.NDArray[np.float64]] = {}
    for op in graph.operators:
        table = details.channels.get(op.outputs[0].name)
        behind = readers.get(op.outputs[0], [])
        if not _makes(op) or table is None or op.output in graph.outputs or not behind:
            continue
        if len(table) == op.output.shape[-1] and all(_reads(reader, op.output) for reader in behind):
            shift = absorbed(table[:, 0], table[:, 1], rectified=fused(op) == _RELU)
            if shift.any():
                shifts[op.output] = shift
    operators = [_moved(op, shifts) for op in graph.operators]
    return Absorbed(
        graph=Graph(list(graph.inputs), list(graph.outputs), operators, graph.description, dict(graph.metadata)),
        shifts={t.name: shift for t, shift in shifts.items()},
        details=_shifted(details, shifts),
    )


def _makes(op: Operator) -> bool:
    return op.kind in LAYERS and fused(op) in (_NONE, _RELU) and _bias(op) is not None


def _reads(op: Operator, tensor: Tensor) -> bool:
    """True for a layer whose every output sees all taps of its kernel."""
    if op.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") or _bias(op) is None:
        return False
    weights = op.input(_at(op)[0])
    if not weights.is_constant or op.input(0) is not tensor:
        return False
    if op.kind == "FULLY_CONNECTED":
        return weights.shape[-1] == tensor.shape[-1]
    if op.kind == "CONV_2D" and weights.shape[-1] != tensor.shape[-1]:
        return False  # grouped
    return op.options.padding == _VALID or weights.shape[1:3] == (1, 1)


def _at(op: Operator) -> tuple[int, int]:
    at = SPECS[op.kind].weights
    assert at is not None
    return at.weights, at.bias


def _bias(op: Operator) -> Tensor | None:
    """The constant bias; None where there is none to change."""
    weights, bias = _at(op)
    found = op.inputs[bias] if bias < len(op.inputs) else None
    return found if found is not None and found.data is not None and op.input(weights).is_constant else None


def _moved(op: Operator, shifts: Shifts) -> Operator:
    made = shifts.get(op.outputs[0])
    read = shifts.get(op.input(0)) if op.kind in LAYERS and op.inputs[0] is not None else None
    if made is None and read is None:
        return op
    bias = _bias(op)
    assert bias is not None
    assert bias.data is not None
    values: npt.NDArray[np.float64] = bias.data.reshape(-1).astype(np.float64)
    if made is not None:
        values = values - made
    if read is not None:
        values = values + _response(op, read)
    data = values.astype(np.float32).reshape(bias.shape)
    new = Tensor(bias.name, bias.shape, bias.dtype, data, None, bias.source_names)
    inputs = [new if t is bias else t for t in op.inputs]
    return Operator(op.kind, inputs, list(op.outputs), op.options, op.source_name)


def _response(op: Operator, shift: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[O] what a layer makes of a constant input."""
    data = op.input(_at(op)[0]).data
    assert data is not None
    weights = data.astype(np.float64)
    if op.kind == "DEPTHWISE_CONV_2D":
        channels = weights.shape[-1]
        return np.asarray(weights[0].sum(axis=(0, 1)) * shift[np.arange(channels) // (channels // shift.size)])
    return np.asarray(weights.sum(axis=tuple(range(1, weights.ndim - 1))) @ shift)


def _shifted(details: Details, shifts: Shifts) -> Details:
    moved = dict(details.channels)
    for tensor, shift in shifts.items():
        low, high, mean, square = moved[tensor.name].T
        power = square - 2 * shift * mean + shift**2
        moved[tensor.name] = np.stack([low - shift, high - shift, mean - shift, power], axis=1)
    return replace(details, channels=moved)
