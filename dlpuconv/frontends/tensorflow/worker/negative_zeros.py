"""Keras's argmax and argmin without what tells -0 from 0, for which neither ONNX nor a camera chip has operators.

Before it looks for the largest value, Keras 3 puts the least positive number, negated, in the place of -0 (found by its
bits). A network that quantizes or computes in another order has no such zeros to tell apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

from dlpuconv.frontends.cut import remove_dead

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAST = np.finfo(np.float32).tiny
_DEPTH = 8
_BITS = "Bitcast"


def merge_zeros(graph: onnx.GraphProto) -> None:
    """Read values themselves instead of values with -0 replaced, in place.

    tf2onnx spells the choice as arithmetic: `is_negative_zero * -least + value * not_negative_zero`.
    """
    makers = {name: node for node in graph.node for name in node.output}
    least = {tensor.name for tensor in graph.initializer if _is_least(tensor)}
    own = {
        node.output[0]: value
        for node in graph.node
        if node.op_type == "Add" and (value := _chosen(node, makers, least)) is not None
    }
    if not own:
        return
    for node in graph.node:
        node.input[:] = [own.get(name, name) for name in node.input]
    remove_dead(graph)


def _chosen(node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto], least: set[str]) -> str | None:
    """The value of which a sum has replaced -0; None for another sum."""
    products = [makers[name] for name in node.input if name in makers and makers[name].op_type == "Mul"]
    replaced = [product for product in products if least & set(product.input)]
    kept = [product for product in products if not least & set(product.input)]
    if len(replaced) != 1 or len(kept) != 1 or not _reads_bits(replaced[0].output[0], makers, _DEPTH):
        return None
    value, mask = kept[0].input
    return value if mask in makers and _reads_bits(mask, makers, _DEPTH) else None


def _is_least(tensor: onnx.TensorProto) -> bool:
    if tensor.data_type != onnx.TensorProto.FLOAT:
        return False
    values = onnx.numpy_helper.to_array(tensor)
    return values.size == 1 and abs(values.item()) == _LEAST


def _reads_bits(name: str, makers: Mapping[str, onnx.NodeProto], depth: int) -> bool:
    node = makers.get(name)
    if node is None or not depth:
        return False
    return node.op_type == _BITS or any(_reads_bits(read, makers, depth - 1) for read in node.input)
