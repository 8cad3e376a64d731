"""Reshape, Transpose, Gather, Slice, Concat in any order -> Gather on the channel axis, DepthToSpace or SpaceToDepth.

    Reshape ∘ Transpose ∘ Reshape                                             a channel shuffle, a pixel (un)shuffle
    Concat(x[::2, ::2], x[1::2, ::2], x[::2, 1::2], x[1::2, 1::2])            the "focus" of YOLO networks

Needs static shapes. A channel shuffle moves whole channels. Spelled as a Gather along axis 1 it can be folded into the
weights around it, and it means one operator in NHWC, where the Reshapes and Transposes would be dozens. What goes
where is found by moving numbered elements through the operators, so any spelling is recognised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.formats.onnx_values import evaluate
from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

_MOVES = ("Reshape", "Transpose", "Gather", "Slice")
_TOO_MANY = 1 << 23
"""Elements up to which a chain is worth the memory of numbering them."""


def recognise(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Look for the operators in front of `node` that, with it, move whole channels or blocks of pixels."""
    after = static_shape(node.outputs[0])
    if after is None or len(after) != 4 or _is_channel_move(editor, node):
        return None
    joined = node.op_type == "Concat"
    if joined and attrs.integer(node, "axis", 0) % 4 != 1:
        return None
    chains = [_chain(value) for value in (node.inputs if joined else node.outputs)]
    for start, x in enumerate(n.inputs[0] for n in chains[0]):
        before = static_shape(x)
        parts = [_behind(chain, x) for chain in chains]
        if before is None or len(before) != 4 or int(np.prod(before)) > _TOO_MANY or not all(parts):
            continue
        if not joined and all(n.op_type == "Reshape" for n in chains[0][start:]):
            break
        if not joined and _plain_slice(editor, chains[0][start:]):
            return None
        result = _as_one(editor, node, parts, before, after)
        if result is not None:
            editor.substitute(node, result)
            return FIRED
    moved = not joined and any(n.op_type == "Transpose" for n in chains[0])
    return "the operators do not move whole channels" if moved else None


def _chain(value: onnx_ir.Value | None) -> list[onnx_ir.Node]:
    """The data movements that end in a value, first one first."""
    chain: list[onnx_ir.Node] = []
    while value is not None and (node := value.producer()) is not None and node.op_type in _MOVES and node.domain == "":
        chain.insert(0, node)
        value = node.inputs[0]
    return chain


def _behind(chain: list[onnx_ir.Node], x: onnx_ir.Value | None) -> list[onnx_ir.Node]:
    """The part of a chain that begins with a value; empty where it does not go through it."""
    return next((chain[i:] for i, node in enumerate(chain) if node.inputs[0] is x), [])


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
    editor: Editor,
    node: onnx_ir.Node,
    chains: list[list[onnx_ir.Node]],
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> onnx_ir.Value | None:
    x, block, wide = chains[0][0].inputs[0], *_block(before, after)
    if not block or (len(chains) > 1 and block == 1):  # channels that are joined in another order are as good as that
        return None
    numbers = np.arange(int(np.prod(before)), dtype=np.int32).reshape(before)
    parts = [part for chain in chains if (part := _move(editor, chain, numbers)) is not None]
    if len(parts) < len(chains) or (moved := np.concatenate(parts, axis=1)).shape != after:
        return None
    if wide:
        modes = [m for m in ("DCR", "CRD") if np.array_equal(moved, depth_to_space(numbers, block, m))]
        settings = {"blocksize": block, "mode": modes[0]} if modes else None
        return editor.add(node, "DepthToSpace", [x], settings) if modes else None
    plain = space_to_depth(numbers, block)
    place = {int(number): channel for channel, number in enumerate(plain[0, :, 0, 0])}
    order = np.asarray([place.get(int(number), -1) for number in moved[0, :, 0, 0]], np.int64)
    if (order < 0).any() or not np.array_equal(moved, plain[:, order]):
        return None
    if block > 1:
        x = editor.add(node, "SpaceToDepth", [x], {"blocksize": block})
    if block > 1 and np.array_equal(order, np.arange(plain.shape[1])):
        return x
    return editor.add(node, "Gather", [x, editor.constant(order, f"{node.name}_channels")], {"axis": 1})


def _block(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, bool]:
    """The extent of the blocks of pixels that these shapes allow for, and whether those come out of channels.

    It is 1 for channels that stay on their map, and 0 where the shapes allow for nothing.
    """
    (batch, channels, height, width), (_, _, high, broad) = before, after
    if (after[0], high, broad) == (batch, height, width):
        return 1, False
    up, down = high // height if height else 0, height // high if high else 0
    # Of one pixel and to one channel it would be a Reshape.
    if up > 1 and channels % up**2 == 0 and (height * width > 1 or channels > up**2):
        return (up, True) if after == (batch, channels // up**2, height * up, width * up) else (0, False)
    spread = down > 1 and high * broad > 1 and (height, width) == (high * down, broad * down)
    return (down, False) if spread and after[:2] == (batch, channels * down**2) else (0, False)


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


def space_to_depth(x: npt.NDArray[Any], block: int) -> npt.NDArray[Any]:
    """ONNX's SpaceToDepth of [N, C, H, W], by the formula of its specification."""
    n, c, h, w = x.shape
    split = x.reshape(n, c, h // block, block, w // block, block).transpose(0, 3, 5, 1, 2, 4)
    return split.reshape(n, c * block**2, h // block, w // block)


PASS = Rewrite(
    "recognise-channel-gather", "recognised as an order of channels or pixel blocks", (*_MOVES, "Concat"), recognise
)
