"""What the pairs of a graph say of its values, gathered: one scale for each value, weights by the node they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.frontends.quantized.constants import rearranges
from dlpuconv.ir.given_scales import GivenScales
from dlpuconv.ir.operators import ONNX_WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx

    from dlpuconv.frontends.quantized.parameters import Parameters
    from dlpuconv.ir.given_scales import StatedScale

_WIDEST_CODES: Final = 16
"""Bits; wider integers are sums and biases, whose scales follow from others."""
_OPERANDS: Final = 2
"""How many inputs belong to a multiplication; the next one is a bias."""


class Statements:
    """Grows while a graph is read."""

    def __init__(self) -> None:
        self._values: dict[str, dict[StatedScale, None]] = {}
        self._constants: dict[str, Parameters] = {}
        self._told: dict[str, None] = {}

    def of_value(self, name: str, said: Parameters) -> None:
        """Note the scale of a computed value."""
        if said.per_tensor:
            self._values.setdefault(name, {})[said.stated()] = None
        else:
            self.tell(f"the scales of {name!r} lie along an axis, which no layer can read: one is fitted anew")

    def of_constant(self, name: str, said: Parameters) -> None:
        """Note the scale of a constant that was stored as integers."""
        self._constants[name] = said

    def repeat(self, name: str, again: str) -> None:
        """Note that a value is another one under a second name."""
        if name in self._values:
            self._values[again] = self._values[name]

    def tell(self, sentence: str) -> None:
        """Something that the user should know."""
        self._told[sentence] = None

    def given(self, graph: onnx.GraphProto, renamed: Mapping[str, str]) -> GivenScales:
        """All that was said.

        Args:
            graph: of real numbers, every node named.
            renamed: values whose names have changed since they were spoken of.
        """
        activations = {renamed.get(name, name): self._widest(name, list(said)) for name, said in self._values.items()}
        weights: dict[str, StatedScale] = {}
        readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in dict.fromkeys(node.input):
                readers.setdefault(name, []).append(node)
        shapes = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
        for name, said in self._constants.items():
            if said.block:
                self.tell(f"the constant {name!r} is scaled in blocks of {said.block}: its scales are fitted anew")
            if said.block or said.codes.bits > _WIDEST_CODES:
                continue
            stated = said.stated(shapes.get(name))
            for node, role in _users(name, readers):
                if role in range(_OPERANDS) and node.op_type in ONNX_WEIGHTED:
                    weights[node.name] = stated
                elif said.per_tensor and node.op_type not in ONNX_WEIGHTED:
                    activations[name] = stated
        several = frozenset(renamed.get(name, name) for name, said in self._values.items() if len(said) > 1)
        return GivenScales(activations=activations, weights=weights, several=several, told=tuple(self._told))

    def _widest(self, name: str, said: list[StatedScale]) -> StatedScale:
        if len(said) > 1:
            self.tell(f"{name!r} is quantized with {len(said)} different scales: the one of the widest range is kept")
        return max(said, key=lambda stated: stated.affine.scale * (stated.codes.highest - stated.codes.lowest))


def _users(name: str, readers: Mapping[str, list[onnx.NodeProto]]) -> Iterator[tuple[onnx.NodeProto, int]]:
    """The nodes that read a constant, rearranged or not, each with the position at which it does."""
    waiting, seen = [name], {name}
    while waiting:
        read = waiting.pop()
        for node in readers.get(read, []):
            if rearranges(node):
                waiting += [output for output in node.output if output not in seen]
                seen.update(node.output)
            else:
                yield node, list(node.input).index(read)
