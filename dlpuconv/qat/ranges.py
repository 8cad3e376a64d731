"""When the ranges of a prepared module follow the values that occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.qat.constants import ROUNDED
from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize

if TYPE_CHECKING:
    from dlpuconv.qat.prepared import PreparedModule


def freeze_ranges(prepared: PreparedModule) -> None:
    """Keep the present ranges of activations and weights; weights outside of them are clipped.

    The ranges of other constants still fit their present values, as in the file.
    """
    _set(prepared, follows=False)


def follow_ranges(prepared: PreparedModule) -> None:
    """Let ranges follow the values in training mode again, as at first; the ranges of weights always fit them."""
    _set(prepared, follows=True)


def _set(prepared: PreparedModule, *, follows: bool) -> None:
    for name, part in prepared.graph.named_children():
        if isinstance(part, PerTensorOrPerChannelFakeQuantize) and not name.startswith(ROUNDED):
            part.enable_observer(follows)
