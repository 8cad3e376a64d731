"""How operators were spelled before their definition changed: each function takes one node one version back.

It returns None when the node is now spelled in the older way, else the reason why it cannot be. Shapes are static, so
that meanings that depend on extents can be written out. Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir

from dlpuconv.plugin.onnx import Editor, optional_input, rank, round_down, static_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    type Respelling = Callable[[Editor, onnx_ir.Node], str | None]


def _set_inputs(node: onnx_ir.Node, inputs: Sequence[onnx_ir.Value | None]) -> None:
    node.resize_inputs(len(inputs))
    for position, value in enumerate(inputs):
        node.replace_input_with(position, value)


def _hint(node: onnx_ir.Node, what: str) -> str:
    return f"{node.name or node.op_type}_{what}"


def axes_to_attribute(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Op(x, axes) -> Op<axes>(x), for reductions, Squeeze and Unsqueeze."""
    given = optional_input(node, 1)
    axes = editor.integers(given)
    if given is not None and axes is None:
        return "with axes that are computed"
    keep: int = node.attributes.get_int("noop_with_empty_axes", 0)
    if not axes and keep:
        editor.substitute(node, editor.add(node, "Identity", [node.inputs[0]]))
        return None
    node.attributes.pop("noop_with_empty_axes", None)
    if axes:
        node.attributes.add(onnx_ir.AttrInt64s("axes", axes))
    _set_inputs(node, node.inputs[:1])
    return None


def split_without_count(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Split<num_outputs>(x) -> Split(x, sizes)."""
    node.attributes.pop("num_outputs", None)
    if optional_input(node, 1) is not None:
        return None
    shapes = [shape for output in node.outputs if (shape := static_shape(output)) is not None]
    if len(shapes) != len(node.outputs):
        return "into parts of unknown size"
    axis = node.attributes.get_int("axis", 0)
    sizes = editor.constant(np.asarray([shape[axis] for shape in shapes], np.int64), _hint(node, "sizes"))
    _set_inputs(node, [node.inputs[0], sizes])
    return None


def split_sizes_to_attribute(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Split(x, sizes) -> Split<split>(x)."""
    given = optional_input(node, 1)
    sizes = editor.integers(given)
    if given is not None and sizes is None:
        return "into parts whose sizes are computed"
    if sizes is not None:
        node.attributes.add(onnx_ir.AttrInt64s("split", sizes))
    _set_inputs(node, node.inputs[:1])
    return None


def pad_without_wrap(_: Editor, node: onnx_ir.Node) -> str | None:
    """Pad<mode=wrap> has no older form."""
    return "with mode wrap" if node.attributes.get_string("mode", "constant") == "wrap" else None


def pad_all_axes(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Pad(x, pads, value, axes) -> Pad(x, pads of all axes, value)."""
    given, dims = optional_input(node, 3), rank(node.inputs[0])
    if given is None:
        _set_inputs(node, node.inputs[:3])
        return None
    axes, pads = editor.integers(given), editor.integers(node.inputs[1])
    if axes is None or pads is None or dims is None:
        return "with pads that are computed"
    full = [0] * (2 * dims)
    for position, axis in enumerate(axes):
        full[axis % dims] = pads[position]
        full[axis % dims + dims] = pads[position + len(axes)]
    value = optional_input(node, 2)
    constant = editor.constant(np.asarray(full, np.int64), _hint(node, "pads"))
    _set_inputs(node, [node.inputs[0], constant, *([] if value is None else [value])])
    return None


def resize_symmetric(_: Editor, node: onnx_ir.Node) -> str | None:
    """`half_pixel_symmetric` -> `half_pixel`: they are one where the output's extents are not rounded."""
    if node.attributes.get_string("coordinate_transformation_mode") != "half_pixel_symmetric":
        return None
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    factors = optional_input(node, 2)
    if before is None or after is None:
        return "with half_pixel_symmetric"
    if factors is not None and factors.const_value is not None and factors.const_value.size:
        exact = np.asarray(before) * factors.const_value.numpy()
        if exact.shape != (len(after),) or not np.array_equal(exact, after):
            return "with half_pixel_symmetric and rounded extents"
    node.attributes.add(onnx_ir.AttrString("coordinate_transformation_mode", "half_pixel"))
    return None


def resize_all_axes(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Resize<antialias, axes, keep_aspect_ratio_policy> -> Resize, where they change nothing or can be written out."""
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None:
        return "to unknown extents"
    if node.attributes.get_string("keep_aspect_ratio_policy", "stretch") != "stretch":
        return "with keep_aspect_ratio_policy"
    if node.attributes.get_int("antialias", 0) and any(a < b for a, b in zip(after, before, strict=True)):
        return "with antialias"
    axes = node.attributes.get_ints("axes", None)
    for name in ("antialias", "keep_aspect_ratio_policy", "axes"):
        node.attributes.pop(name, None)
    if axes is None:
        return None
    factors, inputs = editor.array(optional_input(node, 2)), list(node.inputs)
    if factors is not None and factors.size:
        full = np.ones(len(before), np.float32)
        full[[axis % len(before) for axis in axes]] = factors
        inputs[2] = editor.constant(full, _hint(node, "scales"))
    else:
        inputs[3] = editor.constant(np.asarray(after, np.int64), _hint(node, "sizes"))
    inputs[1] = None  # a region of interest counts for tf_crop_and_resize only, and would need all axes too
    if node.attributes.get_string("coordinate_transformation_mode") == "tf_crop_and_resize":
        return "with tf_crop_and_resize on some axes"
    _set_inputs(node, inputs)
    return None


def resize_all_inputs(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Resize(x, , , sizes) -> Resize(x, roi, scales, sizes), empty tensors for what is absent."""
    x, roi, factors, sizes = (optional_input(node, position) for position in range(4))
    empty = np.zeros(0, np.float32)
    inputs = [x, roi or editor.constant(empty, _hint(node, "roi"))]
    inputs.append(factors or editor.constant(empty, _hint(node, "scales")))
    _set_inputs(node, inputs if sizes is None else [*inputs, sizes])
    return None


def softmax(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Softmax over one axis -> over all axes from one on, between transpositions where these differ."""
    x, shape = node.inputs[0], static_shape(node.inputs[0])
    if x is None or shape is None:
        return "of unknown shape"
    last = len(shape) - 1
    axis = node.attributes.get_int("axis", -1) % len(shape)
    if all(extent == 1 for extent in shape[axis + 1 :]):
        node.attributes.add(onnx_ir.AttrInt64("axis", axis))
        return None
    swap = list(range(len(shape)))
    swap[axis], swap[last] = last, axis
    moved = editor.add(node, "Transpose", [x], {"perm": swap})
    result = editor.add(node, node.op_type, [moved], {"axis": last})
    editor.substitute(node, editor.add(node, "Transpose", [result], {"perm": swap}))
    return None


def roi_align(_: Editor, node: onnx_ir.Node) -> str | None:
    """RoiAlign knew only `output_half_pixel`, which was no attribute then."""
    if node.attributes.get_string("coordinate_transformation_mode", "half_pixel") != "output_half_pixel":
        return "with half_pixel"
    node.attributes.pop("coordinate_transformation_mode")
    return None


def grid_sample(_: Editor, node: onnx_ir.Node) -> str | None:
    """The interpolation modes `linear` and `cubic` were named `bilinear` and `bicubic`."""
    mode = node.attributes.get_string("mode", "linear")
    if rank(node.inputs[0]) != 4:
        return "of other than two dimensions"
    node.attributes.add(onnx_ir.AttrString("mode", {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)))
    return None


def pow_of_one_type(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Pow(float, integer constant) -> Pow(float, float constant)."""
    base, exponent = node.inputs
    if base is None or exponent is None or base.dtype == exponent.dtype or base.dtype is None:
        return None
    values = editor.array(exponent)
    if values is None:
        return "of mixed types"
    _set_inputs(node, [base, editor.constant(values.astype(base.dtype.numpy()), _hint(node, "exponent"))])
    return None


def reshape(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Reshape<allowzero> where no extent is 0 -> Reshape."""
    shape = editor.integers(node.inputs[1])
    if node.attributes.get_int("allowzero", 0) and (shape is None or 0 in shape):
        return "with allowzero"
    node.attributes.pop("allowzero", None)
    return None


def cast(_: Editor, node: onnx_ir.Node) -> str | None:
    """`saturate` is about float8 alone."""
    node.attributes.pop("saturate", None)
    return None


def scatter_extremes(_: Editor, node: onnx_ir.Node) -> str | None:
    """Scatter with `max` or `min` has no older form."""
    reduction = node.attributes.get_string("reduction", "none")
    return f"with reduction {reduction}" if reduction in ("max", "min") else None


def pool(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Pooling without gaps -> pooling that knows no dilations."""
    if any(d != 1 for d in node.attributes.get_ints("dilations") or ()):
        return "with dilations"
    node.attributes.pop("dilations", None)
    return max_pool(editor, node)


def max_pool(editor: Editor, node: onnx_ir.Node) -> str | None:
    """Pooling whose rounding up changes nothing -> pooling that rounds down."""
    round_down(editor, node)
    return None


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")

RESPELLINGS: dict[str, tuple[tuple[int, Respelling], ...]] = {
    "AveragePool": ((19, pool),),
    "Cast": ((19, cast),),
    "GridSample": ((20, grid_sample),),
    "Hardmax": ((13, softmax),),
    "LogSoftmax": ((13, softmax),),
    "LpPool": ((18, pool),),
    "MaxPool": ((22, max_pool),),
    "Pad": ((19, pad_without_wrap), (18, pad_all_axes)),
    "Pow": ((12, pow_of_one_type),),
    "ReduceSum": ((13, axes_to_attribute),),
    "Reshape": ((14, reshape),),
    "Resize": ((19, resize_symmetric), (18, resize_all_axes), (13, resize_all_inputs)),
    "RoiAlign": ((16, roi_align),),
    "ScatterElements": ((18, scatter_extremes),),
    "ScatterND": ((18, scatter_extremes),),
    "Softmax": ((13, softmax),),
    "Split": ((18, split_without_count), (13, split_sizes_to_attribute)),
    "Squeeze": ((13, axes_to_attribute),),
    "Unsqueeze": ((13, axes_to_attribute),),
    **{f"Reduce{name}": ((18, axes_to_attribute),) for name in _REDUCTIONS},
}
"""For each operator, newest change first: the opset that brought it, and the way back."""
