"""Integer pixels that the graph casts to float: the input becomes float, and its quantization is the cast.

    uint8 x -> Cast -> float network   becomes   float x -> network, where the file's input q stands for the value q

Deployment exports take uint8 pixels and begin with a Cast. A quantized file takes integers anyway: with the scale 1 and
the zero point of the same value its input is the source's, bit for bit, and no Cast is left. A float file takes the
same numbers as floats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir

from dlpuconv.ir import Affine
from dlpuconv.passes.editor import Editor
from dlpuconv.passes.kept_scales import with_kept_scales

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir import Model

_FIXED = {
    onnx_ir.DataType.UINT8: Affine.of(1.0, 0),
    onnx_ir.DataType.INT8: Affine.of(1.0, 128),
}
_MOVES = frozenset(("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice"))
"""Operators that exports put between the input and its Cast, and that know every type."""


def make_inputs_float(model: Model) -> tuple[Model, Mapping[str, Affine]]:
    """Take away the Casts of integer inputs.

    Args:
        model: in normal form; it is not changed.

    Returns:
        The given model where no input qualifies, else an edited copy; and by name of each input that is float now:
        what the file's input must be for the same numbers to mean the same.
    """
    if not any(_casts(value) for value in model.graph.graph.inputs if value.dtype in _FIXED):
        return model, {}
    model = model.copy()
    editor = Editor(model.graph)
    fixed: dict[str, Affine] = {}
    for source in editor.graph.inputs:
        if source.dtype not in _FIXED or not (casts := _casts(source)):
            continue
        assert source.name is not None
        fixed[source.name] = _FIXED[source.dtype]
        _retype(source)
        for cast in casts:
            value = cast.inputs[0]
            assert value is not None
            editor.replace(cast.outputs[0], value)
    return with_kept_scales(model, editor), fixed


def _casts(value: onnx_ir.Value) -> list[onnx_ir.Node]:
    """The Casts to float32 through which alone a value is read; none if it is read in another way, too."""
    found: list[onnx_ir.Node] = []
    for use in value.uses():
        node = use.node
        if node.op_type == "Cast" and node.outputs[0].dtype == onnx_ir.DataType.FLOAT:
            if node.outputs[0].is_graph_output() and value.is_graph_input():
                return []  # an output cannot be an input under another name
            found.append(node)
        elif node.op_type in _MOVES and use.idx == 0 and (behind := _casts(node.outputs[0])):
            found += behind
        else:
            return []
    return [] if value.is_graph_output() else found


def _retype(value: onnx_ir.Value) -> None:
    """Make a value float, with all that moves make of it."""
    value.type = onnx_ir.TensorType(onnx_ir.DataType.FLOAT)
    for use in value.uses():
        if use.node.op_type in _MOVES:
            _retype(use.node.outputs[0])
