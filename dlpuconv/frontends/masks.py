"""Masks of attention: constants whose minus infinities are added in front of a Softmax, which makes zeros of them.

They become a number far below all others: the same zeros, and what every format can hold, several added up as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.frontends.protos import all_nodes, all_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

_FLOAT32: Final = 1
LOWEST: Final = -1e30
"""Far below all that a network computes, and finite still where several masks are added."""

_CARRIERS: Final = {
    "Add", "Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Transpose",
    "Trilu", "Unsqueeze", "Where",
}  # fmt: skip
"""What a mask goes through on its way to the Softmax that makes zeros of its infinities."""


def make_masks_finite(model: onnx.ModelProto) -> None:
    """Replace minus infinity in the masks of a float32 model, in place."""
    import numpy as np
    import onnx

    readers = readers_by_name(model)
    for name, tensor in all_tensors(model):
        if tensor.data_type != _FLOAT32 or not is_mask(name, readers):
            continue  # as nearly all weights, which need not be read again
        values = onnx.numpy_helper.to_array(tensor)
        if np.isneginf(values).any() and not np.isposinf(values).any():
            lowest = np.maximum(values, np.float32(LOWEST))
            tensor.CopyFrom(onnx.numpy_helper.from_array(lowest, tensor.name))


def readers_by_name(model: onnx.ModelProto) -> dict[str, list[onnx.NodeProto]]:
    """The nodes that read each value; whoever uses the model reads its outputs."""
    import onnx

    found = {output.name: [onnx.NodeProto()] for output in model.graph.output}
    for node in all_nodes(model):
        for name in node.input:
            found.setdefault(name, []).append(node)
    return found


def is_mask(name: str, readers: Mapping[str, list[onnx.NodeProto]]) -> bool:
    """Whether all that comes of it is in front of a Softmax, which knows what minus infinity is."""
    waiting, seen = [name], {name}
    while waiting:
        nodes = readers.get(waiting.pop(), [])
        if not nodes:
            return False
        for node in nodes:
            if node.op_type in _CARRIERS:
                waiting += [output for output in node.output if output not in seen]
                seen.update(node.output)
            elif node.op_type != "Softmax":
                return False
    return True
