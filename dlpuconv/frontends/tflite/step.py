"""One operator of the file beside the ONNX graph: what its reader asks of it, and what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlpuconv.frontends.tflite.graph import TO_FIRST, UnreadError, element_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.formats.view import LayerView, Option, TensorView
    from dlpuconv.frontends.tflite.graph import Array, NodeGraph

_IMAGE: Final = 4
_ACTIVATIONS: Final[dict[str, tuple[str, tuple[float, ...]]]] = {
    "NONE": ("Identity", ()),
    "RELU": ("Relu", ()),
    "RELU_N1_TO_1": ("Clip", (-1.0, 1.0)),
    "RELU6": ("Clip", (0.0, 6.0)),
}
"""What an operator may do to its result: ONNX's function and its further operands. No kernel does the others."""


@dataclass(frozen=True, slots=True)
class Operands:
    """Operands in one common layout.

    Attributes:
        names: of the values.
        first: their channels are on the second axis; else on the last one, or there are none.
    """

    names: tuple[str, ...]
    first: bool

    def axis(self, axis: int, rank: int) -> int:
        """Where an axis of the file's layout lies in this one."""
        axis = axis % rank
        return TO_FIRST.index(axis) if self.first else axis


@dataclass(frozen=True, slots=True)
class Step:
    """One operator; positions are those of its inputs and outputs in the file."""

    graph: NodeGraph
    layer: LayerView

    def has(self, position: int) -> bool:
        """Whether an input is there."""
        return position < len(self.layer.inputs) and self.layer.inputs[position] >= 0

    def index(self, position: int) -> int:
        """The tensor of an input.

        Raises:
            UnreadError: it is not there.
        """
        if not self.has(position):
            raise UnreadError(f"its input {position} is missing")
        return self.layer.inputs[position]

    def tensor(self, position: int) -> TensorView:
        """An input."""
        return self.graph.view.tensors[self.index(position)]

    def output(self, position: int = 0) -> TensorView:
        """An output.

        Raises:
            UnreadError: it is not there.
        """
        if position >= len(self.layer.outputs):
            raise UnreadError(f"its output {position} is missing")
        return self.graph.view.tensors[self.layer.outputs[position]]

    def option(self, name: str, default: Option = 0) -> Any:
        """An option of the operator."""
        return self.layer.options.get(name, default)

    def array(self, position: int) -> Array | None:
        """The values of an input that is a constant."""
        return self.graph.array(self.index(position))

    def numbers(self, position: int, what: str) -> list[int]:
        """The integers of a constant input, whatever its shape.

        Raises:
            UnreadError: they are computed.
        """
        array = self.array(position)
        if array is None or array.dtype.kind not in "iu":
            raise UnreadError(f"its {what} would have to be constant integers")
        return [int(number) for number in array.reshape(-1)]

    def number(self, position: int, what: str) -> int:
        """The one integer of a constant input."""
        numbers = self.numbers(position, what)
        if len(numbers) != 1:
            raise UnreadError(f"its {what} would have to be one integer")
        return numbers[0]

    def last(self, position: int) -> str:
        """An input as the file has it."""
        return self.graph.last(self.index(position))

    def first(self, position: int) -> str:
        """An input of four axes with channels first."""
        return self.permuted(position, *TO_FIRST)

    def rank(self, position: int = 0) -> int:
        """The number of axes of an input.

        Raises:
            UnreadError: there are none.
        """
        rank = len(self.tensor(position).shape)
        if not rank:
            raise UnreadError(f"its input {position} has no axes")
        return rank

    def image(self, position: int) -> tuple[int, ...]:
        """The shape of an input of four axes.

        Raises:
            UnreadError: it has others.
        """
        shape = self.tensor(position).shape
        if len(shape) != _IMAGE:
            raise UnreadError(f"its input {position} would have to have {_IMAGE} axes")
        return shape

    def permuted(self, position: int, *permutation: int) -> str:
        """An input with its axes in another order."""
        if self.graph.rank(self.index(position)) != len(permutation):
            raise UnreadError(f"its input {position} would have to have {len(permutation)} axes")
        return self.graph.permuted(self.index(position), permutation)

    def int64(self, position: int) -> str:
        """Indices or a shape, in the type that ONNX wants them in."""
        array = self.array(position)
        if array is not None:
            return self.constant(array.astype(np.int64))
        return self.node("Cast", [self.last(position)], to=element_type("int64"))

    def together(self, *positions: int) -> Operands:
        """Inputs that are computed with element by element, or moved alike, in the layout in which they are at home."""
        indices = [self.index(position) for position in positions]
        computed = [index for index in indices if self.graph.array(index) is None and not self._is_one(index)]
        first = (
            any(map(self.graph.is_first, computed))
            and all(self.graph.rank(index) == _IMAGE for index in computed)
            and all(self.graph.rank(index) <= _IMAGE for index in indices)
        )
        names = map(self._spread_first if first else self.graph.last, indices)
        return Operands(tuple(names), first)

    def alone(self, position: int = 0) -> Operands:
        """One input in the layout in which it is at home."""
        return self.together(position)

    def constant(self, array: Array | Sequence[int]) -> str:
        """A new constant; integers are int64."""
        values = np.asarray(array, None if isinstance(array, np.ndarray) else np.int64)
        return self.graph.constant(values, f"{self._name}/constant")

    def scalar(self, value: float, dtype: str = "float32") -> str:
        """A new constant of no axes."""
        return self.constant(np.array(value, dtype))

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """An operator on the way to the result; what it makes."""
        return self.graph.node(kind, inputs, self.graph.fresh(f"{self._name}/{kind}"), **attributes)

    def give(self, kind: str, inputs: Sequence[str], *, first: bool = False, **attributes: Any) -> None:
        """The last operator, which makes the first output; a fused activation follows it."""
        self.give_each(kind, inputs, [0], first=first, **attributes)

    def give_each(
        self, kind: str, inputs: Sequence[str], positions: Sequence[int], *, first: bool = False, **attributes: Any
    ) -> None:
        """An operator that makes these outputs."""
        indices = [self.output(position).index for position in positions]
        activation = str(self.option("fused_activation_function", "NONE"))
        if activation not in _ACTIVATIONS:
            raise UnreadError(f"its activation {activation} is none that its kernel has")
        made = [self.graph.made(index, first=first) for index in indices]
        name = self.graph.names[indices[0]]
        if activation == "NONE":
            self.graph.node(kind, inputs, *made, name=name, **attributes)
        else:
            linear = self.graph.node(kind, inputs, self.graph.fresh(f"{name}/linear"), name=name, **attributes)
            function, bounds = _ACTIVATIONS[activation]
            self.graph.node(function, [linear, *map(self.scalar, bounds)], made[0])
        for index in indices:
            self.graph.settle(index)

    @property
    def _name(self) -> str:
        return self.graph.names[self.layer.outputs[0]] if self.layer.outputs else self.layer.op

    def _is_one(self, index: int) -> bool:
        return all(extent == 1 for extent in self.graph.view.tensors[index].shape)

    def _spread_first(self, index: int) -> str:
        """An operand for values of four axes, channels first, that its own axes are the last ones of."""
        array = self.graph.array(index)
        if array is not None and array.ndim < _IMAGE and array.size > 1:
            return self.constant(array.reshape((1,) * (_IMAGE - array.ndim) + array.shape).transpose(TO_FIRST))
        return self.graph.first(index) if self.graph.rank(index) == _IMAGE else self.graph.last(index)


def static(tensor: TensorView) -> tuple[int, ...]:
    """The shape of a tensor.

    Raises:
        UnreadError: an extent is dynamic.
    """
    if -1 in tensor.shape:
        raise UnreadError("it needs a static shape")
    return tensor.shape
