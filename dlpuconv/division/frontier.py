"""Where to divide a network: what the chip keeps, at the fewest bytes across the cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlpuconv.division.division import Division
    from dlpuconv.division.whole import Whole


def divide(
    whole: Whole,
    refused: Collection[str],
    reasons: tuple[str, ...] = (),
    *,
    cut_at: tuple[str, ...] = (),
    bytes_of_a_float: int = 1,
) -> Division:
    """The best division of a network.

    Among the frontiers at which the chip keeps at least 95 % of the multiply-accumulates that have a form on it, the
    one of the fewest bytes; of equal ones, that which keeps most operators on the chip. Values of integer types never
    cross from the chip. What a refused operator reads through operators without weights may go with it.

    Args:
        whole: the source network.
        refused: source values whose operators have no form on the chip.
        reasons: why, in the words of the refusal.
        cut_at: the boundary that the user names, which is then used as it is; empty to find one.
        bytes_of_a_float: of a real number in the file: 1 for int8, 4 for float32.

    Raises:
        UnsupportedModelError: the chip would keep less than 80 % of all multiply-accumulates; tells the reasons and the
            best cut as a complete --cut-at. Or nothing is left for the chip.
        UsageError: `cut_at` names no value.
    """
    raise NotImplementedError
