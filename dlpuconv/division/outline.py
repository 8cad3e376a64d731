"""What a cut of a network costs: its operators, the work of each, and the bytes of every value that may cross."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Final

from dlpuconv.formats.kinds import ONNX
from dlpuconv.formats.view import FileView, LayerView, TensorView
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.ir.nodes import free_names, label
from dlpuconv.placement.macs import macs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import onnx

_REAL: Final = 1  # TensorProto.FLOAT: the network is in float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operator that depends on the network's inputs.

    Attributes:
        label: for messages, `Op 'name'`.
        reads: inputs of the network and values that other operators of the outline make.
        makes: values.
        macs: multiply-accumulates of one inference; where only a run tells how many of something there are, such as
            detections, those of one.
        static: the shape of nothing that it makes is one that only a run tells.
    """

    label: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    macs: int = 0
    static: bool = True


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A network, as far as a cut is concerned. Constants and what is made of them alone are not in it.

    Attributes:
        operators: in running order; only those that the outputs need.
        outputs: of the network that an operator makes, in order.
        elements: of each tensor of real numbers whose shape is known: only these may cross to or from the chip.
    """

    operators: tuple[Operation, ...]
    outputs: tuple[str, ...]
    elements: Mapping[str, int] = field(repr=False)

    @cached_property
    def maker(self) -> Mapping[str, int]:
        """Which operator makes a value."""
        return {name: index for index, operator in enumerate(self.operators) for name in operator.makes}

    @cached_property
    def before(self) -> Sequence[frozenset[int]]:
        """The operators that make what each reads."""
        return [frozenset(self.maker[name] for name in o.reads if name in self.maker) for o in self.operators]

    @cached_property
    def behind(self) -> Sequence[frozenset[int]]:
        """The operators that read what each makes."""
        return [frozenset[int]().union(*(self.readers.get(name, ()) for name in o.makes)) for o in self.operators]

    @cached_property
    def readers(self) -> Mapping[str, frozenset[int]]:
        """The operators that read a value; without those that nobody reads."""
        found: dict[str, set[int]] = {}
        for index, operator in enumerate(self.operators):
            for name in operator.reads:
                found.setdefault(name, set()).add(index)
        return {name: frozenset(readers) for name, readers in found.items()}

    def with_ancestors(self, operators: Iterable[int]) -> set[int]:
        """These, and all that they depend on."""
        return _reached(operators, self.before)

    def with_descendants(self, operators: Iterable[int]) -> set[int]:
        """These, and all that depends on them."""
        return _reached(operators, self.behind)

    def work(self, operators: Iterable[int]) -> int:
        """Their multiply-accumulates."""
        return sum(self.operators[index].macs for index in operators)


def outline(proto: onnx.ModelProto, refused: Collection[str] = (), outputs: Collection[str] = ()) -> Outline:
    """What a cut of this network costs.

    Args:
        proto: flat, in running order, with types of its values.
        refused: values of operators that are never constant, such as random numbers.
        outputs: to regard in place of the network's own.
    """
    graph = proto.graph
    wanted = tuple(outputs) or tuple(value.name for value in graph.output)
    elements = {value.name: prod(shape) for value, shape in _reals(graph)}
    flowing = {value.name for value in graph.input}
    work, dynamic = _work(graph), _dynamic(graph)
    found: list[Operation] = []
    for node, count in zip(graph.node, work, strict=True):
        makes = tuple(filter(None, node.output))
        reads = free_names(node) & flowing
        if reads or any(name in refused for name in makes):
            flowing.update(makes)
            static = dynamic.isdisjoint(makes)
            whole = Operation(label=label(node), reads=tuple(sorted(reads)), makes=makes, macs=count, static=static)
            found += [whole] if count or set(makes) & set(refused) else _by_kind(whole, elements)
    needed = _needed(found, wanted)
    made = {name for operator in needed for name in operator.makes}
    return Outline(
        operators=needed,
        outputs=tuple(name for name in wanted if name in made),
        elements={name: count for name, count in elements.items() if name in made},
    )


def _by_kind(operator: Operation, elements: Mapping[str, int]) -> list[Operation]:
    """An operator without work that makes values which may cross and others, such as a MaxPool with indices, as two.

    So the chip may run it for the ones, and the tail once more for the others, which do not cross.
    """
    crossing = tuple(name for name in operator.makes if name in elements)
    others = tuple(name for name in operator.makes if name not in elements)
    return [replace(operator, makes=makes) for makes in (crossing, others) if makes]


def _needed(operators: Sequence[Operation], outputs: Iterable[str]) -> tuple[Operation, ...]:
    wanted, found = set(outputs), []
    for operator in reversed(operators):
        if wanted & set(operator.makes):
            wanted.update(operator.reads)
            found.append(operator)
    return tuple(reversed(found))


def _reached(start: Iterable[int], towards: Sequence[frozenset[int]]) -> set[int]:
    found = set(start)
    waiting = list(found)
    while waiting:
        fresh = towards[waiting.pop()] - found
        found |= fresh
        waiting.extend(fresh)
    return found


def _reals(graph: onnx.GraphProto) -> Iterable[tuple[onnx.ValueInfoProto, tuple[int, ...]]]:
    for value in (*graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.elem_type == _REAL and tensor.HasField("shape") and all(d.dim_value > 0 for d in tensor.shape.dim):
            yield value, tuple(d.dim_value for d in tensor.shape.dim)


def _dynamic(graph: onnx.GraphProto) -> set[str]:
    """Values of which some extent is only known when the model runs."""
    known = ((value.name, value.type.tensor_type) for value in (*graph.value_info, *graph.output))
    return {
        name
        for name, tensor in known
        if not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim)
    }


def _work(graph: onnx.GraphProto) -> list[int]:
    """Multiply-accumulates of every node; an extent that only a run tells counts as 1, an unknown rank as nothing."""
    shapes = {
        value.name: tuple(dim.dim_value if dim.HasField("dim_value") else 1 for dim in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    index = {name: position for position, name in enumerate(shapes)}
    view = FileView(
        format=ONNX.name,
        tensors=tuple(
            TensorView(index=position, name=name, shape=shapes[name], dtype="") for name, position in index.items()
        ),
        layers=tuple(_layer(position, node, index) for position, node in enumerate(graph.node)),
        inputs=(),
        outputs=(),
    )
    return [macs(view, layer) if -1 not in layer.outputs[:1] else 0 for layer in view.layers]


def _layer(position: int, node: onnx.NodeProto, index: Mapping[str, int]) -> LayerView:
    return LayerView(
        index=position,
        op=node.op_type,
        version=0,
        custom=bool(node.domain),
        inputs=tuple(index.get(name, -1) for name in node.input),
        outputs=tuple(index.get(name, -1) for name in node.output),
        options={attribute.name: attribute.i for attribute in node.attribute},
        names=LayerNames(tensor=""),
    )
