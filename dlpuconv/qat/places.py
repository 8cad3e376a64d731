"""Where in a captured module the tensors of the file are: what `quantizer` annotates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.ir.affine import Affine


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationPlace:
    """A value of the module that is a tensor of the file.

    Attributes:
        node: of the module's graph, which makes it.
        group: the first node whose value has the same scale because the format ties them; itself where it is the first.
        affine: what it starts from.
        prescribed: the format or the chip asks for just this one.
    """

    node: str
    group: str
    affine: Affine
    prescribed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPlace:
    """Weights of a layer of the file.

    Attributes:
        node: of the module's graph, that multiplies by them.
        affine: what they start from, along the axis of the module's tensor.
    """

    node: str
    affine: Affine


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantPlace:
    """A constant beside an activation, which the file rounds to codes as fine as its values allow.

    Attributes:
        node: of the module's graph, that reads it.
        constant: of the module's graph likewise.
        affine: what it starts from.
    """

    node: str
    constant: str
    affine: Affine


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedPlaces:
    """All that is quantized of a module.

    Attributes:
        activations: in the order of the module's graph.
        weights: likewise.
        constants: likewise.
        unmapped: what the file quantizes and the module has nowhere: a sentence each.
    """

    activations: tuple[ActivationPlace, ...]
    weights: tuple[WeightPlace, ...]
    constants: tuple[ConstantPlace, ...]
    unmapped: tuple[str, ...]
