"""Batches for training: from loaders of torch, and from plain arrays."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    type Arguments = tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]

_SIZE = 4
"""Samples of an array that are taken together."""


def batches(data: Any, inputs: int, device: torch.device) -> Iterator[tuple[float, Arguments]]:
    """Arguments of a module, batch by batch.

    Args:
        data: [N, ...] of the one input, which are shuffled, or an iterable of batches: of arrays, of tuples whose first
            elements are the inputs, or of dicts of the inputs by name. Labels behind the inputs are left alone.
        inputs: how many positional ones the module takes.
        device: where it is.

    Raises:
        UsageError: there is no batch, as of no samples, or of a generator that was gone through before.

    Yields:
        The share of the data that came before, 0 where it does not tell how much there is; and a batch.
    """
    if isinstance(data, torch.Tensor | np.ndarray):
        whole = torch.as_tensor(data)
        data = whole[torch.randperm(len(whole))].split(_SIZE) if len(whole) else ()  # split makes a batch of nothing
    count = len(data) if isinstance(data, Sized) else 0
    number = -1
    for number, batch in enumerate(data):
        share = number / count if count else 0.0
        if isinstance(batch, dict):
            yield share, ((), {name: _tensor(values, device) for name, values in batch.items()})
        else:
            several = batch if isinstance(batch, tuple | list) else (batch,)
            yield share, (tuple(_tensor(values, device) for values in several[:inputs]), {})
    if number < 0:
        raise UsageError(
            "the data yielded no batch. It is read several times, so give a list or a DataLoader, not a generator",
            id="training-no-batch",
        )


def _tensor(values: Any, device: torch.device) -> torch.Tensor:
    made = torch.as_tensor(values).to(device)
    return made.float() if made.is_floating_point() else made
