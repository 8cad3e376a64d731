"""How single operators were spelled before opset 20, and since: each function brings one node to opset 20.

The graph has static shapes (see `fold_constants`), so semantics that depend on ranks and extents can be written out.
Sources: the operators' change log, https://github.com/onnx/onnx/blob/main/docs/Changelog.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes import expand_norms, spell_attention
from dlpuconv.passes.editor import Editor, rank, static_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir

    type Adapter = Callable[[Editor, onnx_ir.Node], None]


def _with_inputs(node: onnx_ir.Node, inputs: list[onnx_ir.Value | None], drop: tuple[str, ...]) -> None:
    """Give the node these inputs and take those attributes away; its outputs stay the same values."""
    while inputs and inputs[-1] is None:
        inputs.pop()
    node.resize_inputs(len(inputs))
    for i, value in enumerate(inputs):
        node.replace_input_with(i, value)
    for name in drop:
        node.attributes.pop(name, None)


def _int64(editor: Editor, node: onnx_ir.Node, values: object, what: str) -> onnx_ir.Value:
    return editor.constant(np.asarray(values, np.int64), f"{node.name or node.op_type}_{what}")


def axes_to_input(editor: Editor, node: onnx_ir.Node) -> None:
    """Op<axes>(x) -> Op(x, axes), for reductions, Squeeze and Unsqueeze."""
    axes = attrs.integers(node, "axes")
    if axes is not None:
        _with_inputs(node, [node.inputs[0], _int64(editor, node, axes, "axes")], ("axes",))


def clip(editor: Editor, node: onnx_ir.Node) -> None:
    """Clip<min, max>(x) -> Clip(x, min, max)."""
    bounds: list[onnx_ir.Value | None] = []
    for name in ("min", "max"):
        bound = node.attributes.get(name)
        hint = f"{node.name or 'clip'}_{name}"
        bounds.append(None if bound is None else editor.constant(np.asarray(bound.value, np.float32), hint))
    _with_inputs(node, [node.inputs[0], *bounds], ("min", "max"))


def pad(editor: Editor, node: onnx_ir.Node) -> None:
    """Pad<pads, value>(x) -> Pad(x, pads, value)."""
    value = attrs.number(node, "value", 0.0)
    fill = editor.constant(np.asarray(value, np.float32), f"{node.name or 'pad'}_value") if value else None
    pads = _int64(editor, node, node.attributes["pads"].as_ints(), "pads")
    _with_inputs(node, [node.inputs[0], pads, fill], ("pads", "value"))


def slice_(editor: Editor, node: onnx_ir.Node) -> None:
    """Slice<starts, ends, axes>(x) -> Slice(x, starts, ends, axes)."""
    given = [attrs.integers(node, name) for name in ("starts", "ends", "axes")]
    inputs = [None if g is None else _int64(editor, node, g, "bounds") for g in given]
    _with_inputs(node, [node.inputs[0], *inputs], ("starts", "ends", "axes"))


def split(editor: Editor, node: onnx_ir.Node) -> None:
    """Split<split>(x), Split<num_outputs>(x) -> Split(x, sizes)."""
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        return
    sizes = attrs.integers(node, "split")
    if sizes is None:
        axis = attrs.integer(node, "axis", 0)
        shapes = [static_shape(output) for output in node.outputs]
        if any(shape is None for shape in shapes):
            return
        sizes = [shape[axis] for shape in shapes if shape is not None]
    _with_inputs(node, [node.inputs[0], _int64(editor, node, sizes, "sizes")], ("split", "num_outputs"))


def top_k(editor: Editor, node: onnx_ir.Node) -> None:
    """TopK<k>(x) -> TopK(x, k)."""
    if "k" in node.attributes:
        k = attrs.integer(node, "k", 0)
        _with_inputs(node, [node.inputs[0], _int64(editor, node, [k], "k")], ("k",))


def softmax(editor: Editor, node: onnx_ir.Node) -> None:
    """Softmax over all axes from `axis` (1) on -> over one axis (-1), with Reshape around it where these differ."""
    x, dims = node.inputs[0], rank(node.inputs[0])
    if dims is None or x is None:
        return
    axis = attrs.integer(node, "axis", 1) % max(dims, 1)
    shape = static_shape(x)
    if shape is not None and (axis == dims - 1 or all(d == 1 for d in shape[axis + 1 :])):
        attrs.put(node, "axis", axis)
        return
    if shape is None:
        return
    rows = int(np.prod(shape[:axis], dtype=np.int64))
    flat = editor.add(node, "Reshape", [x, _int64(editor, node, [rows, -1], "rows")])
    inner = editor.add(node, node.op_type, [flat], {"axis": 1})
    editor.substitute(node, editor.add(node, "Reshape", [inner, _int64(editor, node, shape, "shape")]))


def dft(editor: Editor, node: onnx_ir.Node) -> None:
    """DFT<axis>(x, length) -> DFT(x, length, axis)."""
    axis = editor.constant(np.asarray(attrs.integer(node, "axis", 1), np.int64), f"{node.name or 'dft'}_axis")
    length = node.inputs[1] if len(node.inputs) > 1 else None
    _with_inputs(node, [node.inputs[0], length, axis], ("axis",))


def batch_normalization(_: Editor, node: onnx_ir.Node) -> None:
    """BatchNormalization of five outputs -> of one: what training updates is not used."""
    for name in ("spatial", "training_mode"):
        node.attributes.pop(name, None)
    _drop_unused_outputs(node)


def _drop_unused_outputs(node: onnx_ir.Node) -> None:
    if not any(o.uses() or o.is_graph_output() for o in node.outputs[1:]):
        node.resize_outputs(1)


def dropout(_: Editor, node: onnx_ir.Node) -> None:
    """Dropout of any ratio -> of none: the model is not trained here."""
    _with_inputs(node, [node.inputs[0]], ("ratio", "seed"))
    _drop_unused_outputs(node)  # opset 7's mask was a float


def upsample(editor: Editor, node: onnx_ir.Node) -> None:
    """Upsample(x, scales) -> Resize(x, , scales), asymmetric, nearest by floor."""
    scales = node.inputs[1] if len(node.inputs) > 1 else None
    if scales is None:
        given = node.attributes["scales"].as_floats()
        scales = editor.constant(np.asarray(given, np.float32), f"{node.name or 'upsample'}_scales")
    attributes = {
        "mode": attrs.text(node, "mode", "nearest"),
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    editor.substitute(node, editor.add(node, "Resize", [node.inputs[0], None, scales], attributes))


def resize_10(editor: Editor, node: onnx_ir.Node) -> None:
    """Resize(x, scales) of opset 10 -> asymmetric; nearest by floor when it enlarges, by ceil when it shrinks.

    That is what ONNX Runtime computes for it (`ResizeNearestMode::SIMPLE`).
    """
    factors = editor.array(node.inputs[1])
    shrinks = factors is not None and bool((factors < 1).any())
    _with_inputs(node, [node.inputs[0], None, node.inputs[1]], ())
    attrs.put(node, "coordinate_transformation_mode", "asymmetric")
    attrs.put(node, "nearest_mode", "ceil" if shrinks else "floor")


def resize_11(_: Editor, node: onnx_ir.Node) -> None:
    """`tf_half_pixel_for_nn` -> `half_pixel` rounded half up: floor((x + 0.5) / s) both."""
    if attrs.text(node, "coordinate_transformation_mode", "half_pixel") == "tf_half_pixel_for_nn":
        attrs.put(node, "coordinate_transformation_mode", "half_pixel")
        attrs.put(node, "nearest_mode", "round_prefer_ceil")


def roi_align(_: Editor, node: onnx_ir.Node) -> None:
    """The default of coordinate_transformation_mode changed with opset 16."""
    if "coordinate_transformation_mode" not in node.attributes:
        attrs.put(node, "coordinate_transformation_mode", "output_half_pixel")


def grid_sample(_: Editor, node: onnx_ir.Node) -> None:
    """The interpolation modes were renamed in opset 20."""
    mode = attrs.text(node, "mode", "bilinear")
    attrs.put(node, "mode", {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode))


def scatter(_: Editor, node: onnx_ir.Node) -> None:
    """Scatter -> ScatterElements."""
    node.op_type = "ScatterElements"


def swish(editor: Editor, node: onnx_ir.Node) -> None:
    """Swish<alpha>(x) of opset 24 -> x * Sigmoid(alpha * x)."""
    x, alpha = node.inputs[0], attrs.number(node, "alpha", 1.0)
    scaled = x
    if alpha != 1.0:
        factor = editor.constant(np.asarray(alpha, np.float32), f"{node.name or 'swish'}_alpha")
        scaled = editor.add(node, "Mul", [x, factor])
    editor.substitute(node, editor.add(node, "Mul", [x, editor.add(node, "Sigmoid", [scaled])]))


def norm(editor: Editor, node: onnx_ir.Node) -> None:
    """Normalizations that opset 20 has deprecated or does not have yet -> means and products."""
    expand_norms.expand(editor, node)


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")

OLDER: dict[str, tuple[tuple[int, Adapter], ...]] = {
    "BatchNormalization": ((15, batch_normalization),),
    "Clip": ((11, clip),),
    "DFT": ((20, dft),),
    "Dropout": ((99, dropout),),
    "GridSample": ((20, grid_sample),),
    "GroupNormalization": ((99, norm),),
    "Hardmax": ((13, softmax),),
    "LogSoftmax": ((13, softmax),),
    "Pad": ((11, pad),),
    "ReduceSum": ((13, axes_to_input),),
    "Resize": ((11, resize_10), (13, resize_11)),
    "RoiAlign": ((16, roi_align),),
    "Scatter": ((11, scatter),),
    "Slice": ((10, slice_),),
    "Softmax": ((13, softmax),),
    "Split": ((99, split),),
    "Squeeze": ((13, axes_to_input),),
    "TopK": ((10, top_k),),
    "Unsqueeze": ((13, axes_to_input),),
    "Upsample": ((10, upsample),),
    **{f"Reduce{name}": ((18, axes_to_input),) for name in _REDUCTIONS},
}
"""For each operator: adapters for models whose opset is below the number."""

NEWER: dict[str, Adapter] = {
    "Attention": spell_attention.attention,
    "RMSNormalization": norm,
    "RotaryEmbedding": spell_attention.rotary_embedding,
    "Swish": swish,
}
"""Operators that came after opset 20."""
