"""What a network tells of the values that it was trained on: where to look, and what to find there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, override

import numpy as np

from dlpuconv.input_fit.trained import biases_were_normalized
from dlpuconv.ir.batch_norm import read_batch_norm
from dlpuconv.ir.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir

    from dlpuconv.ir import Model
    from dlpuconv.ir.batch_norm import BatchNorm

_STILL = 1e-9
"""Channels of less than this share of the widest one's variance never moved in training: they tell nothing."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How measured values lie beside those of training.

    Attributes:
        spread: how many times as widely they vary; 1 is right.
        shift: how far their means lie off, in standard deviations of training.
    """

    spread: float
    shift: float = 0.0

    @property
    def off(self) -> float:
        """The factor by which the spread is off, whichever way: 1 or more."""
        return max(self.spread, 1 / self.spread) if self.spread > 0 else np.inf

    @property
    def distance(self) -> float:
        """0 for a perfect fit; to choose the better of two."""
        return float(np.log(self.off)) + self.shift


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizationLimits:
    """Factors by which the spread may be off.

    Attributes:
        fits: up to this, a normalization fits.
        doubtful: beyond this, it does not where another one fits.
        certain: beyond this, it does not, whatever others do.
    """

    fits: float
    doubtful: float
    certain: float


@dataclass(frozen=True, kw_only=True)
class Evidence(ABC):
    """A value inside a network whose size in training is known.

    Attributes:
        model: that it is a value of.
        value: its name; channels are on axis 1.
        layer: for people.
        limits: how far off it may be.
        tells_presets_apart: whether the better of two presets that fit is the right one.
    """

    model: Model = field(repr=False)
    value: str
    layer: str
    limits: NormalizationLimits
    tells_presets_apart: bool

    @abstractmethod
    def compare(self, measured: Moments) -> Fit | None:
        """What was measured beside what training left behind; None where that cannot be compared."""

    @abstractmethod
    def found(self, fit: Fit) -> str:
        """The evidence, one clause."""


@dataclass(frozen=True, kw_only=True)
class Remembered(Evidence):
    """The input of a batch normalization, which remembers the moments of training.

    Measured on nine networks (classifiers, detectors, segmentation, text): under the normalization of training the
    spread is 0.83 to 1.18 times the one remembered; under 0-1 instead of ImageNet's 0.22 to 0.31, the other way round
    3.9; under -1-1 instead of either about 0.5 or 2, which other pictures could do as well; under 0-255 56 to 250.
    """

    moments: Moments
    limits: NormalizationLimits = NormalizationLimits(fits=2, doubtful=3, certain=20)
    tells_presets_apart: bool = True

    @override
    def compare(self, measured: Moments) -> Fit | None:
        if measured.mean.shape != self.moments.mean.shape:
            return None
        moved = self.moments.deviation > np.sqrt(_STILL) * self.moments.deviation.max(initial=0.0)
        if not moved.any():
            return None
        deviation = self.moments.deviation[moved]
        shifts = np.abs(measured.mean[moved] - self.moments.mean[moved]) / deviation
        return Fit(float(np.median(measured.deviation[moved] / deviation)), float(np.median(shifts)))

    @override
    def found(self, fit: Fit) -> str:
        how = "widely" if fit.spread > 1 else "narrowly"
        return (
            f"on the samples, the values that reach the batch normalization {self.layer!r} spread {fit.off:.3g} times"
            f" as {how} as in training"
        )


@dataclass(frozen=True, kw_only=True)
class Biases(Evidence):
    """The output of a convolution that took in a batch normalization, whose biases are of its output's size.

    Measured on fourteen networks: the right normalization makes the output vary 0.46 to 2.7 times as much as the biases
    (7 where there was no batch normalization to fold); 0-255 instead of another, 28 to 900 times; another instead of
    0-255, 1/70 or less. Factors between those of 0-1, -1-1 and ImageNet cannot be told from one another here.
    """

    size: float
    limits: NormalizationLimits = NormalizationLimits(fits=4, doubtful=12, certain=50)
    tells_presets_apart: bool = False

    @override
    def compare(self, measured: Moments) -> Fit | None:
        return Fit(float(np.sqrt(np.mean(np.square(measured.deviation)))) / self.size)

    @override
    def found(self, fit: Fit) -> str:
        how = "much" if fit.spread > 1 else "little"
        return (
            f"on the samples, the output of the first convolution {self.layer!r} varies {fit.off:.3g} times as {how} as"
            " its biases, which are of about its size after training"
        )


def evidence_of(source: Model, normal: Model) -> Iterator[Evidence]:
    """What there is to look at, the more telling first.

    Args:
        source: as it was read, with batch normalizations where the exporter left them.
        normal: the same in normal form, with the source's inputs.
    """
    for found in (_remembered(source), _biases(source, normal)):
        if found is not None:
            yield found


def _remembered(source: Model) -> Remembered | None:
    for node in source.graph.graph:
        norm, value = read_batch_norm(node), node.inputs[0] if node.inputs else None
        if norm is not None and value is not None and value.name and _was_trained(norm):
            return Remembered(
                model=source,
                value=value.name,
                layer=_title(node),
                moments=Moments(mean=norm.mean, deviation=np.sqrt(norm.variance)),
            )
    return None


def _was_trained(norm: BatchNorm) -> bool:
    """False for what frameworks begin with: a mean of 0 and a variance of 1 in every channel."""
    return bool(np.any(norm.mean != 0) or np.any(norm.variance != 1))


def _biases(source: Model, normal: Model) -> Biases | None:
    first = next((node for node in normal.graph.graph if node.op_type == "Conv"), None)
    bias = first.inputs[2] if first is not None and len(first.inputs) > 2 else None
    if first is None or bias is None or bias.const_value is None or not biases_were_normalized(source, normal):
        return None
    size = float(np.sqrt(np.mean(np.square(bias.const_value.numpy().astype(np.float64)))))
    name = first.outputs[0].name
    return Biases(model=normal, value=name, layer=_title(first), size=size) if size > 0 and name else None


def _title(node: onnx_ir.Node) -> str:
    return node.name or node.outputs[0].name or node.op_type
