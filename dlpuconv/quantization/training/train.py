"""Training of blocks: codes and biases of a few layers together, so that the block makes what its float form makes.

Each block reads what the integer blocks before it, as they were trained, really give. It is BRECQ's reconstruction (Li
et al. 2021, arXiv 2102.05426) with the straight-through gradient; scales stay: trained, they fitted the samples alone.
A block keeps what it had where samples that are held out do not gain. What is drawn is drawn from fixed seeds, and
torch has one thread: the same machine makes the same bytes.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.quantization.budget import multiplications
from dlpuconv.quantization.techniques.learned_rounding import fixed_layers
from dlpuconv.quantization.techniques.sample_counts import counts_of
from dlpuconv.quantization.training.blocks import blocks_of
from dlpuconv.quantization.training.functions import is_known
from dlpuconv.quantization.training.pair import BlockSamples, Pair
from dlpuconv.quantization.training.torch_block import TorchBlock
from dlpuconv.quantization.weights.layer import with_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Node
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.training.blocks import Block
    from dlpuconv.quantization.weights.layer import LayerWeights

    type Tensor = Any
    type Indices = npt.NDArray[np.intp]
    type Reals = npt.NDArray[np.float64]

_BATCH = 16
_FEWEST_STEPS, _MOST_STEPS = 50, 200
_WORK = 5e11
"""Multiplications of all steps together, forwards: a minute or two."""
_OF_A_VALUE = 50
"""As many multiplications take the time that it takes to round one value, and to find the gradient of that."""
_VALUES = 2**23
"""The most activation values in one batch."""
_CODE_RATE, _BIAS_RATE = 0.01, 0.003
"""Of Adam, in steps of the weights' scales and of the output's."""
_HELD_OUT = 8
"""One sample of so many tells whether a block has gained."""
_LEAST_POWER = 1e-12


def trainable(quantized: Quantized) -> list[Block]:
    """The blocks of a network of which something can be trained."""
    scales, left = quantized.plan.scales, fixed_layers(quantized)

    def known(node: Node) -> bool:
        return is_known(node) and all(value in scales for value in (*node.activations, *node.outputs))

    return [block for block in blocks_of(quantized.network, known) if any(node not in left for node in block.layers)]


def train(
    learned: Quantized,
    blocks: Sequence[Block],
    realize: Callable[[Quantized], Network],
    samples: Sequence[Feed],
    done: Callable[[], None] = lambda: None,
) -> dict[Node, LayerWeights]:
    """Integers of every layer.

    Args:
        learned: where training starts; scales and all activations' parameters stay.
        blocks: of it, in their order.
        realize: makes the integer network.
        samples: real values of the inputs.
        done: called after each block.

    Raises:
        BackendError: a node cannot be run.
    """
    pair, found, left = Pair(learned, realize, samples), dict(learned.layers), fixed_layers(learned)
    steps = _affordable_steps(blocks)
    with _one_thread():
        for block in blocks:
            model = TorchBlock(block, learned, [node for node in block.layers if node not in left])
            if _gains(model, _Loss(block, model, pair.seen(block)), steps):
                for node, layer in model.layers.items():
                    assert node.layer is not None
                    data = learned.plan.read_as(node, node.layer.data)
                    found[node] = with_codes(found[node], *layer.trained(), data, learned.scheme)
                    pair.change(node, found[node])
            done()
    return found


def _affordable_steps(blocks: Sequence[Block]) -> int:
    nodes = [node for block in blocks for node in block.nodes]
    work = sum(multiplications(node) + _OF_A_VALUE * prod(node.output.shape) for node in nodes)
    return int(np.clip(_WORK / max(work * _BATCH, 1), _FEWEST_STEPS, _MOST_STEPS))


class _Loss:
    """How far a block is from its float form, each output in parts of its own power, on samples that may count less."""

    def __init__(self, block: Block, model: TorchBlock, seen: BlockSamples) -> None:
        import torch

        self._model = model
        self._inputs = {value: torch.from_numpy(reals) for value, reals in seen.inputs.items()}
        self._targets = [torch.from_numpy(reals) for reals in seen.targets]
        self._powers = [max(float(reals.var(dtype=np.float64)), _LEAST_POWER) for reals in seen.targets]
        self.samples = len(seen.targets[0])
        values = sum(prod(node.output.shape) for node in block.nodes)
        self.batch = int(np.clip(_VALUES // max(values, 1), 1, _BATCH))
        self._counts = torch.from_numpy(counts_of(self._all(np.arange(self.samples))))

    def __call__(self, picked: Indices) -> Tensor:
        """The mean of some samples."""
        return (self._errors(picked) * self._counts[picked]).mean()

    def over(self, picked: Indices) -> float:
        """The sum of many samples, without a gradient."""
        return float(self._all(picked) @ self._counts[picked].numpy())

    def _errors(self, picked: Indices) -> Tensor:
        """[N] of samples."""
        made = self._model({value: reals[picked] for value, reals in self._inputs.items()})
        targets = (target[picked] for target in self._targets)
        parts = zip(made, targets, self._powers, strict=True)
        return sum(((found - wanted) ** 2).flatten(1).mean(1) / power for found, wanted, power in parts)

    def _all(self, picked: Indices) -> Reals:
        """[N] of many samples, without a gradient."""
        import torch

        with torch.no_grad():
            batches = [picked[begin : begin + self.batch] for begin in range(0, len(picked), self.batch)]
            return np.concatenate([np.asarray(self._errors(batch), np.float64) for batch in batches])


def _gains(model: TorchBlock, loss: _Loss, steps: int) -> bool:
    """Train a block; whether that has brought it closer on what it was not trained with."""
    import torch

    fit, held = np.split(np.arange(loss.samples), [loss.samples - loss.samples // _HELD_OUT])
    held = held if len(held) else fit
    before = loss.over(held)
    shifts = [layer.shift for layer in model.layers.values() if layer.shift is not None]
    rates = [{"params": [layer.codes for layer in model.layers.values()], "lr": _CODE_RATE}]
    rates += [{"params": shifts, "lr": _BIAS_RATE}] if shifts else []
    optimizer = torch.optim.Adam(rates)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    random = np.random.default_rng(0)
    for _ in range(steps):
        value = loss(random.choice(fit, min(loss.batch, len(fit)), replace=False))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    return loss.over(held) < before


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch with one thread and no algorithm that gives now this, now that."""
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=strict)
        torch.set_num_threads(threads)
