"""How a different order of a value's channels is carried through the operators that read it.

Each rule says what an operator becomes when it reads x instead of x[:, order]: either its weights take the order in,
or its output is in x's order, too, and the readers of that are asked in turn. Nothing is edited until all agree.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.editor import rank, static_shape
from dlpuconv.passes.merge_transposes import BINARY, UNARY

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.passes.editor import Editor

type Order = npt.NDArray[np.int64]
"""[C_out], which channel of the input each channel of the output is."""

_SPATIAL = frozenset(("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Resize"))
_MAX_GROWTH = 2.0


class Reordering:
    """The plan to drop one Gather: which values change their order, and the edits that make it right.

    Args:
        editor: the graph.
        value: what the Gather makes.
        order: [C_out] channel of the Gather's input for each of its output.
        channels: C_in, how many channels the Gather's input has.
    """

    def __init__(self, editor: Editor, value: onnx_ir.Value, order: Order, channels: int) -> None:
        self._editor = editor
        self._orders: dict[onnx_ir.Value, Order] = {value: order}
        self._channels: dict[onnx_ir.Value, int] = {value: channels}
        self._edits: list[Callable[[], None]] = []
        self._root = value

    def carry(self, node: onnx_ir.Node) -> str:
        """Plan for one node, in topological order; the reason if it cannot take the order, else an empty string."""
        changed = [value for value in node.inputs if value in self._orders]
        if not changed:
            return ""
        rule = self._rule(node)
        return f"{node.name} ({node.op_type}) cannot take the order" if rule is None else rule(node)

    def apply(self, gather: onnx_ir.Node) -> str:
        """Make all edits, and drop the Gather; the reason if it is a graph output."""
        source = gather.inputs[0]
        assert source is not None
        if self._root.is_graph_output():
            return f"{self._root.name} is an output of the graph"
        for value in self._orders:
            if value is not self._root:
                self._editor.rename(value, self._editor.unique(f"{value.name}_reordered"))
        for edit in self._edits:
            edit()
        self._editor.replace(self._root, source)
        return ""

    def _rule(self, node: onnx_ir.Node) -> Callable[[onnx_ir.Node], str] | None:
        if node.op_type in UNARY or node.op_type in _SPATIAL:
            return self._keep
        if node.op_type in BINARY or node.op_type == "PRelu":
            return self._elementwise
        rules = {
            "Conv": self._conv,
            "Gemm": self._gemm,
            "Gather": self._gather,
            "Concat": self._concat,
            "Reshape": self._flatten,
        }
        return rules.get(node.op_type)

    def _bijective(self, value: onnx_ir.Value) -> bool:
        order = self._orders[value]
        return len(order) == self._channels[value] == len(set(order.tolist()))

    def _pass_on(self, node: onnx_ir.Node, order: Order) -> str:
        output = node.outputs[0]
        if output.is_graph_output():
            return f"{output.name} is an output of the graph"
        self._orders[output] = order
        self._channels[output] = len(order)
        return ""

    def _keep(self, node: onnx_ir.Node) -> str:
        x = node.inputs[0]
        if x is None or x not in self._orders or not self._bijective(x):
            return f"{node.name} would work on channels that are not needed"
        return self._pass_on(node, self._orders[x])

    def _elementwise(self, node: onnx_ir.Node) -> str:
        orders = [self._orders[v] for v in node.inputs if v in self._orders]
        changed = [v for v in node.inputs if v is not None and v in self._orders]
        if not all(self._bijective(v) for v in changed):
            return f"{node.name} would work on channels that are not needed"
        if any(not np.array_equal(orders[0], order) for order in orders[1:]):
            return f"{node.name} joins different orders"
        dims = rank(node.outputs[0]) or 0
        for i, value in enumerate(node.inputs):
            if value is None or value in self._orders:
                continue
            array = self._editor.array(value)
            if array is None:
                return f"{node.name} joins it with {value.name}, which is in another order"
            full = array.reshape((1,) * (dims - array.ndim) + array.shape)
            if full.shape[1] > 1:
                self._edits.append(partial(self._put, node, i, _in_order(full, orders[0], 1), value))
        return self._pass_on(node, orders[0])

    def _conv(self, node: onnx_ir.Node) -> str:
        x, groups = node.inputs[0], attrs.integer(node, "group", 1)
        weight = self._editor.array(node.inputs[1])
        if x is None or x not in self._orders or weight is None:
            return f"the weights of {node.name} are not constant"
        order, channels = self._orders[x], self._channels[x]
        if groups == 1:
            if channels > _MAX_GROWTH * len(order):
                return f"{node.name} would read {channels} channels instead of {len(order)}"
            wide = np.zeros((weight.shape[0], channels, *weight.shape[2:]), weight.dtype)
            for i, channel in enumerate(order):  # a channel may have been picked twice
                wide[:, channel] += weight[:, i]
            self._edits.append(partial(self._put, node, 1, wide, node.inputs[1]))
            return ""
        if groups != len(order) or weight.shape[0] != groups or not self._bijective(x):
            return f"{node.name} works on groups of channels"
        self._edits.append(partial(self._put, node, 1, _in_order(weight, order, 0), node.inputs[1]))
        given = node.inputs[2] if len(node.inputs) > 2 else None
        bias = self._editor.array(given)
        if given is not None and bias is None:
            return f"the bias of {node.name} is not constant"
        if bias is not None:
            self._edits.append(partial(self._put, node, 2, _in_order(bias, order, 0), given))
        self._edits.append(partial(self._editor.reordered, node, np.argsort(order)))
        return self._pass_on(node, order)

    def _gemm(self, node: onnx_ir.Node) -> str:
        x, weight = node.inputs[0], self._editor.array(node.inputs[1])
        if x is None or x not in self._orders or weight is None or attrs.integer(node, "transA", 0):
            return f"{node.name} is not a product with a constant"
        if not self._bijective(x):
            return f"{node.name} would work on channels that are not needed"
        axis = 1 if attrs.integer(node, "transB", 0) else 0
        self._edits.append(partial(self._put, node, 1, _in_order(weight, self._orders[x], axis), node.inputs[1]))
        return ""

    def _gather(self, node: onnx_ir.Node) -> str:
        x, index = node.inputs[0], self._editor.array(node.inputs[1])
        if x is None or x not in self._orders or index is None or attrs.integer(node, "axis", 0) != 1:
            return f"{node.name} gathers along another axis"
        order = self._orders[x]
        self._edits.append(partial(self._put, node, 1, order[index % len(order)], node.inputs[1]))
        return ""

    def _concat(self, node: onnx_ir.Node) -> str:
        dims = rank(node.outputs[0])
        if dims is None or attrs.integer(node, "axis", 0) % dims != 1:
            return f"{node.name} joins another axis"
        parts: list[Order] = []
        start = 0
        for value in node.inputs:
            shape = static_shape(value)
            if value is None or shape is None or (value in self._orders and not self._bijective(value)):
                return f"{node.name} would join channels that are not needed"
            parts.append(start + self._orders.get(value, np.arange(shape[1])))
            start += shape[1]
        return self._pass_on(node, np.concatenate(parts))

    def _flatten(self, node: onnx_ir.Node) -> str:
        x = node.inputs[0]
        before, after = static_shape(x), static_shape(node.outputs[0])
        if x is None or x not in self._orders or before is None or after is None or not self._bijective(x):
            return f"{node.name} would work on channels that are not needed"
        each = int(np.prod(before[2:], dtype=np.int64))
        if after[0] != before[0] or len(after) < 2 or after[1] != before[1] * each:
            return f"{node.name} does not keep channels together"
        order = self._orders[x]
        return self._pass_on(node, (order[:, None] * each + np.arange(each)).ravel())

    def _put(self, node: onnx_ir.Node, index: int, array: npt.NDArray[Any], like: onnx_ir.Value | None) -> None:
        name = (like.name if like is not None else None) or "constant"
        node.replace_input_with(index, self._editor.constant(array, name))


def _in_order(array: npt.NDArray[Any], order: Order, axis: int) -> npt.NDArray[Any]:
    """What an operator must hold that reads x instead of x[order]: entry order[i] is the former entry i."""
    return np.take(array, np.argsort(order), axis=axis)
