"""The way out of a refusal, as an option to type: a complete frontier, from which all the rest can be computed."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from dlpuconv.division.frontier import NOTHING_IN_FRONT, complete_cut

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlpuconv.division.whole import Whole
    from dlpuconv.errors import UnsupportedModelError


def way_out(whole: Whole, refused: Collection[str], outputs: Collection[str] = ()) -> str:
    """A clause such as `; end the network with --cut-at boxes,scores and compute the rest on the CPU`.

    Args:
        whole: the source network.
        refused: source values whose operators have no form on the chip.
        outputs: that are wanted; by default the network's own.

    Returns:
        Another clause where no computed value stands in front of the refused operators.
    """
    cut = complete_cut(whole, refused, outputs)
    if not cut:
        return NOTHING_IN_FRONT
    return f"; end the network with --cut-at {quote(','.join(cut))} and compute the rest on the CPU"


def with_way_out(error: UnsupportedModelError, whole: Whole, outputs: Collection[str] = ()) -> None:
    """Let a refusal say how to go on, where it tells what has no form on the chip; the error stays the same object.

    Args:
        error: its message gets one more clause.
        whole: the source network.
        outputs: that are wanted; by default the network's own.
    """
    if error.refused:
        error.tell(f"{error}{way_out(whole, error.refused, outputs)}", error.problems)
