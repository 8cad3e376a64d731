"""Batches for training: from loaders of torch, and from plain arrays."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dlpuconv.calibration.iterables import length_of
from dlpuconv.errors import UsageError
from dlpuconv.language.brief import listed
from dlpuconv.placement.forecast_text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.qat.prepared import Preparation

    type Arguments = tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]

_SIZE = 4
"""Samples of an array that are taken together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a module takes a batch.

    Attributes:
        positional: how many inputs it takes by position.
        named: further ones, which it takes by name.
        known: every name that it takes in a dict.
    """

    positional: int
    named: tuple[str, ...]
    known: frozenset[str]

    @classmethod
    def of(cls, module: torch.nn.Module, preparation: Preparation) -> Call:
        """As a module was called when it was prepared.

        Args:
            module: the float one.
            preparation: of the one that is trained.
        """
        named = tuple(preparation.named)
        known = frozenset((*inspect.signature(module.forward).parameters, *named))
        return cls(positional=len(preparation.positional), named=named, known=known)

    def arguments(self, batch: Any, device: torch.device) -> Arguments:
        """What a batch holds beside labels, on a device.

        Raises:
            UsageError: it holds less than the module takes.
        """
        count = self.positional + len(self.named)
        if isinstance(batch, dict):
            by_name = {name: _tensor(values, device) for name, values in batch.items() if name in self.known}
            if len(by_name) < count:
                names = f"name{'s' * (len(self.known) > 1)} {listed(map(repr, sorted(self.known)))}"
                raise UsageError(
                    f"a batch of the training data has the keys {listed(map(repr, batch))}, but the module takes"
                    f" {plural(count, 'input')} by the {names}",
                    id="training-inputs",
                )
            return (), by_name
        several = batch if isinstance(batch, tuple | list) else (batch,)
        if len(several) < count:
            raise UsageError(
                f"a batch of the training data has {plural(len(several), 'element')}, but the module takes"
                f" {plural(count, 'input')}",
                id="training-inputs",
            )
        inputs = [_tensor(values, device) for values in several[:count]]
        first, further = inputs[: self.positional], inputs[self.positional :]
        return tuple(first), dict(zip(self.named, further, strict=True))


def batches(data: Any, call: Call, device: torch.device) -> Iterator[tuple[float, Arguments]]:
    """Arguments of a module, batch by batch.

    Args:
        data: [N, ...] of the one input, which are shuffled, or an iterable of batches: of arrays, of tuples whose first
            elements are the inputs, or of dicts of the inputs by name. Labels behind the inputs are left alone.
        call: how the module takes them.
        device: where it is.

    Raises:
        UsageError: there is no batch, as of no samples, or of a generator that was gone through before; or a batch
            lacks an input.

    Yields:
        The share of the data that came before, 0 where it does not tell how much there is; and a batch.
    """
    if isinstance(data, torch.Tensor | np.ndarray):
        whole = torch.as_tensor(data)
        data = whole[torch.randperm(len(whole))].split(_SIZE) if len(whole) else ()  # split makes a batch of nothing
    count = length_of(data) or 0
    number = -1
    for number, batch in enumerate(data):
        share = number / count if count else 0.0
        yield share, call.arguments(batch, device)
    if number < 0:
        raise UsageError(
            "the data yielded no batch. It is read several times, so give a list or a DataLoader, not a generator",
            id="training-no-batch",
        )


def _tensor(values: Any, device: torch.device) -> torch.Tensor:
    made = torch.as_tensor(values).to(device)
    return made.float() if made.is_floating_point() else made
