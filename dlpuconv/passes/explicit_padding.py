"""auto_pad -> pads; ConvTranspose<output_shape> -> pads; kernel, strides, dilations written out; no idle ceil_mode.

Needs static shapes. Leaves every Conv, ConvTranspose and pool with all its geometry as attributes, so that no later
pass has to know the defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir


def write_out(_: Editor, node: onnx_ir.Node) -> Outcome:
    """Compute the pads that auto_pad stands for, by the formulas of the operator's specification."""
    wanted = ("kernel_shape", "strides", "pads") + (("dilations",) if node.op_type != "LpPool" else ())
    if all(name in node.attributes for name in wanted) and "auto_pad" not in node.attributes:
        return None
    x, y = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    kernel = attrs.integers(node, "kernel_shape")
    if kernel is None and len(node.inputs) > 1:
        weight = static_shape(node.inputs[1])
        kernel = None if weight is None else list(weight[2:])
    if x is None or y is None or kernel is None:
        return "its shapes are unknown"
    spatial = len(kernel)
    strides = attrs.integers(node, "strides") or [1] * spatial
    dilations = attrs.integers(node, "dilations") or [1] * spatial
    extra = attrs.integers(node, "output_padding") or [0] * spatial
    if any(len(values) != spatial for values in (x[2:], y[2:], strides, dilations, extra)):
        return "its attributes are for another number of axes than its input has"
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    mode = attrs.text(node, "auto_pad", "NOTSET")
    if node.op_type == "ConvTranspose":
        pads = _transposed_pads(node, mode, (x[2:], y[2:]), strides, reach)
    else:
        pads = _pads(node, mode, (x[2:], y[2:]), strides, reach)
    for name, values in zip(("kernel_shape", "strides", "pads"), (kernel, strides, pads), strict=True):
        attrs.put(node, name, values)
    if "dilations" in wanted:
        attrs.put(node, "dilations", dilations)
    node.attributes.pop("auto_pad", None)
    node.attributes.pop("output_shape", None)
    return FIRED


def round_down(_: Editor, node: onnx_ir.Node) -> Outcome:
    """Drop a rounding up that changes nothing: older opsets count a last window that lies in the padding altogether."""
    if not attrs.integer(node, "ceil_mode", 0):
        return None
    x, y = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    kernel = attrs.integers(node, "kernel_shape")
    if x is None or y is None or kernel is None:
        return "its shapes are unknown"
    strides, dilations = (attrs.integers(node, name) or [1] * len(kernel) for name in ("strides", "dilations"))
    pads = attrs.integers(node, "pads") or [0] * (2 * len(kernel))
    for axis, (window, stride, gap) in enumerate(zip(kernel, strides, dilations, strict=True)):
        room = x[axis + 2] + pads[axis] + pads[axis + len(kernel)] - gap * (window - 1) - 1
        if room // stride + 1 != y[axis + 2]:
            return "its last windows reach beyond the input"
    node.attributes.pop("ceil_mode")
    return FIRED


type Extents = tuple[tuple[int, ...], tuple[int, ...]]


def _pads(node: onnx_ir.Node, mode: str, extents: Extents, strides: list[int], reach: list[int]) -> list[int]:
    if not mode.startswith("SAME"):
        return (attrs.integers(node, "pads") if mode == "NOTSET" else None) or [0] * (2 * len(reach))
    total = [max((-(-i // s) - 1) * s + r - i, 0) for i, s, r in zip(extents[0], strides, reach, strict=True)]
    return _halves(total, more_at_end=mode == "SAME_UPPER")


def _transposed_pads(
    node: onnx_ir.Node, mode: str, extents: Extents, strides: list[int], reach: list[int]
) -> list[int]:
    if mode == "VALID":
        return [0] * (2 * len(reach))
    if mode == "NOTSET" and "output_shape" not in node.attributes:
        return attrs.integers(node, "pads") or [0] * (2 * len(reach))
    extra = attrs.integers(node, "output_padding") or [0] * len(reach)
    total = [s * (i - 1) + e + r - o for i, o, s, e, r in zip(*extents, strides, extra, reach, strict=True)]
    if any(t < 0 for t in total):  # more was asked for than the kernel reaches
        attrs.put(node, "output_padding", [e - min(t, 0) for e, t in zip(extra, total, strict=True)])
        total = [max(t, 0) for t in total]
    # By the specification since opset 11, which ONNX Runtime follows for older models, too.
    return _halves(total, more_at_end=mode == "SAME_UPPER")


def _halves(total: list[int], *, more_at_end: bool) -> list[int]:
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    return [*small, *large] if more_at_end else [*large, *small]


PASS = Rewrite(
    "explicit-padding",
    "padding, strides and dilations made explicit",
    ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"),
    write_out,
)
ROUNDING = Rewrite(
    "round-pools-down", "ceil_mode turned off, as it changes nothing", ("MaxPool", "AveragePool", "LpPool"), round_down
)
