"""Slice ∘ Slice -> Slice; Pad(channels) ∘ Slice(::n, ::n) -> 1x1 Conv of stride n; Slice(::n, ::n) -> 1x1 MaxPool.

Needs static shapes. ResNets of the CIFAR kind skip over a stage by x[:, :, ::2, ::2] with channels of zeros around.
The Edge TPU has no STRIDED_SLICE with strides and ARTPEC-9 has none at all, and no padding of channels; all have
1x1 convolutions and pools, and with ones for weights these are exact in 8 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank, static_shape
from dlpuconv.passes.fold_pad import fill, padding
from dlpuconv.passes.spell_channel_gather import picking_conv

if TYPE_CHECKING:
    import onnx_ir

_WIDEST = 256
"""Channels up to which a Conv that only adds channels of zeros is cheap."""
_WIDEST_STRIDED = 2048
"""Likewise where the Conv also takes the place of a strided Slice, which some chips lack: as wide as ResNets are."""

type Ranges = dict[int, tuple[int, int, int]]


def ranges(editor: Editor, node: onnx_ir.Node) -> Ranges | None:
    """Start, end and step of each axis that a Slice by constants cuts, within the extents; None if it runs back."""
    shape = static_shape(node.inputs[0])
    given = [editor.integers(v) if v is not None else None for v in node.inputs[1:]]
    if shape is None or len(given) < 2 or given[0] is None or given[1] is None:
        return None
    axes = given[2] if len(given) > 2 and given[2] is not None else list(range(len(given[0])))
    steps = given[3] if len(given) > 3 and given[3] is not None else [1] * len(given[0])
    found: Ranges = {}
    for axis, start, end, step in zip(axes, given[0], given[1], steps, strict=True):
        if step <= 0:
            return None
        first, last, step = slice(start, end, step).indices(shape[axis % len(shape)])
        found[axis % len(shape)] = (first, last, step)
    return found


def merge(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Merge with the Slice in front when both cut different axes, or the same one by neighbours."""
    x = node.inputs[0]
    before = x.producer() if x is not None else None
    if before is None or before.op_type != "Slice":
        return None
    first, second = ranges(editor, before), ranges(editor, node)
    if first is None or second is None:
        return "a Slice of the two is not constant, or runs backwards"
    merged = dict(first)
    for axis, (start, end, step) in second.items():
        begin, _, outer = first.get(axis, (0, 0, 1))
        merged[axis] = (begin + start * outer, begin + (end - 1) * outer + 1, step * outer)
    editor.substitute(node, editor.cut(node, before.inputs[0], dict(sorted(merged.items()))))
    return FIRED


def spatial_stride(editor: Editor, node: onnx_ir.Node) -> int | None:
    """N of x[:, :, ::n, ::n], n > 1; None if the Slice does anything else."""
    if rank(node.inputs[0]) != 4:
        return None
    cuts = ranges(editor, node)
    shape = static_shape(node.inputs[0])
    if cuts is None or shape is None or set(cuts) != {2, 3}:
        return None
    steps = {step for _, _, step in cuts.values()}
    whole = all(start == 0 and end > shape[a] - step for a, (start, end, step) in cuts.items())
    return steps.pop() if whole and len(steps) == 1 and min(c[2] for c in cuts.values()) > 1 else None


def shortcut(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Pad channels with zeros behind a strided Slice or a Conv-free value -> a picking Conv."""
    amounts = padding(editor, node)
    x = node.inputs[0]
    shape = static_shape(x)
    if amounts is None or x is None or shape is None or len(shape) != 4 or fill(editor, node) != 0:
        return None
    others = [a for i, a in enumerate(amounts) if i not in (1, 5)]
    if any(others) or min(amounts) < 0 or not (amounts[1] or amounts[5]):
        return None
    dtype = node.outputs[0].dtype
    if dtype is None or not dtype.is_floating_point():
        return "it pads integers"
    before = x.producer()
    stride = spatial_stride(editor, before) if before is not None and before.op_type == "Slice" else None
    if sum(amounts) + shape[1] > (_WIDEST if stride is None else _WIDEST_STRIDED):
        return f"a Conv to {sum(amounts) + shape[1]} channels would cost more than the Pad"
    order = np.asarray([-1] * amounts[1] + list(range(shape[1])) + [-1] * amounts[5], np.int64)
    if stride is not None and before is not None:
        node.replace_input_with(0, before.inputs[0])
    editor.substitute(node, picking_conv(editor, node, order, shape[1], stride or 1))
    if before is not None:
        editor.remove_unused(before)
    return FIRED


def to_pool(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """x[:, :, ::n, ::n] -> MaxPool of kernel 1 and stride n."""
    stride = spatial_stride(editor, node)
    dtype = node.outputs[0].dtype
    if stride is None or dtype is None or not dtype.is_floating_point():
        return None
    geometry = {**attrs.POINTWISE, "strides": [stride, stride]}
    editor.substitute(node, editor.add(node, "MaxPool", [node.inputs[0]], geometry))
    return FIRED


MERGE = Rewrite("merge-slices", "Slices merged", ("Slice",), merge)
SHORTCUT = Rewrite("pad-channels-to-conv", "shortcut that pads channels rewritten as a convolution", ("Pad",), shortcut)
POOL = Rewrite("strided-slice-to-pool", "strided Slice rewritten as a 1x1 MaxPool", ("Slice",), to_pool)
