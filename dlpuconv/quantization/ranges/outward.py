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
    return order is Order.PRODUCT and all(v in made_by and made_by[v].meaning.is_score for v in inputs)
