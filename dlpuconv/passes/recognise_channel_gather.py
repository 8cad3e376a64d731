"""Reshape ∘ Transpose ∘ Reshape (∘ Gather ...) -> Gather on the channel axis, or DepthToSpace.

Needs static shapes. A channel shuffle moves whole channels. Spelled as a Gather along axis 1 it can be folded into the
weights around it, and it means one operator in NHWC, where the Reshapes and Transposes would be dozens. Which channel
goes where is found by moving numbered elements through the chain, so any spelling of a shuffle is recognised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.evaluate import evaluate

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

_MOVES = ("Reshape", "Transpose", "Gather", "Slice")
_TOO_MANY = 1 << 23
"""Elements up to which a chain is worth the memory of numbering them."""


def recognise(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Look for the operators in front of `node` that, with it, move whole channels."""
    after = static_shape(node.outputs[0])
    if after is None or len(after) != 4 or _is_channel_move(editor, node):
        return None
    chain = _chain(node)
    for start in range(len(chain)):
        x = chain[start].inputs[0]
        before = static_shape(x)
        if before is None or len(before) != 4 or int(np.prod(before)) > _TOO_MANY:
            continue
        if all(n.op_type == "Reshape" for n in chain[start:]):
            break
        if _plain_slice(editor, chain[start:]):
            return None
        result = _as_one(editor, chain[start:], before, after)
        if result is not None:
            editor.substitute(node, result)
            return FIRED
    return "the operators do not move whole channels" if any(n.op_type == "Transpose" for n in chain) else None


def _chain(node: onnx_ir.Node) -> list[onnx_ir.Node]:
    """The data movements that end in `node`, first one first."""
    chain = [node]
    while (x := chain[0].inputs[0]) is not None and (before := x.producer()) is not None:
        if before.op_type not in _MOVES or before.domain != "":
            break
        chain.insert(0, before)
    return chain


def _is_channel_move(editor: Editor, node: onnx_ir.Node) -> bool:
    index = editor.array(node.inputs[1]) if node.op_type == "Gather" else None
    return index is not None and index.ndim == 1 and attrs.integer(node, "axis", 0) == 1


def _plain_slice(editor: Editor, chain: list[onnx_ir.Node]) -> bool:
    """True for one Slice that takes neighbours, which is as good as any other spelling."""
    if len(chain) != 1 or chain[0].op_type != "Slice":
        return False
    steps = editor.integers(chain[0].inputs[4]) if len(chain[0].inputs) > 4 else [1]
    return steps is not None and all(step == 1 for step in steps)


def _as_one(
    editor: Editor, chain: list[onnx_ir.Node], before: tuple[int, ...], after: tuple[int, ...]
) -> onnx_ir.Value | None:
    batch, channels, height, width = before
    x, node = chain[0].inputs[0], chain[-1]
    moves_channels = (after[0], *after[2:]) == (batch, height, width)
    block = after[2] // height if height else 0
    # Of one pixel and to one channel it would be a Reshape.
    spread = height * width > 1 or channels > block**2
    to_space = block > 1 and spread and after == (batch, channels // block**2, height * block, width * block)
    if not moves_channels and not (to_space and channels % block**2 == 0):
        return None
    numbers = np.arange(int(np.prod(before)), dtype=np.int32).reshape(before)
    moved = _move(editor, chain, numbers)
    if moved is None or moved.shape != after:
        return None
    if moves_channels:
        index = moved[0, :, 0, 0] // (height * width)
        if not np.array_equal(moved, numbers[:, index]):
            return None
        return editor.add(
            node, "Gather", [x, editor.constant(index.astype(np.int64), f"{node.name}_channels")], {"axis": 1}
        )
    for mode in ("DCR", "CRD"):
        if np.array_equal(moved, depth_to_space(numbers, block, mode)):
            return editor.add(node, "DepthToSpace", [x], {"blocksize": block, "mode": mode})
    return None


def _move(editor: Editor, chain: list[onnx_ir.Node], numbers: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    for node in chain:
        rest = [editor.array(value) for value in node.inputs[1:]]
        if any(r is None and v is not None for r, v in zip(rest, node.inputs[1:], strict=True)):
            return None
        results = evaluate(node, [numbers, *rest], editor.opset)
        if results is None:
            return None
        numbers = results[0]
    return numbers


def depth_to_space(x: npt.NDArray[Any], block: int, mode: str) -> npt.NDArray[Any]:
    """ONNX's DepthToSpace of [N, C, H, W], by the formula of its specification."""
    n, c, h, w = x.shape
    if mode == "DCR":
        split = x.reshape(n, block, block, c // block**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        split = x.reshape(n, c // block**2, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
    return split.reshape(n, c // block**2, h * block, w * block)


PASS = Rewrite("recognise-channel-gather", "recognised as an order of channels", _MOVES, recognise)
