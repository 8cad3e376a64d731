"""A scale of the source in the codes of a chip: the same real numbers, counted from another code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.ir.affine import Affine, IntegerType
    from dlpuconv.ir.given_scales import StatedScale
    from dlpuconv.scheme import Coding


def recoded(stated: StatedScale, coding: Coding) -> Affine:
    """The scales as they are; a code as far from the middle of the chip's as it was from the middle of the source's.

    uint8 becomes int8 with the zero point less 128; the four bits of int4 lie in the middle of the eight of int8.
    """
    moved = _middle(coding.type) - _middle(stated.codes)
    return replace(stated.affine, zero_points=tuple(point + moved for point in stated.affine.zero_points))


def _middle(codes: IntegerType) -> int:
    return 0 if codes.signed else 1 << (codes.bits - 1)
