"""Layer, Instance, Group, Lp, RMS and MeanVarianceNormalization -> means and products.

    d = x - Mean(x);  y = d * Reciprocal(Sqrt(Mean(d * d) + epsilon)) * scale + bias

Needs static shapes, leaves none of these operators. TFLite has none of these operators; written out like this, with one
root that becomes RSQRT, each piece has an 8-bit kernel and is quantized by itself. A mean over a group of channels is a
mean over height and width followed by a 1x1 Conv that averages channels, because a Reshape that splits the channels
cannot be done in NHWC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, static_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir

    type Mean = Callable[[onnx_ir.Value], onnx_ir.Value]

_MOST_CHANNELS = 4096


def expand(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Write one normalization out."""
    if any(o.uses() or o.is_graph_output() for o in node.outputs[1:]):
        return "its statistics are used"
    shape = static_shape(node.inputs[0])
    if shape is None:
        return "the shape of its input is unknown"
    result = _FORMS[node.op_type](editor, node, shape)
    if isinstance(result, str):
        return result
    editor.substitute(node, result)
    return FIRED


def mean_over(editor: Editor, node: onnx_ir.Node, axes: list[int]) -> Mean:
    """How to take the mean over axes, which are kept."""
    constant = editor.constant(np.asarray(axes, np.int64), f"{node.name}_axes")
    return lambda value: editor.add(node, "ReduceMean", [value, constant], {"keepdims": 1})


def inverse_root(editor: Editor, node: onnx_ir.Node, x: onnx_ir.Value, epsilon: float) -> onnx_ir.Value:
    """1 / sqrt(x + epsilon)."""
    if epsilon:
        x = editor.add(node, "Add", [x, editor.constant(np.asarray(epsilon, np.float32), f"{node.name}_epsilon")])
    return editor.add(node, "Reciprocal", [editor.add(node, "Sqrt", [x])])


def standardize(
    editor: Editor, node: onnx_ir.Node, x: onnx_ir.Value | None, mean: Mean, epsilon: float
) -> onnx_ir.Value:
    """X with the mean taken off, over its standard deviation."""
    assert x is not None
    centred = editor.add(node, "Sub", [x, mean(x)])
    variance = mean(editor.add(node, "Mul", [centred, centred]))
    return editor.add(node, "Mul", [centred, inverse_root(editor, node, variance, epsilon)])


def _scale_and_shift(
    editor: Editor, node: onnx_ir.Node, x: onnx_ir.Value, along: tuple[int, ...] | None
) -> onnx_ir.Value:
    """X * scale + bias with the second and third input of `node`, reshaped to broadcast along an axis."""
    for operator, i in (("Mul", 1), ("Add", 2)):
        given = optional_input(node, i)
        if given is None:
            continue
        array = editor.array(given)
        if along is not None and array is not None:
            given = editor.constant(array.reshape(along), given.name or "factor")
        elif along is not None:
            shape = editor.constant(np.asarray(along, np.int64), f"{node.name}_along")
            given = editor.add(node, "Reshape", [given, shape])
        x = editor.add(node, operator, [x, given])
    return x


def _layer(editor: Editor, node: onnx_ir.Node, shape: tuple[int, ...]) -> onnx_ir.Value | str:
    axes = list(range(attrs.integer(node, "axis", -1) % len(shape), len(shape)))
    normal = standardize(
        editor, node, node.inputs[0], mean_over(editor, node, axes), attrs.number(node, "epsilon", 1e-5)
    )
    return _scale_and_shift(editor, node, normal, None)


def _root_mean_square(editor: Editor, node: onnx_ir.Node, shape: tuple[int, ...]) -> onnx_ir.Value | str:
    x = node.inputs[0]
    axes = list(range(attrs.integer(node, "axis", -1) % len(shape), len(shape)))
    square = mean_over(editor, node, axes)(editor.add(node, "Mul", [x, x]))
    root = inverse_root(editor, node, square, attrs.number(node, "epsilon", 1e-5))
    return _scale_and_shift(editor, node, editor.add(node, "Mul", [x, root]), None)


def _instance(editor: Editor, node: onnx_ir.Node, shape: tuple[int, ...]) -> onnx_ir.Value | str:
    mean = mean_over(editor, node, list(range(2, len(shape))))
    normal = standardize(editor, node, node.inputs[0], mean, attrs.number(node, "epsilon", 1e-5))
    return _scale_and_shift(editor, node, normal, (1, shape[1], *[1] * (len(shape) - 2)))


def group_mean(editor: Editor, node: onnx_ir.Node, channels: int, groups: int) -> Mean:
    """How to take the mean over height, width and a group of channels; the result is [N, C, 1, 1]."""
    within = np.kron(np.eye(groups), np.full((channels // groups,) * 2, groups / channels))
    weight = editor.constant(within.astype(np.float32)[..., None, None], f"{node.name}_averages")
    geometry = {**attrs.POINTWISE, "group": 1}
    spatial = mean_over(editor, node, [2, 3])
    return lambda value: editor.add(node, "Conv", [spatial(value), weight], geometry)


def _group(editor: Editor, node: onnx_ir.Node, shape: tuple[int, ...]) -> onnx_ir.Value | str:
    groups, channels = attrs.integer(node, "num_groups", 1), shape[1]
    factors = [editor.array(node.inputs[i]) for i in (1, 2)]
    if groups < 1 or channels % groups or any(f is not None and f.size not in (channels, groups) for f in factors):
        return "its groups, scale and bias do not fit its channels"
    for i, array in enumerate(factors, 1):
        if array is not None and array.size != channels:  # until opset 20, one number a group
            node.replace_input_with(i, editor.constant(array.repeat(channels // groups), f"{node.name}_factor"))
    epsilon = attrs.number(node, "epsilon", 1e-5)
    if len(shape) == 4 and channels <= _MOST_CHANNELS:
        normal = standardize(editor, node, node.inputs[0], group_mean(editor, node, channels, groups), epsilon)
    else:
        rows = editor.reshape(node, node.inputs[0], [shape[0], groups, -1])
        normal = editor.reshape(node, standardize(editor, node, rows, mean_over(editor, node, [2]), epsilon), shape)
    return _scale_and_shift(editor, node, normal, (1, channels, *[1] * (len(shape) - 2)))


def group_instance(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """InstanceNormalization between a Reshape of [N, C, H, W] to [N, groups, -1] and one back: PyTorch's GroupNorm."""
    x = node.inputs[0]
    before, after = (x.producer() if x is not None else None), editor.only_reader(node.outputs[0])
    if before is None or after is None or before.op_type != "Reshape" or after.op_type != "Reshape":
        return None
    shape, grouped = static_shape(before.inputs[0]), static_shape(x)
    if shape is None or grouped is None or len(shape) != 4 or static_shape(after.outputs[0]) != shape:
        return "it is not of rank 4 before and after"
    groups = grouped[1]
    factors = [editor.array(v) for v in node.inputs[1:3]]
    if grouped[0] != shape[0] or shape[1] % groups or any(f is None for f in factors):
        return "it does not group channels, or its factors are not constant"
    if shape[1] > _MOST_CHANNELS:
        return f"a convolution over {shape[1]} channels would have as many weights as the square of that"
    scale, bias = (np.asarray(f).repeat(shape[1] // groups) for f in factors)
    settings = {"num_groups": groups, "epsilon": attrs.number(node, "epsilon", 1e-5)}
    constants = [editor.constant(f, f"{node.name}_factor") for f in (scale, bias)]
    whole = editor.insert(after, "GroupNormalization", [before.inputs[0], *constants], settings)
    whole.outputs[0].shape, whole.outputs[0].type = after.outputs[0].shape, after.outputs[0].type
    editor.substitute(after, whole.outputs[0])
    return expand(editor, whole)


def _mean_variance(editor: Editor, node: onnx_ir.Node, _: tuple[int, ...]) -> onnx_ir.Value | str:
    # The specification adds 1e-9 to the deviation, which is below float32's resolution of anything but zero.
    return standardize(
        editor, node, node.inputs[0], mean_over(editor, node, attrs.integers(node, "axes") or [0, 2, 3]), 1e-9
    )


def _lp(editor: Editor, node: onnx_ir.Node, _: tuple[int, ...]) -> onnx_ir.Value | str:
    x, order = node.inputs[0], attrs.integer(node, "p", 2)
    axes = editor.constant(np.asarray([attrs.integer(node, "axis", -1)], np.int64), f"{node.name}_axes")
    power = editor.add(node, "Mul", [x, x]) if order == 2 else editor.add(node, "Abs", [x])
    factor = inverse_root(editor, node, editor.add(node, "ReduceSum", [power, axes], {"keepdims": 1}), 0.0)
    if order == 1:
        factor = editor.add(node, "Mul", [factor, factor])
    return editor.add(node, "Mul", [x, factor])


_FORMS: dict[str, Callable[[Editor, onnx_ir.Node, tuple[int, ...]], onnx_ir.Value | str]] = {
    "LayerNormalization": _layer,
    "InstanceNormalization": _instance,
    "GroupNormalization": _group,
    "MeanVarianceNormalization": _mean_variance,
    "LpNormalization": _lp,
    "RMSNormalization": _root_mean_square,
}

GROUPS = Rewrite(
    "expand-group-norms", "group normalization rewritten as basic operators", ("InstanceNormalization",), group_instance
)
PASS = Rewrite("expand-norms", "normalization rewritten as basic operators", tuple(_FORMS), expand)
