"""Training without labels: the module learns to answer as the float one does.

Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531), on the outputs as they are, so
that it serves any network.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_leaves

from dlpuconv.display.progress import Silent
from dlpuconv.frontends.pytorch.replica import own_tensors, replica, unwrapped
from dlpuconv.qat.batches import batches
from dlpuconv.qat.ranges import freeze_ranges
from dlpuconv.qat.rates import in_steps

if TYPE_CHECKING:
    from dlpuconv.display.progress import Progress
    from dlpuconv.qat.prepared import PreparedModule


_RATE = 0.003
"""Of a step of the weights. At 0.01 and more the first updates, which all have one size, cost detectors several dB."""
_UNCHANGED = 1e-10
"""Variance in shares of the mean square that is no more than float32's rounding."""
_LEAST = 1e-12
"""Square of an output that is always zero."""


def distil(
    prepared: PreparedModule,
    float_module: torch.nn.Module,
    data: Any,
    *,
    epochs: int = 2,
    optimizer: torch.optim.Optimizer | None = None,
    progress: Progress | None = None,
) -> None:
    """Train a prepared module on the answers of the float one, on whatever device it is.

    Ranges of activations are frozen: they are the recipe's. The learning rate falls to nothing along a cosine.

    Args:
        prepared: is trained, and left in evaluation mode.
        float_module: teaches; it is only read.
        data: samples, [N, ...] of the one input; or a loader, any iterable that starts again for each epoch: of arrays,
            of tuples whose first elements are the inputs, or of dicts by name. Labels are left alone.
        epochs: how often the data is gone through.
        optimizer: of the module's parameters; Adam whose rates are shares of each layer's steps if None.
        progress: where the work reports.

    Raises:
        UsageError: the data yields nothing, or nothing more in a later epoch.
    """
    device = next(prepared.parameters()).device
    teacher = own_tensors(replica(unwrapped(float_module))).to(device)
    optimizer = optimizer or torch.optim.Adam(in_steps(prepared, _RATE))
    freeze_ranges(prepared)
    prepared.train()
    rates = [group["lr"] for group in optimizer.param_groups]
    with (progress or Silent()).stage("distilling", epochs) as step:
        for epoch in range(epochs):
            for share, (positional, named) in batches(data, len(prepared.preparation.positional), device):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * (1 + math.cos(math.pi * (epoch + share) / epochs)) / 2
                with torch.no_grad():
                    wanted = teacher(*positional, **named)
                optimizer.zero_grad()
                distance(prepared(*positional, **named), wanted).backward()
                optimizer.step()
            step()
    prepared.eval()


def distance(answers: Any, wanted: Any) -> torch.Tensor:
    """The sum over all outputs of the squared error in shares of the output's variance."""
    pairs = zip(tree_leaves(answers), tree_leaves(wanted), strict=True)
    losses = [(a - w).square().mean() / _spread(w) for a, w in pairs if w.is_floating_point()]
    return torch.stack(losses).sum()


def _spread(values: torch.Tensor) -> torch.Tensor:
    """The variance; the mean square of a lone number, or of one that does not change, which have none."""
    variance, square = values.var(correction=0), values.square().mean()
    return torch.where(variance > _UNCHANGED * square, variance, square).clamp(min=_LEAST)
