"""Rules about what a file computes beside its float source: they say something only where there was a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.scheme import Granularity
from dlpuconv.verification.granularity import granularity
from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats import FileView
    from dlpuconv.verification.output_parity import OutputParity
    from dlpuconv.verification.rule import Context

_COMPARISON = "the comparison with the float source, on samples that calibration did not see"
_COLLAPSE = (
    "; this is what per-tensor weights do to networks whose channels differ much in range:"
    " --granularity per-channel keeps the accuracy where the chip can afford it,"
    " and --override 'LAYERS=per-channel' does so for some layers only"
)
_SHORT_OF_END, _SHORT_OF_SPAN, _SHORT_STEPS = 0.2, 0.05, 2.0
"""How far an output may stay short of an end of the source's values: of that end, of their span, in its own steps.

Held-out samples may well exceed those that the ranges were measured on by a tenth. The share of the span is for ends
near zero, such as the lowest score.
"""
_RANDOM = " (the samples are made up: with real ones the figures mean more)"


def is_alive(_: FileView, context: Context) -> Iterator[Hit]:
    """It moves where the source moves."""
    for output in _outputs(context):
        if output.dead:
            yield Hit(output.dead, output.name)


def is_sound(_: FileView, context: Context) -> Iterator[Hit]:
    """It is finite, and silent where the source is."""
    for output in _outputs(context):
        if output.fault:
            yield Hit(output.fault, output.name)


def is_close(view: FileView, context: Context) -> Iterator[Hit]:
    """The first output that is not says what the likely reason is."""
    hint = _likely_reason(view, context)
    for output in _outputs(context):
        least = output.asked_db(context.min_sqnr)
        if output.sqnr_db is None or output.dead or output.fault or output.sqnr_db >= least:
            continue
        yield Hit(f"{output.sqnr_db:.1f} dB, where {least:.4g} dB are asked for{hint}", output.name)
        hint = ""


def reaches_the_ends(_: FileView, context: Context) -> Iterator[Hit]:
    """No value that the source takes on the samples lies far beyond what the file's codes can express."""
    steps = {port.name: port.scale for port in context.outputs or () if port.scale is not None}
    for output in _outputs(context):
        if output.reach is None or output.span is None or output.fault:
            continue
        (low, high), (lowest, highest) = output.span, output.reach
        least = max(_SHORT_OF_SPAN * (high - low), _SHORT_STEPS * steps.get(output.name, 0.0))
        if high - highest > max(least, _SHORT_OF_END * abs(high)):
            yield Hit(f"it can never exceed {highest:.3g}, where the source goes up to {high:.3g}", output.name)
        if lowest - low > max(least, _SHORT_OF_END * abs(low)):
            yield Hit(f"it can never fall below {lowest:.3g}, where the source goes down to {low:.3g}", output.name)


def has_steps_for_all(_: FileView, context: Context) -> Iterator[Hit]:
    """What `--split-outputs` takes apart."""
    for output in _outputs(context):
        if output.starved:
            yield Hit(output.starved, output.name)


def keeps_the_metric(_: FileView, context: Context) -> Iterator[Hit]:
    """By no more than the user allows."""
    if context.metric is not None and context.metric.reason:
        yield Hit(context.metric.reason)


def _outputs(context: Context) -> tuple[OutputParity, ...]:
    return context.parity.outputs if context.parity is not None else ()


def _likely_reason(view: FileView, context: Context) -> str:
    weights = granularity(view)
    per_tensor = weights.count(Granularity.PER_TENSOR) and not weights.count(Granularity.PER_CHANNEL)
    calibrated = context.parity is None or context.parity.calibrated
    return (_COLLAPSE if per_tensor else "") + ("" if calibrated else _RANDOM)


MEASURED_RULES: tuple[Rule, ...] = (
    Rule(
        id="OUT-FAULT",
        severity=Severity.FAIL,
        sentence="Outputs must be finite where the source's are, and silent where the source is.",
        source=_COMPARISON,
        check=is_sound,
        fix="Look for divisions, logarithms and roots near zero: dlpuconv analyze tells the layer.",
    ),
    Rule(
        id="OUT-DEAD",
        severity=Severity.FAIL,
        sentence="No output may be dead: it must move where the source's moves.",
        source=f"{_COMPARISON}; acap-native-sdk-examples issue 360",
        check=is_alive,
        fix="Convert with samples like those that the camera will see, and --effort best; or see dlpuconv analyze.",
    ),
    Rule(
        id="OUT-SQNR",
        severity=Severity.FAIL,
        sentence="Every output must agree with the source to the decibels that are asked for (--min-sqnr).",
        source=_COMPARISON,
        check=is_close,
        fix="dlpuconv analyze tells which layers lose the signal, why, and what helps.",
    ),
    Rule(
        id="OUT-REACH",
        severity=Severity.FAIL,
        sentence="Every output must be able to reach the lowest and the highest values that the source's takes.",
        source=f"{_COMPARISON}, and interval arithmetic on the scales and zero points of the file",
        check=reaches_the_ends,
        fix="Calibrate with samples in which the rare values occur (detections of high confidence, for a detector),"
        ' and quantize with ranges that keep them: observer = "min-max" in a recipe keeps all.',
    ),
    Rule(
        id="OUT-RANGES",
        severity=Severity.WARN,
        sentence="The parts of an output should have similar ranges, since they share one scale.",
        source="community reports on YOLOv8: scores of zero beside boxes in pixels",
        check=has_steps_for_all,
        fix="Convert with --split-outputs auto, or cut the model in front of the concatenation (--cut-at).",
    ),
    Rule(
        id="METRIC-DROP",
        severity=Severity.FAIL,
        sentence="The file may score no lower than --max-drop allows.",
        source="the metric given with --metric",
        check=keeps_the_metric,
        fix="Try --effort best, --granularity auto, or allow more (--max-drop).",
    ),
)
