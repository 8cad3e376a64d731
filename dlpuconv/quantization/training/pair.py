"""What blocks read in the integer network, and what they make in the float one, block by block on a few samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Constants
from dlpuconv.quantization.techniques.stepwise import Stepwise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Node, Value
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.training.blocks import Block
    from dlpuconv.quantization.weights.layer import LayerWeights

    type Reals = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BlockSamples:
    """Of one block; all [samples, ...] in real units.

    Attributes:
        inputs: what the integer network gives it.
        targets: its outputs in the float network.
    """

    inputs: Mapping[Value, Reals]
    targets: Sequence[Reals]


class Pair:
    """A network in floats and in integers, which run side by side."""

    def __init__(self, quantized: Quantized, realize: Callable[[Quantized], Network], samples: Sequence[Feed]) -> None:
        """Get ready for the first block.

        Args:
            quantized: where every layer starts.
            realize: makes the integer network.
            samples: real values of the inputs.
        """
        self._exact = Stepwise(quantized.network, samples, changing=False)
        self._integer = Stepwise(realize(quantized), samples)
        network = self._integer.network
        self._layers = dict(zip(quantized.layers, [n for n in network.nodes if n.layer is not None], strict=True))
        self._made_at = {value.name: 0 for value in network.inputs}
        self._made_at |= {v.name: at for at, node in enumerate(network.nodes, 1) for v in node.outputs}
        self._values = {v.name: v for v in [*network.inputs, *(v for node in network.nodes for v in node.outputs)]}
        self._names = _names(quantized, self._values)
        self._turn = 0

    def seen(self, block: Block) -> BlockSamples:
        """What a block behind the former ones reads and should make.

        Raises:
            BackendError: a node cannot be run.
        """
        names = [self._names[value.name] for value in block.inputs]
        self._go_to(max(self._made_at[name] for name in names))
        read = {
            value: _stacked(self._integer, self._values[name]) for value, name in zip(block.inputs, names, strict=True)
        }
        self._exact.step_to(block.nodes[-1])
        self._exact.step()
        return BlockSamples(inputs=read, targets=[_stacked(self._exact, value) for value in block.outputs])

    def change(self, node: Node, made: LayerWeights) -> None:
        """Give a layer of the block other integers; layers come in their order."""
        integer = self._layers[node]
        self._go_to(self._made_at[integer.output.name] - 1)
        self._integer.change(Constants(weights=made.weights, bias=made.bias))

    def _go_to(self, turn: int) -> None:
        while self._turn < turn:
            self._integer.step()
            self._turn += 1


def _names(quantized: Quantized, there: Mapping[str, object]) -> dict[str, str]:
    """By which the integer network has each activation of the float one; of those that clamps join, one is left."""
    names = {name: name for name in there}
    joined = [(node.activations[0].name, node.output.name) for node in quantized.plan.absorbed]
    for one, other in reversed(joined):
        if one not in names and other in names:
            names[one] = names[other]
    for one, other in joined:
        if other not in names and one in names:
            names[other] = names[one]
    return names


def _stacked(run: Stepwise, value: Value) -> Reals:
    return np.concatenate([run.real(value, sample) for sample in range(run.samples)])
