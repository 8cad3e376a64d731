"""What is done to a network's numbers, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.jsonable import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.jsonable import Json
    from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
    from dlpuconv.scheme import Granularity


class Observer(StrEnum):
    """Which of the values that an activation took its scale holds; the rest saturates."""

    MINMAX = "min-max"
    """All values: from the lowest to the highest."""
    MOVING_AVERAGE = "moving-average"
    """Between the means of the samples' own lowest and highest values."""
    PERCENTILE = "percentile"
    """All values but one in ten thousand at each end."""
    MSE = "mse"
    """Those that give the least squared error of rounding and saturation together."""
    ENTROPY = "entropy"
    """Those whose codes keep the most information about the distribution."""
    ROBUST = "robust"
    """All but outliers: the widest range that costs next to nothing against the least squared error."""


class ScaleOrigin(StrEnum):
    """Where scales come from."""

    MEASURED = "measured"
    """From what the network holds: its weights, and its activations on the calibration samples."""
    SOURCE = "source"
    """From the source, which is quantized already; those that it does not state, or the chip cannot have, are measured.

    Nothing is done then that would change its numbers.
    """


class WeightScale(StrEnum):
    """How a layer's weights get their scale."""

    MAX = "max"
    """The largest weight is the largest code."""
    MSE = "mse"
    """The least squared error; the largest weights may saturate."""


class BiasCorrection(StrEnum):
    """How the mean error of quantized weights is taken out of a layer's output."""

    OFF = "off"
    ANALYTIC = "analytic"
    """From the mean of the layer's input on the calibration samples."""
    EMPIRICAL = "empirical"
    """From the means of the layer's input in the float network and in the quantized one."""


class Balance(StrEnum):
    """By what equalization chooses the factors of channels."""

    WEIGHTS = "weights"
    """Neighbouring layers' weights get like ranges."""
    NOISE = "noise"
    """The outputs hear the least of the rounding of weights and activations together."""


class Rounding(StrEnum):
    """Which code each weight gets."""

    NEAREST = "nearest"
    """The nearest one."""
    LEARNED = "learned"
    """All of a layer's together: those with which it comes closest to the float layer on the calibration samples."""
    TRAINED = "trained"
    """Learned ones, and then by gradient those of several layers together; needs PyTorch, and is learned without it."""


_EQUALIZED = {Balance.WEIGHTS: "equalize", Balance.NOISE: "equalize by noise"}
_CORRECTIONS = {BiasCorrection.ANALYTIC: "bias correction", BiasCorrection.EMPIRICAL: "empirical bias correction"}


@dataclass(frozen=True, slots=True)
class Override:
    """Another weight granularity for the layers of which any name matches a glob."""

    pattern: str
    granularity: Granularity

    @classmethod
    def exactly(cls, name: str, granularity: Granularity) -> Override:
        """For the layers of just this name, whatever characters it has."""
        return cls("".join(f"[{c}]" if c in "*?[" else c for c in name), granularity)

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read `features.0.*=per-channel`.

        Raises:
            UsageError: no `=`, or an unknown granularity.
        """
        from dlpuconv.scheme import Granularity

        pattern, equals, value = text.rpartition("=")
        known = [g.value for g in Granularity]
        if not equals or not pattern or value not in known:
            raise UsageError(
                f"--override {text!r} is not GLOB=GRANULARITY with one of {', '.join(known)}"
                f"{did_you_mean(value, known)}",
                id="option-value",
            )
        return cls(pattern, Granularity(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How weights and activations get their scales.

    Attributes:
        granularity: of the weights of convolutions.
        scales: where they come from.
        overrides: in order; the last one that matches any of a layer's names decides.
        observer: of activations.
        weight_scale: of weights.
        equalize: scale channels so that rounding costs less; the function stays the same.
        balance: how far, where it does.
        absorb: move what channels always hold at least into the next layer's bias; the function stays the same.
        bias_correction: of layers.
        rounding: of weights; where it is learned or trained, so are the biases.
        detours: activations that some readers read through a layer of their own; the function stays the same.
        gates: sites whose gate reads other factors than their product; the function stays the same.
        groups: layers that are cut into several; the function stays the same.
    """

    granularity: Granularity
    scales: ScaleOrigin = ScaleOrigin.MEASURED
    overrides: tuple[Override, ...] = ()
    observer: Observer = Observer.ROBUST
    weight_scale: WeightScale = WeightScale.MAX
    equalize: bool = False
    balance: Balance = Balance.WEIGHTS
    absorb: bool = False
    bias_correction: BiasCorrection = BiasCorrection.OFF
    rounding: Rounding = Rounding.NEAREST
    detours: tuple[Detour, ...] = ()
    gates: tuple[Gate, ...] = ()
    groups: tuple[LayerGroups, ...] = ()

    def granularity_of(self, names: LayerNames) -> Granularity | None:
        """What an override says of a layer of these names; None where none matches."""
        found = (override.granularity for override in reversed(self.overrides) if names.match(override.pattern))
        return next(found, None)

    @property
    def complexity(self) -> int:
        """How many techniques it takes that help some networks and harm others, or that cost the chip layers.

        Corrected biases, equalization and rounding that is learned or trained cost nothing but time, and are no risk:
        they count for none. Where a source states scales, equalization gives up some that could be kept.
        """
        exceptions = (
            self.equalize and self.scales is ScaleOrigin.SOURCE,
            self.observer is not Observer.ROBUST,
            self.weight_scale is not WeightScale.MAX,
            self.bias_correction is BiasCorrection.EMPIRICAL,
        )
        return sum(map(bool, (*exceptions, self.absorb, self.detours, self.gates, self.groups)))

    def to_json(self) -> dict[str, Json]:
        """For manifests; the keys are those of the TOML form."""
        found = told(self)
        for table in ("detours", "gates", "groups", "overrides"):  # tables, which come last in TOML
            found[table] = found.pop(table)
        return found

    @property
    def summary(self) -> str:
        """The techniques in words, such as `equalize + bias correction, mse ranges`."""
        steps = [
            *(["scales of the source"] if self.scales is ScaleOrigin.SOURCE else []),
            *_counted(self.overrides, "override"),
            *_counted(self.detours, "detour"),
            *_counted(self.gates, "gate"),
            *_counted(self.groups, "grouped layer"),
            *([_EQUALIZED[self.balance]] if self.equalize else []),
            *(["absorb"] if self.absorb else []),
            *([_CORRECTIONS[self.bias_correction]] if self.bias_correction in _CORRECTIONS else []),
            *([f"{self.weight_scale} weight scales"] if self.weight_scale is not WeightScale.MAX else []),
            *([f"{self.rounding} rounding"] if self.rounding is not Rounding.NEAREST else []),
            f"{self.observer} ranges",
        ]
        return ", ".join(steps)


def _counted(sites: Sequence[object], what: str) -> list[str]:
    return [f"{len(sites)} {what}{'s' * (len(sites) > 1)}"] if sites else []
