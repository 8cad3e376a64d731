"""What quantization must know of a node: how its format ties scales, what can be told apart, which channels scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.network.layer import NOTHING_FUSED, Activation
from dlpuconv.network.range import ALL, Range

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlpuconv.ir.affine import Affine
    from dlpuconv.network.value import Value


class Scales(StrEnum):
    """How the format ties the scales of a node's data values."""

    FREE = "free"
    """Every output has a range of its own; the kernel rescales."""
    SAME = "same"
    """One scale and zero point for every data input and output: the kernel moves, compares or averages codes."""
    FIXED = "fixed"
    """The kernel prescribes the output's scale and zero point."""
    READS = "reads"
    """Data goes in, but no data comes out: comparisons, argmax."""


class Order(StrEnum):
    """Whether a node keeps the order of values (or of rows): the largest output is made of the largest input."""

    LOST = "lost"
    KEPT = "kept"
    """Kept or reversed."""
    WITH_CONSTANT = "with-constant"
    """Kept where one operand is a constant: sums."""
    PRODUCT = "product"
    """Kept where one operand is a constant, or all are scores: products."""


class Curve(StrEnum):
    """Functions of single values."""

    SIGMOID = "sigmoid"
    HARD_SWISH = "hard-swish"
    PRELU = "prelu"
    """Of the second operand: by what negative values are multiplied."""


@dataclass(frozen=True, slots=True, eq=False)
class Tie:
    """Channels of two activations that can be multiplied by a positive factor only together.

    Attributes:
        one: an input or output of the node.
        channels: [K] of `one`.
        other: an input or output of the node.
        as_channels: [K] of `other`.
    """

    one: Value
    channels: npt.NDArray[np.intp]
    other: Value
    as_channels: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Meaning:
    """What a node does, as far as quantization is concerned.

    Attributes:
        scales: how its scales are tied.
        fixed: of the output, for `Scales.FIXED`.
        moves: for `Scales.SAME`: the output holds a subset of the input's values and nothing else (apart from padding
            zeros), so that a clamp of the output may as well be done on the input.
        reorders: for `moves`: the output holds *all* of the input's values.
        reshapes: for `reorders`: in the same row-major order, under another shape.
        rescales: a node of an integer network that only gives values another scale.
        pads: it puts a constant operand beside its one activation's values, so that these tell what the output holds.
        scale_limit: what the scale of every data input must stay below.
        headroom: the output's scale must be at least this share of the widest data input's; 0 for any.
        clamp: for a node that does nothing but clamp its one activation to this interval.
        sees: outside this interval, no two values of its input can be told apart in an output of 8 bits; for a clamp in
            any.
        domain: where it has a value: roots and logarithms.
        rows: softmax-like: values of a row (the last axis) are told apart only near the row's highest one.
        centered: positions of the data inputs that must have the zero point in the middle of the codes.
        terms: length of the sums of products of two activations; 0 where there are none.
        signs: of a sum: +1 or -1 for each operand in the order of the inputs; empty for what is no sum.
        order: whether it keeps the order of values.
        is_score: sigmoid, softmax: the output is a score from 0 to 1.
        clip: of a node that is no layer: the largest magnitude that it lets through, alone or by what is fused behind
            it; None for any. A layer's is its activation's.
        fused: of a node that is no layer: what is fused behind it.
        curve: that it computes, where it is one of those that are known.
        padding: of a node that does nothing but put zeros around its one activation: how many, by axis, before and
            behind; else empty.
        starves_padding: it pads, and only maxima read it, so that the value of the padding may saturate.
        ties: channels that it lets be scaled, tied; None where f(s x) is not s f(x): all it touches keep their scale.
        product: it multiplies its two activations, and nothing that has a curve is fused behind: a factor of one of
            them is one of the output, as long as the other one has none.
        keeps_channels: each channel of what it makes is made of the one at its place in all that it reads of as many
            channels, the same way wherever that place is, but for constants: a curve, a product, padding of positions.
        knows_channels: it has constants by channel that are not among its inputs, so that channels keep their places.
        joins: axis along which its data inputs are put behind one another; None for any other node.
        carries: by axis of the output: the axes of the first data input whose elements lie in the same order along it,
            the outermost first: one, or several behind one another, or none. Empty for a node that does more than to
            move values.
    """

    scales: Scales
    fixed: Affine | None = None
    moves: bool = False
    reorders: bool = False
    reshapes: bool = False
    rescales: bool = False
    pads: bool = False
    scale_limit: float = math.inf
    headroom: float = 0.0
    clamp: Range | None = None
    sees: Range = ALL
    domain: Range = ALL
    rows: bool = False
    centered: tuple[int, ...] = ()
    terms: int = 0
    signs: tuple[int, ...] = ()
    order: Order = Order.LOST
    is_score: bool = False
    clip: float | None = None
    fused: Activation = NOTHING_FUSED
    curve: Curve | None = None
    padding: tuple[tuple[int, int], ...] = ()
    starves_padding: bool = False
    ties: tuple[Tie, ...] | None = None
    product: bool = False
    keeps_channels: bool = False
    knows_channels: bool = False
    joins: int | None = None
    carries: tuple[tuple[int, ...], ...] = ()
