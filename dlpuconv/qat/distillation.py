"""Training without labels: the module learns to answer as the float one does.

Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531), on the outputs as they are, so
that it serves any network.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_leaves

from dlpuconv.display.progress import Silent
from dlpuconv.frontends.pytorch.outputs import plain_output
from dlpuconv.frontends.pytorch.replica import own_tensors, replica, unwrapped
from dlpuconv.qat.batches import Call, batches
from dlpuconv.qat.learned import take_over
from dlpuconv.qat.ranges import freeze_ranges
from dlpuconv.qat.rates import in_steps
from dlpuconv.qat.selection import Best, split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.display.progress import Progress
    from dlpuconv.qat.prepared import PreparedModule


_RATE = 0.003
"""Of a step of the weights. At 0.01 the first updates, which all have one size, cost a detector 1.3 dB in an epoch."""
_UNCHANGED = 1e-10
"""Variance in shares of the mean square that is no more than float32's rounding."""
_LEAST = 1e-12
"""Square of an output that is always zero."""


def distil(  # noqa: PLR0913 - what torch's own loops take, three of them by position
    prepared: PreparedModule,
    float_module: torch.nn.Module,
    data: Any,
    *,
    epochs: int = 2,
    held_out: Any = None,
    optimizer: torch.optim.Optimizer | None = None,
    progress: Progress | None = None,
) -> None:
    """Train a prepared module to give the outputs of the float module, on the device where it is.

    A module that was not trained since `prepare` first gets the recipe's learned rounding and corrected biases, so that
    it starts as accurate as the recipe's file. Its ranges are the recipe's, and are frozen. The learning rate falls to
    zero along a cosine. Before the first epoch and after each one, the module is measured on held-out data; the best
    state is kept, so that training cannot make it worse there.

    Args:
        prepared: the module to train; it is in evaluation mode afterwards.
        float_module: the module to imitate; it is not changed.
        data: samples, [N, ...] of the one input; or a loader, any iterable that starts again for each epoch: of arrays,
            of tuples whose first elements are the inputs, or of dicts by name. Labels are left alone.
        epochs: number of passes over the data.
        held_out: samples to compare states on, in the same form. If None, every fifth sample of an array is held out
            from training; with a loader, no states are compared, and the last one is kept.
        optimizer: of the module's parameters, which gets its learning rates back afterwards; if None, Adam with
            learning rates in proportion to each layer's scale.
        progress: where progress is shown.

    Raises:
        UsageError: the data yields nothing, or nothing more in a later epoch, or a batch lacks an input.
    """
    teacher = own_tensors(replica(unwrapped(float_module)), next(prepared.parameters()).device)
    if held_out is None:
        data, held_out = split(data)
    freeze_ranges(prepared)
    take_over(prepared.preparation.learned, prepared.graph)
    best = None if held_out is None else Best(prepared, lambda: _loss(prepared, teacher, held_out))
    optimizer = optimizer or torch.optim.Adam(in_steps(prepared, _RATE))
    rates = [group["lr"] for group in optimizer.param_groups]
    with (progress or Silent()).stage("distilling", epochs) as step:
        for epoch in range(epochs):
            prepared.train()
            for share, loss in _losses(prepared, teacher, data):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * (1 + math.cos(math.pi * (epoch + share) / epochs)) / 2
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if best is not None:
                best.look()
            step()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    if best is not None:
        best.restore()
    prepared.eval()


def _losses(prepared: PreparedModule, teacher: torch.nn.Module, data: Any) -> Iterator[tuple[float, torch.Tensor]]:
    """The share of the data that came before each batch, and the distance of the module's answers to it."""
    device = next(prepared.parameters()).device
    for share, (positional, named) in batches(data, Call.of(teacher, prepared.preparation), device):
        with torch.no_grad():
            wanted = teacher(*positional, **named)
        answers = prepared(*positional, **named)
        yield share, distance(*(plain_output(teacher, None, each) for each in (answers, wanted)))


@torch.no_grad()  # type: ignore[untyped-decorator] # torch is not followed
def _loss(prepared: PreparedModule, teacher: torch.nn.Module, data: Any) -> float:
    """The mean distance over all batches, in evaluation mode."""
    prepared.eval()
    return fmean(float(loss) for _, loss in _losses(prepared, teacher, data))


def distance(answers: Any, wanted: Any) -> torch.Tensor:
    """The sum over all outputs of the squared error divided by the output's variance."""
    pairs = zip(tree_leaves(answers), tree_leaves(wanted), strict=True)
    losses = [(a - w).square().mean() / _spread(w) for a, w in pairs if w.is_floating_point()]
    return torch.stack(losses).sum()


def _spread(values: torch.Tensor) -> torch.Tensor:
    """The variance; the mean square of a lone number, or of one that does not change, which have none."""
    variance, square = values.var(correction=0), values.square().mean()
    return torch.where(variance > _UNCHANGED * square, variance, square).clamp(min=_LEAST)
