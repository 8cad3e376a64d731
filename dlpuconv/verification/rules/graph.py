"""What several rules ask of a TFLite graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, LayerView, TensorView

POST_PROCESS = "TFLite_Detection_PostProcess"
"""A custom op that published detectors hold; TensorFlow Lite brings it, in float, and it runs on the CPU."""

_INDEX_SOURCES = frozenset({"ARG_MAX", "ARG_MIN", "SHAPE", "RANK", "TOPK_V2", "WHERE"})
EIGHT_BIT = frozenset({"int8", "uint8"})
LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int32": (-(2**31), 2**31 - 1)}
"""Lowest and highest value by type."""


def inputs_of(view: FileView, layer: LayerView) -> Iterator[TensorView]:
    """The tensors that a layer reads; absent optional ones are left out."""
    return (tensor for index in layer.inputs if (tensor := view.tensor(index)) is not None)


def outputs_of(view: FileView, layer: LayerView) -> Iterator[TensorView]:
    """The tensors that a layer makes."""
    return (view.tensors[index] for index in layer.outputs)


def activations(view: FileView) -> Iterator[TensorView]:
    """What flows: inputs of the file and outputs of layers."""
    indices = dict.fromkeys(view.inputs)
    for layer in view.layers:
        indices.update(dict.fromkeys(layer.outputs))
    return (view.tensors[index] for index in indices)


def image_inputs(view: FileView) -> Iterator[TensorView]:
    """Inputs of the file that may be images: of four axes, one of them of 1 or 3 channels."""
    for index in view.inputs:
        tensor = view.tensors[index]
        if len(tensor.shape) == 4 and {tensor.shape[1], tensor.shape[3]} & {1, 3}:
            yield tensor


def detection_tail(view: FileView) -> frozenset[int]:
    """Layers (by index) of an SSD's post-processing: the custom op, and DEQUANTIZE that feeds nothing else.

    They run on the CPU in float, by design.
    """
    ends = {layer.index for layer in view.layers if layer.op == POST_PROCESS}
    if not ends:
        return frozenset()
    feeders = {
        layer.index
        for layer in view.layers
        if layer.op == "DEQUANTIZE"
        and (readers := [r for index in layer.outputs for r in view.consumers.get(index, ())])
        and all(reader.index in ends for reader in readers)
    }
    return frozenset(ends | feeders)


def index_tensors(view: FileView) -> dict[int, str]:
    """Integer tensors that hold positions or shapes, not data: the op (or `input`) that they come from, by tensor.

    An op all of whose computed inputs are such gives such: shape arithmetic stays shape arithmetic. So do comparisons
    of positions, by which negative ones are counted from the end.
    """
    found = {index: "input" for index in view.inputs if view.tensors[index].dtype in ("int32", "int64")}
    for layer in view.layers:
        computed = [index for index in layer.inputs if index >= 0 and not view.tensors[index].constant]
        if layer.op in _INDEX_SOURCES:
            origin = layer.op
        elif computed and all(index in found for index in computed):
            origin = found[computed[0]]
        else:
            continue
        found.update({i: origin for i in layer.outputs if view.tensors[i].dtype in ("int32", "int64", "bool")})
    return found
