"""Which state of a module training leaves: the one that did best on data that it was not trained on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY = 5
"""Of the samples of an array, one in so many is held out."""
_SIZE = 4
"""Held-out samples that are taken together."""


def split(data: Any) -> tuple[Any, Any]:
    """Samples to train on, and batches of others, evenly spread; None for these without an array of samples.

    A single sample is trained on, and held out too.
    """
    if not isinstance(data, torch.Tensor | np.ndarray) or not len(data):
        return data, None
    whole = torch.as_tensor(data)
    is_held = torch.arange(len(whole)) % _EVERY == 0
    return whole[~is_held] if len(whole) > 1 else whole, whole[is_held].split(_SIZE)


class Best:
    """The best state of a module so far."""

    def __init__(self, module: torch.nn.Module, judge: Callable[[], float]) -> None:
        """Start with the present one.

        Args:
            module: is trained.
            judge: its loss on held-out data.
        """
        self._module, self._judge, self._loss = module, judge, math.nan
        self._state: dict[str, torch.Tensor] = {}
        self.look()

    def look(self) -> None:
        """Keep the present state, if it is the first or better, or if there was no number for the one before."""
        loss = self._judge()
        if loss < self._loss or math.isnan(self._loss):
            self._loss, self._state = loss, {k: v.detach().clone() for k, v in self._module.state_dict().items()}

    def restore(self) -> None:
        """Put the module back into it."""
        self._module.load_state_dict(self._state)
