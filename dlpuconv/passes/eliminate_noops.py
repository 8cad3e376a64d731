"""op(x) -> x, where op changes nothing: Identity, Dropout, Reshape to the same shape, Slice of everything, x + 0, ...

Needs static shapes and constants folded. Leaves no Identity and no Dropout but between an input and an output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank, static_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir

    type Test = Callable[[Editor, onnx_ir.Node], int | None]


def eliminate(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Let the readers of the node read the input that it passes on."""
    index = _TESTS[node.op_type](editor, node)
    if index is None:
        return None
    source, output = node.inputs[index], node.outputs[0]
    if source is None or any(o.uses() or o.is_graph_output() for o in node.outputs[1:]):
        return "its further outputs are used"
    if not editor.can_replace(output, source):
        if node.op_type in _OF_MANY:
            node.op_type = "Identity"  # formats know none of one value
            return FIRED
        return f"{output.name} is an output of the graph and {source.name} cannot take its name"
    former = str(source.name)
    editor.replace(output, source)
    if source.name != former:  # a graph output that is made elsewhere takes the name along
        editor.renamed.setdefault(former, str(source.name))
    return FIRED


def _always(_: Editor, __: onnx_ir.Node) -> int | None:
    return 0


def _same_shape(_: Editor, node: onnx_ir.Node) -> int | None:
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    return 0 if before is not None and before == after else None


def _single_elements(editor: Editor, node: onnx_ir.Node) -> int | None:
    shape, axes = static_shape(node.inputs[0]), editor.integers(node.inputs[1]) if len(node.inputs) > 1 else None
    # Slices, since a damaged model may name an axis that there is not.
    alone = shape is not None and bool(axes) and all(shape[axis : axis + 1 or None] == (1,) for axis in axes or ())
    return _same_shape(editor, node) if alone else None


def _same_type(_: Editor, node: onnx_ir.Node) -> int | None:
    x = node.inputs[0]
    return 0 if x is not None and x.dtype is not None and x.dtype == node.outputs[0].dtype else None


def _same_axes(_: Editor, node: onnx_ir.Node) -> int | None:
    dims = rank(node.inputs[0])
    return 0 if dims is not None and attrs.integers(node, "perm") == list(range(dims)) else None


def _one_input(_: Editor, node: onnx_ir.Node) -> int | None:
    return 0 if len(node.inputs) == 1 else None


def _one_output(_: Editor, node: onnx_ir.Node) -> int | None:
    return 0 if len(node.outputs) == 1 else None


def _no_padding(editor: Editor, node: onnx_ir.Node) -> int | None:
    pads = editor.integers(node.inputs[1])
    return 0 if pads is not None and not any(pads) else None


def _whole_slice(editor: Editor, node: onnx_ir.Node) -> int | None:
    steps = editor.integers(node.inputs[4]) if len(node.inputs) > 4 else [1]
    return _same_shape(editor, node) if steps is not None and all(s == 1 for s in steps) else None


def _whole_gather(editor: Editor, node: onnx_ir.Node) -> int | None:
    shape, index = static_shape(node.inputs[0]), editor.array(node.inputs[1])
    if shape is None or index is None or index.ndim != 1:
        return None
    extent = shape[attrs.integer(node, "axis", 0)]
    return 0 if index.size == extent and (index % extent == np.arange(extent)).all() else None


def _same_size(editor: Editor, node: onnx_ir.Node) -> int | None:
    scales = editor.array(node.inputs[2]) if len(node.inputs) > 2 else None
    if scales is not None and scales.size and (scales != 1).any():
        return None
    return None if crops(node) else _same_shape(editor, node)


def crops(node: onnx_ir.Node) -> bool:
    """True for a Resize that takes a part of its input."""
    return attrs.text(node, "coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"


def _neutral(neutral: float, *, either_side: bool) -> Test:
    def test(editor: Editor, node: onnx_ir.Node) -> int | None:
        for constant, other in ((1, 0), (0, 1)) if either_side else ((1, 0),):
            array = editor.array(node.inputs[constant])
            if array is None or not (array == neutral).all():
                continue
            x = node.inputs[other]
            same = static_shape(x) is not None and static_shape(x) == static_shape(node.outputs[0])
            return other if same else None
        return None

    return test


def _one_window(_: Editor, node: onnx_ir.Node) -> int | None:
    settings = [attrs.integers(node, name) or [1] for name in ("kernel_shape", "strides")]
    plain = all(v == 1 for values in settings for v in values) and not attrs.pads(node)
    return _same_shape(_, node) if plain else None


def _unbounded(editor: Editor, node: onnx_ir.Node) -> int | None:
    low = editor.scalar(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] is not None else -np.inf
    high = editor.scalar(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else np.inf
    limit = float(np.finfo(np.float32).max)
    return 0 if low is not None and high is not None and low <= -limit and high >= limit else None


def _one_block(_: Editor, node: onnx_ir.Node) -> int | None:
    return 0 if attrs.integer(node, "blocksize", 0) == 1 else None


_OF_MANY = ("Max", "Mean", "Min", "Sum")
_TESTS: dict[str, Test] = {
    "Identity": _always,
    "ReduceMean": _single_elements,
    "Dropout": _always,
    "Cast": _same_type,
    "CastLike": _same_type,
    "Reshape": _same_shape,
    "Flatten": _same_shape,
    "Squeeze": _same_shape,
    "Unsqueeze": _same_shape,
    "Expand": _same_shape,
    "Tile": _same_shape,
    "Transpose": _same_axes,
    "Concat": _one_input,
    **dict.fromkeys(_OF_MANY, _one_input),
    "Split": _one_output,
    "Pad": _no_padding,
    "Slice": _whole_slice,
    "Gather": _whole_gather,
    "Resize": _same_size,
    "Add": _neutral(0, either_side=True),
    "Sub": _neutral(0, either_side=False),
    "Mul": _neutral(1, either_side=True),
    "Div": _neutral(1, either_side=False),
    "Pow": _neutral(1, either_side=False),
    "MaxPool": _one_window,
    "AveragePool": _one_window,
    "Clip": _unbounded,
    "DepthToSpace": _one_block,
    "SpaceToDepth": _one_block,
}

PASS = Rewrite("eliminate-noops", "removed, as it changes nothing", tuple(_TESTS), eliminate)
