"""When ranges follow what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize

if TYPE_CHECKING:
    from dlpuconv.qat.prepared import PreparedModule


def freeze_ranges(prepared: PreparedModule) -> None:
    """Leave the ranges of activations where they are; those of weights always hold the present weights."""
    _set(prepared, follows=False)


def follow_ranges(prepared: PreparedModule) -> None:
    """Let the ranges of activations follow what they see in training mode, as they do at first."""
    _set(prepared, follows=True)


def _set(prepared: PreparedModule, *, follows: bool) -> None:
    for part in prepared.modules():
        if isinstance(part, PerTensorOrPerChannelFakeQuantize) and not part.is_of_weights:
            part.enable_observer(follows)
