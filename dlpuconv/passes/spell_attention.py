"""Attention and RotaryEmbedding of opset 23 -> matrix products, sums and a Softmax; slices and products.

    Attention(q, k, v, mask) -> MatMul(Softmax(MatMul(q * scale, Transpose(k)) + mask), v)

Needs static shapes. PyTorch exports scaled_dot_product_attention like this from opset 23 on. Not covered: lengths
that are inputs. Source: https://onnx.ai/onnx/operators/onnx__Attention.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.editor import Editor, optional_input, static_shape

if TYPE_CHECKING:
    import onnx_ir

_PAST, _LENGTHS, _SCORES = 3, 6, 3
"""Inputs: a state of the past so far behind the value that goes on with it, and lengths; the output of the scores."""
_MODES = range(4)
_BEHIND_THE_MASK = (1, 2)
_LOWEST = np.float32(-1e30)
"""Far below all that a network computes: a Softmax makes zero of it."""


def attention(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one Attention, or leave it."""
    shapes = [static_shape(value) for value in node.inputs[:3]]
    mode, causal = attrs.integer(node, "qk_matmul_output_mode", 0), attrs.integer(node, "is_causal", 0)
    hidden = causal and mode in _BEHIND_THE_MASK and _is_used(node, _SCORES)  # minus infinity, which no format holds
    if None in shapes or hidden or mode not in _MODES or optional_input(node, _LENGTHS) is not None:
        return
    q = _heads(editor, node, 0, "q_num_heads")
    states = [_with_past(editor, node, _heads(editor, node, i, "kv_num_heads"), i + _PAST) for i in (1, 2)]
    extents = static_shape(q) or ()
    k, v = (_repeated(editor, node, state, extents) for state in states)
    if q is None or k is None or v is None:
        return
    stages = _scores(editor, node, q, k)
    result = editor.add(node, "MatMul", [stages[-1], v])
    if len(shapes[0] or ()) == 3:
        result = editor.add(node, "Transpose", [result], {"perm": [0, 2, 1, 3]})
        result = editor.reshape(node, result, [extents[0], extents[2], -1])
    for index, value in ((1, states[0]), (2, states[1]), (_SCORES, stages[mode])):
        if _is_used(node, index):
            assert value is not None, "keys and values are what their repetitions are made of"
            editor.replace(node.outputs[index], editor.add(node, "Identity", [value]), adopt_name=True)
    editor.substitute(node, result)


def _scores(editor: Editor, node: onnx_ir.Node, q: onnx_ir.Value, k: onnx_ir.Value) -> list[onnx_ir.Value]:
    """How queries and keys agree: the products, behind the masks, behind the soft cap, behind the Softmax."""
    scale = attrs.number(node, "scale", 0.0) or (static_shape(q) or ())[-1] ** -0.5
    both = [_scaled(editor, node, q, scale), editor.add(node, "Transpose", [k], {"perm": [0, 1, 3, 2]})]
    raw = masked = editor.add(node, "MatMul", both)
    if attrs.integer(node, "is_causal", 0):
        past = static_shape(optional_input(node, 1 + _PAST))
        allowed = np.tril(np.ones((static_shape(raw) or ())[-2:], np.bool_), past[2] if past else 0)
        masked = editor.add(node, "Add", [masked, editor.constant(_bias(allowed), f"{node.name}_causal")])
    mask = optional_input(node, 3)
    if mask is not None:
        masked = editor.add(node, "Add", [masked, _as_bias(editor, node, mask)])
    capped, cap = masked, attrs.number(node, "softcap", 0.0)
    if cap:
        capped = _scaled(editor, node, editor.add(node, "Tanh", [_scaled(editor, node, masked, 1 / cap)]), cap)
    return [raw, masked, capped, editor.add(node, "Softmax", [capped], {"axis": -1})]


def _is_used(node: onnx_ir.Node, index: int) -> bool:
    outputs = node.outputs[index : index + 1]
    return any(output.uses() or output.is_graph_output() for output in outputs)


def _with_past(editor: Editor, node: onnx_ir.Node, value: onnx_ir.Value | None, index: int) -> onnx_ir.Value | None:
    """Keys or values, [N, heads, L, D], behind those that the network was given of earlier steps."""
    past = optional_input(node, index)
    return value if past is None or value is None else editor.add(node, "Concat", [past, value], {"axis": 2})


def _heads(editor: Editor, node: onnx_ir.Node, index: int, attribute: str) -> onnx_ir.Value | None:
    """An input of shape [N, heads, L, D], made from [N, L, heads * D] if need be; None where it is neither."""
    value = node.inputs[index]
    shape, heads = static_shape(value) or (), attrs.integer(node, attribute, 1)
    if len(shape) == 4:
        return value
    if len(shape) != 3 or heads < 1 or shape[2] % heads:
        return None
    split = editor.reshape(node, value, [shape[0], shape[1], heads, shape[2] // heads])
    return editor.add(node, "Transpose", [split], {"perm": [0, 2, 1, 3]})


def _repeated(
    editor: Editor, node: onnx_ir.Node, value: onnx_ir.Value | None, queries: tuple[int, ...]
) -> onnx_ir.Value | None:
    """Keys or values with one head for each of the queries, groups of which share one; None where they do not fit."""
    shape = static_shape(value)
    if not queries or not shape or shape[1] < 1 or queries[1] % shape[1]:
        return None
    if shape[1] == queries[1]:
        return value
    order = editor.constant(np.arange(shape[1]).repeat(queries[1] // shape[1]), f"{node.name}_heads")
    return editor.add(node, "Gather", [value, order], {"axis": 1})


def _scaled(editor: Editor, node: onnx_ir.Node, value: onnx_ir.Value, factor: float) -> onnx_ir.Value:
    return editor.add(node, "Mul", [value, editor.constant(np.asarray(factor, np.float32), f"{node.name}_scale")])


def _bias(
    allowed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.where(allowed, np.float32(0), _LOWEST)


def _as_bias(editor: Editor, node: onnx_ir.Node, mask: onnx_ir.Value) -> onnx_ir.Value:
    """What is added to the scores."""
    array, hint = editor.array(mask), f"{node.name}_mask"
    if array is not None:
        return editor.constant(_bias(array) if array.dtype == np.bool_ else np.maximum(array, _LOWEST), hint)
    if mask.dtype is not None and mask.dtype.is_floating_point():
        return mask
    zero, lowest = (editor.constant(np.asarray(number, np.float32), hint) for number in (0, _LOWEST))
    return editor.add(node, "Where", [mask, zero, lowest])


def rotary_embedding(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one RotaryEmbedding, or leave it."""
    shape = static_shape(node.inputs[0])
    if shape is None:
        return
    x = _heads(editor, node, 0, "num_heads")
    extents = static_shape(x) or ()
    turned = attrs.integer(node, "rotary_embedding_dim", 0) or sum(extents[3:])
    half, apart = turned // 2, attrs.integer(node, "interleaved", 0)
    cosine, sine = (_angles(editor, node, index, half) for index in (1, 2))
    if x is None or cosine is None or sine is None or not 0 < turned <= extents[3]:
        return
    cuts = ((0, turned, 2), (1, turned, 2)) if apart else ((0, half, 1), (half, turned, 1))
    a, b = (editor.cut(node, x, {3: cut}) for cut in cuts)

    def product(left: onnx_ir.Value, right: onnx_ir.Value) -> onnx_ir.Value:
        return editor.add(node, "Mul", [left, right])

    parts = [
        editor.add(node, "Sub", [product(a, cosine), product(b, sine)]),
        editor.add(node, "Add", [product(a, sine), product(b, cosine)]),
    ]
    if apart:
        parts = [editor.reshape(node, part, [*extents[:3], half, 1]) for part in parts]
    result = editor.add(node, "Concat", parts, {"axis": -1})
    if apart:
        result = editor.reshape(node, result, [*extents[:3], turned])
    if turned < extents[3]:
        result = editor.add(node, "Concat", [result, editor.cut(node, x, {3: (turned, extents[3], 1)})], {"axis": 3})
    if len(shape) == 3:
        result = editor.reshape(node, editor.add(node, "Transpose", [result], {"perm": [0, 2, 1, 3]}), shape)
    editor.substitute(node, result)


def _angles(editor: Editor, node: onnx_ir.Node, index: int, half: int) -> onnx_ir.Value | None:
    """Cosines or sines, [N, 1, L, half]; None where they are not as many."""
    cache, positions = node.inputs[index], optional_input(node, 3)
    if positions is not None:
        cache = editor.add(node, "Gather", [cache, positions], {"axis": 0})
    shape = static_shape(cache) or ()
    return editor.reshape(node, cache, [shape[0], 1, shape[1], half]) if shape[2:] == (half,) else None
