"""The scales that a quantized source model states, beside the float network that its integers stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import Affine, IntegerType


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedScale:
    """How the source model quantizes one tensor.

    Attributes:
        affine: scale and zero point, in the source's own codes; several along an axis of the tensor as the source has
            it.
        codes: the type of those codes; narrower than the file's where it clips them.
    """

    affine: Affine
    codes: IntegerType


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenScales:
    """What a quantized source model states of its tensors; empty for a float model.

    Attributes:
        activations: by the name of the value, which every reader of it reads quantized.
        weights: of a layer's weights, by the name of the node that multiplies by them. The graph holds the weights
            dequantized, so that quantizing them again with this scale gives the codes of the source.
        several: names of activations that the source quantizes with several scales, one behind the other or side by
            side; the one of the widest range is stated.
        told: what a user should know of how they were read, in sentences.
    """

    activations: Mapping[str, StatedScale] = field(default_factory=dict)
    weights: Mapping[str, StatedScale] = field(default_factory=dict)
    several: frozenset[str] = frozenset()
    told: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """True for a quantized source."""
        return bool(self.activations or self.weights or self.told)


NOT_GIVEN: Final = GivenScales()
"""What a float model states: no scales."""
