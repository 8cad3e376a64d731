"""When ranges follow what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.qat.constants import ROUNDED
from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize

if TYPE_CHECKING:
    from dlpuconv.qat.prepared import PreparedModule


def freeze_ranges(prepared: PreparedModule) -> None:
    """Leave the ranges of activations and weights where they are; weights beyond them count as the outermost.

    Those of constants beside activations hold the present ones, as the file's will.
    """
    _set(prepared, follows=False)


def follow_ranges(prepared: PreparedModule) -> None:
    """Let ranges follow in training mode, as they do at first: those of weights always hold the present ones."""
    _set(prepared, follows=True)


def _set(prepared: PreparedModule, *, follows: bool) -> None:
    for name, part in prepared.graph.named_children():
        if isinstance(part, PerTensorOrPerChannelFakeQuantize) and not name.startswith(ROUNDED):
            part.enable_observer(follows)
