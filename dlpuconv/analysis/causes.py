"""Why a layer loses the signal: one predicate, what a user reads, and what helps, for each cause."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from dlpuconv.quantization import Override
from dlpuconv.scheme import Granularity
from dlpuconv.verification.advice import AUTO, better_effort

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.quantization.blame.result import LayerError
    from dlpuconv.verification.advice import Settings

_IMBALANCED = 8.0
_MOSTLY = 0.5
_FEW_STEPS = 4.0
_MANY_SATURATED = 0.005
_MANY_FAINT = 0.25
_MANY_DEAD = 0.25
_NARROW = 1 / 16
_COMPARISONS = frozenset({"EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"})
_MAGNIFIED_DB = 15.0
"""What only rounding did to a layer cannot cost the outputs so much more, unless something behind decides by it."""
_CURVES = frozenset({"HARD_SWISH", "LOGISTIC", "GELU", "TANH", "ELU", "SOFTMAX"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A reason, as data.

    Attributes:
        id: stable, for JSON.
        applies: whether it explains a layer's error.
        explain: the sentence, with the layer's numbers.
        advise: what helps and is not on already.
    """

    id: str
    applies: Callable[[LayerError], bool]
    explain: Callable[[LayerError], str]
    advise: Callable[[LayerError, Settings], str]


def cause_of(layer: LayerError) -> Cause:
    """The first cause, in the order of `CAUSES`, that applies; the last one always does."""
    return next(cause for cause in CAUSES if cause.applies(layer))


def _weights_decide(layer: LayerError) -> bool:
    return layer.weights_share is not None and layer.weights_share >= _MOSTLY


def _imbalance(layer: LayerError) -> float:
    return layer.facts.weight_imbalance or 1.0


def _share(value: float | None) -> float:
    return 0.0 if value is None else value


def _is_coarse(layer: LayerError) -> bool:
    return layer.facts.steps_per_rms is not None and layer.facts.steps_per_rms < _FEW_STEPS


def _curves(layer: LayerError) -> str:
    return ", ".join(sorted(_CURVES & set(layer.facts.read_by)))


def _compared(layer: LayerError) -> str:
    return ", ".join(sorted(_COMPARISONS & set(layer.facts.read_by)))


def _is_magnified(layer: LayerError) -> bool:
    own, alone = layer.own_db, layer.alone_db
    return own is not None and alone is not None and own - alone >= _MAGNIFIED_DB


def _in_front_of_comparison(layer: LayerError, _: Settings) -> str:
    value = next(iter(layer.names.values), layer.names.title)
    return f"end the network in front of the comparison and compare on the CPU (--cut-at {quote(value)})"


def _either(*ways: str) -> str:
    return ", or ".join(filter(None, ways))


def _effort_or_override(layer: LayerError, known: Settings) -> str:
    only = Override.exactly(layer.names.title, Granularity.PER_CHANNEL)
    return _either(better_effort(known), f"--override {quote(f'{only.pattern}={only.granularity}')}")


def _apart(_: LayerError, known: Settings) -> str:
    split = "" if known.split_outputs == AUTO else "--split-outputs auto does so where an output joins them, "
    return f"keep the parts apart ({split}--cut-at where the model does), or bring them to one range in the model"


CAUSES: tuple[Cause, ...] = (
    Cause(
        id="comparison",
        applies=lambda layer: bool(_compared(layer)) and _is_magnified(layer),
        explain=lambda layer: (
            f"{_compared(layer)} behind it compares values that differ by less than one step, so rounding changes its"
            " result"
        ),
        advise=_in_front_of_comparison,
    ),
    Cause(
        id="widened-weight-scale",
        applies=lambda layer: _weights_decide(layer) and layer.facts.widened_channels > 0,
        explain=lambda layer: (
            f"{layer.facts.widened_channels} channels have tiny weights beside a large bias: their scale was widened to"
            " keep the accumulator in 32 bits"
        ),
        advise=lambda _, __: "prune those channels, or train with weight decay on batch-normalization's gamma",
    ),
    Cause(
        id="weight-imbalance",
        applies=lambda layer: (
            _weights_decide(layer) and layer.facts.per_tensor is True and _imbalance(layer) >= _IMBALANCED
        ),
        explain=lambda layer: (
            f"channel imbalance: the widest channel's weights are {_imbalance(layer):.0f} times the median's, and all"
            " share one scale"
        ),
        advise=_effort_or_override,
    ),
    Cause(
        id="coarse-weights",
        applies=lambda layer: _weights_decide(layer) and layer.facts.per_tensor is True,
        explain=lambda _: "one scale for all weights is too coarse for this layer",
        advise=_effort_or_override,
    ),
    Cause(
        id="narrow-operand",
        applies=lambda layer: layer.facts.narrowest_operand is not None and layer.facts.narrowest_operand < _NARROW,
        explain=lambda layer: (
            "operands of very different range meet: the narrowest has"
            f" {256 * _share(layer.facts.narrowest_operand):.0f} of the output's 256 codes"
        ),
        advise=_apart,
    ),
    Cause(
        id="saturation",
        applies=lambda layer: _share(layer.facts.saturated) >= _MANY_SATURATED,
        explain=lambda layer: f"{_share(layer.facts.saturated):.1%} of the values lie outside of the calibrated range",
        advise=lambda _, __: "calibrate with more, and more typical, samples",
    ),
    Cause(
        id="imbalance-before-curve",
        applies=lambda layer: _share(layer.facts.faint_channels) >= _MANY_FAINT and bool(_curves(layer)),
        explain=lambda layer: (
            f"in {_share(layer.facts.faint_channels):.0%} of the channels, values are smaller than one step, and"
            f" {_curves(layer)} behind the layer prevents equalization"
        ),
        advise=lambda _, __: "ReLU or ReLU6 instead of SiLU or HardSwish, or train with quantization",
    ),
    Cause(
        id="outliers",
        applies=_is_coarse,
        explain=lambda layer: (
            f"rare large values set the scale: a typical value spans {_share(layer.facts.steps_per_rms):.1f} steps"
        ),
        advise=lambda _, known: _either(better_effort(known), "clip in the model (ReLU6)", "train with quantization"),
    ),
    Cause(
        id="faint-channels",
        applies=lambda layer: _share(layer.facts.faint_channels) >= _MANY_FAINT,
        explain=lambda layer: (
            f"in {_share(layer.facts.faint_channels):.0%} of the channels, values are smaller than one step"
        ),
        advise=lambda _, known: better_effort(known),
    ),
    Cause(
        id="dead-channels",
        applies=lambda layer: _share(layer.facts.dead_channels) >= _MANY_DEAD,
        explain=lambda layer: f"in {_share(layer.facts.dead_channels):.0%} of the channels, all weights are zero",
        advise=lambda _, __: "prune these channels: they cost time and contribute nothing",
    ),
    Cause(id="rounding", applies=lambda _: True, explain=lambda _: "rounding to 8 bits", advise=lambda _, __: ""),
)
"""In order: the first that applies is named."""
