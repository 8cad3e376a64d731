"""Batches for training: from loaders of torch, and from plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    type Arguments = tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]

_SIZE = 16
"""Samples of an array that are taken together."""


def batches(
    data: Iterable[Any] | torch.Tensor | np.ndarray[Any, Any], inputs: int, device: torch.device
) -> Iterator[Arguments]:
    """Arguments of a module, batch by batch.

    Args:
        data: [N, ...] of the one input, which are shuffled, or batches: arrays, tuples whose first elements are the
            inputs, or dicts of the inputs by name. Labels behind the inputs are left alone.
        inputs: how many positional ones the module takes.
        device: where it is.
    """
    for batch in _shuffled(data) if isinstance(data, torch.Tensor | np.ndarray) else data:
        if isinstance(batch, dict):
            yield (), {name: _tensor(values, device) for name, values in batch.items()}
        else:
            several = batch if isinstance(batch, tuple | list) else (batch,)
            yield tuple(_tensor(values, device) for values in several[:inputs]), {}


def _shuffled(samples: Any) -> Iterator[torch.Tensor]:
    whole = torch.as_tensor(samples)
    yield from whole[torch.randperm(len(whole))].split(_SIZE)


def _tensor(values: Any, device: torch.device) -> torch.Tensor:
    return torch.as_tensor(values).to(device)
