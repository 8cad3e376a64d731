"""Edits of a graph that keep it valid: fresh names, known shapes, untouched outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir

from dlpuconv.ir.source_names import ORIGIN
from dlpuconv.passes.inference import infer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt


class Editor:
    """The graph of one model while passes edit it in place; it belongs to one `normalize` at a time.

    Attributes:
        renamed: by the name of a value that went, or holds other numbers, the one that holds its numbers now, perhaps
            in another order; "" where none does.
        factors: by the name of a layer, [O] or [1] what its weights were multiplied by, each output channel's by one
            number.
        orders: by the name of a layer, [O] which of its first output channels each one is.
        scaled: by the name of a value in `renamed`, what its numbers were multiplied by on the way.
    """

    def __init__(self, model: onnx_ir.Model) -> None:
        self.model = model
        self.graph = model.graph
        self._names = {value.name for value in onnx_ir.convenience.create_value_mapping(self.graph).values()}
        self._names |= {node.name for node in self.graph.all_nodes()}
        self._arrays: dict[onnx_ir.TensorProtocol, npt.NDArray[Any]] = {}
        self.renamed: dict[str, str] = {}
        self.factors: dict[str, npt.NDArray[np.float64]] = {}
        self.orders: dict[str, npt.NDArray[np.int64]] = {}
        self.scaled: dict[str, float] = {}

    @property
    def opset(self) -> int:
        """The version of the default operator set."""
        return self.model.opset_imports[""]

    # -- reading ---------------------------------------------------------------

    def array(self, value: onnx_ir.Value | None) -> npt.NDArray[Any] | None:
        """The values of a constant, or None for an activation or an absent input."""
        if value is None or value.const_value is None or not value.is_initializer() or value.is_graph_input():
            return None
        tensor = value.const_value
        if tensor not in self._arrays:  # reading one out of its protobuf copies it
            self._arrays[tensor] = np.asarray(tensor.numpy())
        return self._arrays[tensor]

    def scalar(self, value: onnx_ir.Value | None) -> float | None:
        """The one number that a constant of a single element holds, else None."""
        array = self.array(value)
        return float(array.reshape(())) if array is not None and array.size == 1 else None

    def integers(self, value: onnx_ir.Value | None) -> list[int] | None:
        """A constant as a flat list of integers, else None."""
        array = self.array(value)
        return None if array is None else [int(x) for x in array.ravel()]

    def only_reader(self, value: onnx_ir.Value) -> onnx_ir.Node | None:
        """The one node that reads the value, when it reads it once and the value is no output of the graph."""
        uses = list(value.uses())
        return uses[0].node if len(uses) == 1 and not value.is_graph_output() else None

    # -- writing ---------------------------------------------------------------

    def unique(self, hint: str) -> str:
        """A name that nothing in the graph has."""
        name, n = hint, 0
        while name in self._names:
            n += 1
            name = f"{hint}_{n}"
        self._names.add(name)
        return name

    def multiplied(self, layer: onnx_ir.Node, factors: npt.NDArray[np.float64]) -> None:
        """Take note of what a layer's weights were multiplied by; see `factors`."""
        name = layer.name or ""
        self.factors[name] = self.factors.get(name, np.ones(1)) * factors

    def reordered(self, layer: onnx_ir.Node, order: npt.NDArray[np.int64]) -> None:
        """Take note that a layer's output channels are these of those that it had; see `orders`."""
        name = layer.name or ""
        if name in self.factors and self.factors[name].size > 1:
            self.factors[name] = self.factors[name][order]
        self.orders[name] = self.orders[name][order] if name in self.orders else order

    def constant(self, array: npt.ArrayLike, hint: str) -> onnx_ir.Value:
        """A new initializer.

        Args:
            array: its values; the dtype is kept.
            hint: what its name starts with.
        """
        values = np.ascontiguousarray(array).reshape(np.shape(array))  # ascontiguousarray makes rank 0 rank 1
        name = self.unique(hint)
        tensor = onnx_ir.tensor(values, name=name)
        value = onnx_ir.Value(
            name=name, shape=onnx_ir.Shape(values.shape), type=onnx_ir.TensorType(tensor.dtype), const_value=tensor
        )
        self.graph.register_initializer(value)
        return value

    def insert(
        self,
        before: onnx_ir.Node,
        operator: str,
        inputs: Sequence[onnx_ir.Value | None],
        attributes: Mapping[str, Any] | None = None,
        outputs: int = 1,
    ) -> onnx_ir.Node:
        """A new node with inferred output shapes.

        Args:
            before: the node in front of which it goes, and whose name it derives its own from.
            operator: of the default domain.
            inputs: None for an absent one.
            attributes: by name.
            outputs: how many.
        """
        name = self.unique(before.name or operator)
        node = onnx_ir.node(operator, inputs, attributes or {}, num_outputs=outputs, name=name)
        node.metadata_props[ORIGIN] = before.metadata_props.get(ORIGIN, before.name or "")
        for i, value in enumerate(node.outputs):
            value.name = self.unique(f"{name}_output_{i}")
        self.graph.insert_before(before, node)
        infer(node, self.opset)
        return node

    def add(
        self,
        before: onnx_ir.Node,
        operator: str,
        inputs: Sequence[onnx_ir.Value | None],
        attributes: Mapping[str, Any] | None = None,
    ) -> onnx_ir.Value:
        """The only output of a new node; see `insert`."""
        return self.insert(before, operator, inputs, attributes).outputs[0]

    def reshape(self, before: onnx_ir.Node, x: onnx_ir.Value | None, shape: Sequence[int]) -> onnx_ir.Value:
        """A Reshape of `x` to static extents, in front of `before`."""
        return self.add(before, "Reshape", [x, self.constant(np.asarray(shape, np.int64), f"{before.name}_shape")])

    def cut(
        self, before: onnx_ir.Node, x: onnx_ir.Value | None, cuts: Mapping[int, tuple[int, int, int]]
    ) -> onnx_ir.Value:
        """A Slice of `x` in front of `before`: start, end and step by axis."""
        starts, ends, steps = zip(*cuts.values(), strict=True)
        bounds = [np.asarray(each, np.int64) for each in (starts, ends, list(cuts), steps)]
        return self.add(before, "Slice", [x, *(self.constant(each, f"{before.name}_bounds") for each in bounds)])

    def can_replace(self, old: onnx_ir.Value, new: onnx_ir.Value) -> bool:
        """True unless `old` is a graph output whose name `new` cannot take, being an input, constant or output."""
        return not old.is_graph_output() or not (
            new.is_graph_output() or new.is_graph_input() or new.is_initializer() or new.graph is not self.graph
        )

    def replace(self, old: onnx_ir.Value, new: onnx_ir.Value, *, adopt_name: bool = False) -> None:
        """Let every reader of `old` read `new`, and remove old's node when nothing else of it is used.

        Args:
            old: the output of a node.
            new: holds the same values; see `can_replace`.
            adopt_name: give `new` the name of `old`, so that the values of this name stay what they are in the
                source model. Graph outputs always keep their name.
        """
        adopt_name = adopt_name or old.is_graph_output()
        name, node = old.name, old.producer()
        if old.is_graph_output() or new.shape is None:
            new.shape, new.type = old.shape, old.type
        old.replace_all_uses_with(new, replace_graph_outputs=True)
        if adopt_name and not (new.is_graph_input() or new.is_initializer()):
            old.name = self.unique(f"{name}_replaced")
            new.name = name  # what it was called before may have been another value, which was changed to this one
        elif name != new.name:
            self.renamed[str(name)] = str(new.name)
        if node is not None and node.graph is not None:
            self.remove_unused(node)

    def rename(self, value: onnx_ir.Value, name: str) -> None:
        """Call a value by a name that no other has."""
        self.renamed[str(value.name)] = name
        value.name = name

    def substitute(self, node: onnx_ir.Node, new: onnx_ir.Value) -> None:
        """Replace the first output of `node` by a value made for it, which takes its name."""
        made_by = new.producer()
        self.replace(node.outputs[0], new, adopt_name=True)
        if made_by is not None and node.name:
            node_name, node.name = node.name, self.unique(f"{node.name}_replaced")
            made_by.name = node_name

    def remove_unused(self, node: onnx_ir.Node) -> None:
        """Remove the node, and then what only it read, if no output of it is used."""
        pending = [node]
        while pending:
            candidate = pending.pop()
            if candidate.graph is not self.graph or any(o.uses() or o.is_graph_output() for o in candidate.outputs):
                continue
            sources = [value.producer() for value in candidate.inputs if value is not None]
            self.graph.remove(candidate, safe=True)
            pending.extend(source for source in sources if source is not None)


def optional_input(node: onnx_ir.Node, position: int) -> onnx_ir.Value | None:
    """An input that may be absent: left out at the end, or named by nothing in between."""
    return node.inputs[position] if position < len(node.inputs) else None


def static_shape(value: onnx_ir.Value | None) -> tuple[int, ...] | None:
    """The extents of a value, or None where one is unknown."""
    if value is None or value.shape is None or not value.shape.is_static():
        return None
    return value.shape.numpy()


def rank(value: onnx_ir.Value | None) -> int | None:
    """The number of axes, or None where it is unknown."""
    return None if value is None or value.shape is None else len(value.shape)
