"""Activations whose extremes are seen from outside: outputs, and what becomes one value by value, in the same order.

In front of a final sigmoid or softmax, of a scaling or a clamp, the largest value is still what the largest value of
the output is made of. If it saturates, so does the output: a logit that is cut at 0 is a score that never exceeds 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.network import Order, Scales

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.network import Network, Node, Value


def leading_out(network: Network) -> set[Value]:
    """The outputs, and every activation from which one is made value by value, in order.

    The product of two scores (that there is an object, and of which class) is one, too.
    """
    made_by = network.producers()
    found = set(network.outputs)
    for node in reversed(network.nodes):
        if not found.isdisjoint(node.outputs) and _keeps_order(node, made_by):
            found.update(node.data_activations)
    return found


def _keeps_order(node: Node, made_by: Mapping[Value, Node]) -> bool:
    order = node.meaning.order
    if order is Order.KEPT or node.meaning.scales is Scales.SAME:
        return True
    if order is Order.LOST:
        return False
    inputs = [v for _, v in node.data_inputs]
    if any(v.is_constant for v in inputs):
        return True
    return order is Order.PRODUCT and all(_is_score(v, made_by) for v in inputs)


def _is_score(value: Value, made_by: Mapping[Value, Node]) -> bool:
    """Whether a Sigmoid or Softmax made it, or it is one times a positive number: as an extent is (2 sigmoid(x))^2."""
    node = made_by.get(value)
    if node is None or node.meaning.is_score:
        return node is not None
    constants = [v.data for _, v in node.data_inputs if v.is_constant]
    scaled = node.meaning.order is Order.PRODUCT and all(c is not None and (c > 0).all() for c in constants)
    same = node.meaning.scales is Scales.SAME and not constants
    return (scaled or same) and all(_is_score(v, made_by) for v in node.data_activations)
