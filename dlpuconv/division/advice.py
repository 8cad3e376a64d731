"""The way out of a refusal, as an option to type: a complete frontier, from which all the rest can be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlpuconv.division.whole import Whole


def way_out(whole: Whole, refused: Collection[str]) -> str:
    """A clause such as `; end the network with --cut-at boxes,scores and compute the rest on the CPU`.

    Empty where no computed value stands in front of the refused operators.
    """
    raise NotImplementedError
