"""Conv(x), x = (p - mean) / std  ->  Conv'(q), q = p - z: a normalization moves into the weights that read the input.

    W'[o, c] = W[o, c] / std[c]        b'[o] = b[o] + sum over c, taps of W'[o, c] * (z - mean[c])

This is exact where the kernel lies inside the image. A tap in the padding reads x = 0, which is p = mean; the
rewritten one reads q = 0, which is p = z. So the loss is zero without padding or where z is every channel's mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir import Layout

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.passes.editor import Editor
    from dlpuconv.passes.fold_camera import Camera

_NHWC_TO_NCHW = (0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class FirstConvolutions:
    """All nodes that read an input, each of them a Conv of constant weights."""

    nodes: tuple[onnx_ir.Node, ...]

    @property
    def grouped(self) -> bool:
        """True when some convolution does not mix all channels: then these cannot be reordered by its weights."""
        return any(_groups(node) > 1 for node in self.nodes)

    @property
    def padded(self) -> bool:
        """True when some tap may read the padding."""
        return any(any(before or after for before, after in _padding(node)) for node in self.nodes)


def first_convolutions(editor: Editor, source: onnx_ir.Value, layout: Layout) -> FirstConvolutions | str:
    """The convolutions that read `source`, through NHWC-to-NCHW transposes at most; or why they cannot be rewritten."""
    if source.is_graph_output():
        return f"the input {source.name!r} is an output as well"
    found: list[onnx_ir.Node] = []
    for node in source.consumers():
        if layout is Layout.NHWC:
            reads = _through_transpose(node)
            if isinstance(reads, str):
                return reads
            found += reads
        else:
            found.append(node)
    for node in found:
        reason = _unfit(editor, node)
        if reason:
            return reason
    return FirstConvolutions(tuple(found)) if found else f"nothing reads the input {source.name!r}"


def fold(editor: Editor, convolutions: FirstConvolutions, camera: Camera, zero_point: int) -> None:
    """Rewrite the weights and biases in place so that the convolutions read `p - zero_point` in camera order."""
    for node in convolutions.nodes:
        weights = _weights(editor, node)
        scaled = _scaled(weights, camera, _groups(node))
        shift = (zero_point - _by_output(camera.mean, camera, weights, _groups(node)))[:, :, None, None]
        bias = editor.array(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else None
        new_bias = (scaled * shift).sum(axis=(1, 2, 3)) + (0.0 if bias is None else bias.astype(np.float64))
        _set(editor, node, scaled, new_bias, camera)


def reorder(editor: Editor, convolutions: FirstConvolutions, camera: Camera) -> None:
    """Rewrite the weights in place so that the convolutions read their channels in camera order."""
    for node in convolutions.nodes:
        bias = editor.array(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else None
        _set(editor, node, _weights(editor, node), bias, camera)


def best_zero_point(editor: Editor, convolutions: FirstConvolutions, camera: Camera) -> int:
    """The integer in 0..255 that loses least at the borders.

    With a[o, y, x] the sum of W' over the taps in the padding and d[o, y, x] that of W' * mean, the error at an output
    is z * a - d. Its energy is a parabola in z, least at sum(a * d) / sum(a * a). No data is needed.
    """
    products = squares = 0.0
    for node in convolutions.nodes:
        weights = _weights(editor, node)
        scaled = _scaled(weights, camera, _groups(node))
        means = _by_output(camera.mean, camera, weights, _groups(node))[:, :, None, None]
        a = _over_padding(node, scaled.sum(axis=1))
        d = _over_padding(node, (scaled * means).sum(axis=1))
        products, squares = products + float((a * d).sum()), squares + float((a * a).sum())
    best = products / squares if squares > 0 else float(np.mean(camera.mean))
    return int(np.clip(round(best), 0, 255))


def _through_transpose(node: onnx_ir.Node) -> list[onnx_ir.Node] | str:
    perm = node.attributes.get("perm")
    if node.op_type != "Transpose" or perm is None or tuple(perm.as_ints()) != _NHWC_TO_NCHW:
        return f"{_named(node)} reads the input, whose channels are last"
    if node.outputs[0].is_graph_output():
        return f"{_named(node)} makes an output"
    return list(node.outputs[0].consumers())


def _unfit(editor: Editor, node: onnx_ir.Node) -> str:
    if node.op_type != "Conv" or node.domain not in ("", "ai.onnx"):
        return f"{_named(node)} reads the input and is not a convolution"
    weights = editor.array(node.inputs[1])
    biased = len(node.inputs) > 2 and node.inputs[2] is not None
    if weights is None or (biased and editor.array(node.inputs[2]) is None):
        return f"{_named(node)} has weights or a bias that are not constant"
    if weights.ndim != 4 or list(node.inputs).count(node.inputs[0]) != 1:
        return f"{_named(node)} is not a plain two-dimensional convolution"
    return ""


def _set(
    editor: Editor,
    node: onnx_ir.Node,
    weights: npt.NDArray[np.float64],
    bias: npt.NDArray[np.float64] | None,
    camera: Camera,
) -> None:
    """New constants: the old ones may be shared with other nodes."""
    if camera.order:
        weights = weights[:, list(camera.order)]
    old = [value for value in node.inputs[1:3] if value is not None]
    kind = np.asarray(editor.array(node.inputs[1])).dtype
    hint = str(old[0].name)
    node.replace_input_with(1, editor.constant(weights.astype(kind), f"{hint}_camera"))
    if bias is not None:
        if len(node.inputs) < 3:
            node.resize_inputs(3)
        node.replace_input_with(2, editor.constant(bias.astype(kind), f"{hint}_camera_bias"))
    for value in old:
        name = str(value.name)
        if not value.uses() and not value.is_graph_output() and name in editor.graph.initializers:
            del editor.graph.initializers[name]


def _weights(editor: Editor, node: onnx_ir.Node) -> npt.NDArray[np.float64]:
    """[C_out, C_in/groups, KH, KW]."""
    return np.asarray(editor.array(node.inputs[1]), np.float64)


def _scaled(weights: npt.NDArray[np.float64], camera: Camera, groups: int) -> npt.NDArray[np.float64]:
    """W' in the network's channel order, [C_out, C_in/groups, KH, KW]."""
    return np.asarray(weights / _by_output(camera.std, camera, weights, groups)[:, :, None, None])


def _by_output(
    values: tuple[float, ...], camera: Camera, weights: npt.NDArray[np.float64], groups: int
) -> npt.NDArray[np.float64]:
    """[C_out, C_in/groups]: the value of the input channel that each weight reads."""
    by_channel = np.asarray(values, np.float64)[camera.network_order()].reshape(groups, -1)
    return np.repeat(by_channel, weights.shape[0] // groups, axis=0)


def _over_padding(node: onnx_ir.Node, taps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum of `taps` [C_out, KH, KW] over those that read the padding, by output position: [C_out, OH, OW]."""
    rows, columns = _inside(node, 0), _inside(node, 1)
    inside = np.einsum("okl,yk,xl->oyx", taps, rows, columns, optimize=True)
    return np.asarray(taps.sum(axis=(1, 2))[:, None, None] - inside)


def _inside(node: onnx_ir.Node, axis: int) -> npt.NDArray[np.float64]:
    """[extent of the output, extent of the kernel]: 1 where that tap reads the image, 0 where it reads padding."""
    source, result = node.inputs[0], node.outputs[0]
    assert source is not None
    assert source.shape is not None
    assert result.shape is not None
    extent = source.shape.numpy()[2 + axis]
    output = np.arange(result.shape.numpy()[2 + axis])
    position = output[:, None] * _pair(node, "strides")[axis] - _padding(node)[axis][0]
    position = position + np.arange(_kernel(node)[axis])[None, :] * _pair(node, "dilations")[axis]
    return np.asarray((position >= 0) & (position < extent), np.float64)


def _padding(node: onnx_ir.Node) -> list[tuple[int, int]]:
    """Rows and columns before and after, of height and width."""
    attribute = node.attributes.get("auto_pad")
    mode = attribute.as_string() if attribute else "NOTSET"
    if mode == "VALID":
        return [(0, 0), (0, 0)]
    if mode == "NOTSET":
        pads = node.attributes.get("pads")
        values = list(pads.as_ints()) if pads else [0, 0, 0, 0]
        return [(values[0], values[2]), (values[1], values[3])]
    return [_same(node, axis, upper=mode == "SAME_UPPER") for axis in (0, 1)]


def _same(node: onnx_ir.Node, axis: int, *, upper: bool) -> tuple[int, int]:
    source, result = node.inputs[0], node.outputs[0]
    assert source is not None
    assert source.shape is not None
    assert result.shape is not None
    reach = (_kernel(node)[axis] - 1) * _pair(node, "dilations")[axis] + 1
    last = (result.shape.numpy()[2 + axis] - 1) * _pair(node, "strides")[axis]
    total = max(0, last + reach - source.shape.numpy()[2 + axis])
    small, large = total // 2, total - total // 2
    return (small, large) if upper else (large, small)


def _kernel(node: onnx_ir.Node) -> tuple[int, ...]:
    weights = node.inputs[1]
    assert weights is not None
    assert weights.shape is not None
    return weights.shape.numpy()[2:]


def _pair(node: onnx_ir.Node, name: str) -> tuple[int, int]:
    attribute = node.attributes.get(name)
    if attribute is None:
        return (1, 1)
    first, second = attribute.as_ints()
    return first, second


def _groups(node: onnx_ir.Node) -> int:
    attribute = node.attributes.get("group")
    return attribute.as_int() if attribute else 1


def _named(node: onnx_ir.Node) -> str:
    return f"{node.op_type} {node.name!r}" if node.name else node.op_type
