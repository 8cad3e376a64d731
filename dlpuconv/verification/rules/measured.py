"""Rules about what a file computes beside its float source: they say something only where there was a comparison."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.verification.advice import split_or_cut, try_next
from dlpuconv.verification.rule import DEFAULT_MIN_SQNR_DB, Hit, Rule, Severity
from dlpuconv.verification.rules.kinds import is_judged_by_kind, judged_parts, rules_of_kinds, severity_by_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats import FileView
    from dlpuconv.verification.output_parity import OutputParity
    from dlpuconv.verification.rule import Context

_COMPARISON = "the comparison with the float source, on samples that were not used for calibration"
_RANDOM = " (on synthetic samples, which say little about real data)"
_AS_IT_WAS = (
    "A float file is not quantized, so it should agree almost exactly. Check that it was made from this model, with"
    " the same normalization; if it was, please report the difference."
)
_SHORT_OF_END, _SHORT_OF_SPAN, _SHORT_STEPS = 0.25, 0.05, 2.0
"""How far an output may stay short of an end of the source's values: of that end, of their span, in its own steps.

Held-out samples may well exceed those that the ranges were measured on by a tenth, and noise moves the ends a little.
The share of the span is for ends near zero, such as the lowest score.
"""


def is_alive(_: FileView, context: Context) -> Iterator[Hit]:
    """The output varies where the source's output varies."""
    for output in _outputs(context):
        if output.dead:
            yield Hit(output.dead, output.name)


def is_sound(_: FileView, context: Context) -> Iterator[Hit]:
    """The output is finite, and it is zero only where the source's output is."""
    for output in _outputs(context):
        if output.fault:
            yield Hit(output.fault, output.name)


def is_close(_: FileView, context: Context) -> Iterator[Hit]:
    """The first output that is not says what the figures are worth."""
    hint = "" if context.parity is None or context.parity.calibrated else _RANDOM
    for output in _outputs(context):
        least = output.asked_db(context.min_sqnr)
        if output.sqnr_db is None or output.dead or output.fault or output.sqnr_db >= least:
            continue
        if is_judged_by_kind(output, context):
            continue
        yield Hit(f"{output.sqnr_db:.1f} dB, where {least:.4g} dB are required{hint}", output.name)
        hint = ""
    for part in judged_parts(context):
        if not part.measured and part.sqnr_db is not None and part.sqnr_db < context.min_sqnr:
            places = " where a score passes" if part.of_passing else ""
            yield Hit(f"{part.sqnr_db:.1f} dB{places}; {context.min_sqnr:.4g} dB are required", part.title)


def reaches_the_ends(_: FileView, context: Context) -> Iterator[Hit]:
    """Neither its codes nor what it gives on the samples end far before the source's values do."""
    for output in _outputs(context):
        if output.reached is None or output.span is None or output.fault or output.dead or output.equal is not None:
            continue
        (low, high), (lowest, highest) = output.span, output.reached
        floor, ceiling = output.reach or (-math.inf, math.inf)
        noisy = output.sqnr_db is not None and output.sqnr_db < DEFAULT_MIN_SQNR_DB  # noise alone moves the ends then
        least = max(_SHORT_OF_SPAN * (high - low), _SHORT_STEPS * output.step)
        hit = partial(Hit, layer=output.name, severity=severity_by_kind(output, context))
        above, below = max(least, _SHORT_OF_END * abs(high)), max(least, _SHORT_OF_END * abs(low))
        if high - ceiling > above:
            yield hit(f"it can never exceed {ceiling:.3g}, where the source goes up to {high:.3g}")
        elif high - highest > above and not noisy:
            yield hit(f"it goes up to {highest:.3g} only, where the source goes up to {high:.3g}")
        if floor - low > below:
            yield hit(f"it can never fall below {floor:.3g}, where the source goes down to {low:.3g}")
        elif lowest - low > below and not noisy:
            yield hit(f"it goes down to {lowest:.3g} only, where the source goes down to {low:.3g}")


def has_steps_for_all(_: FileView, context: Context) -> Iterator[Hit]:
    """One scale suits all parts of it."""
    for output in _outputs(context):
        if output.starved:
            yield Hit(output.starved, output.name)


def keeps_the_metric(_: FileView, context: Context) -> Iterator[Hit]:
    """The metric falls by no more than the user allows."""
    if context.metric is not None and context.metric.reason:
        yield Hit(context.metric.reason)


def _outputs(context: Context) -> tuple[OutputParity, ...]:
    return context.parity.outputs if context.parity is not None else ()


def _accuracy(context: Context) -> str:
    """Advice on accuracy; none of the options changes the numbers of a float file."""
    return try_next(context) if context.quantized else _AS_IT_WAS


def _other_samples(such: str, context: Context) -> str:
    """Better samples first; where they are made up, the next sentence says so itself."""
    made_up = context.settings is not None and not context.settings.calibrated
    if made_up or not context.quantized:
        return _accuracy(context)
    return f"Calibrate with samples {such}. {_accuracy(context)}"


def _metric(context: Context) -> str:
    return f"{_accuracy(context)} Or allow more (--max-drop)."


MEASURED_RULES: tuple[Rule, ...] = (
    Rule(
        id="OUT-FAULT",
        severity=Severity.FAIL,
        sentence="Outputs must be finite where the source's are, and zero where the source's are zero throughout.",
        source=_COMPARISON,
        check=is_sound,
        fix="Look for divisions, logarithms and roots near zero; `dlpuconv analyze` names the layer.",
    ),
    Rule(
        id="OUT-DEAD",
        severity=Severity.FAIL,
        sentence="No output may be constant where the source's varies.",
        source=f"{_COMPARISON}; acap-native-sdk-examples issue 360",
        check=is_alive,
        fix=partial(_other_samples, "like those that the camera will see"),
    ),
    Rule(
        id="OUT-SQNR",
        severity=Severity.FAIL,
        sentence="Every output must agree with the source to at least the required SQNR (--min-sqnr).",
        source=_COMPARISON,
        check=is_close,
        fix=_accuracy,
    ),
    *rules_of_kinds(_accuracy, _COMPARISON),
    Rule(
        id="OUT-REACH",
        severity=Severity.FAIL,
        sentence="Every output must reach the lowest and the highest values that the source's takes.",
        source=f"{_COMPARISON}, and interval arithmetic on the scales and zero points of the file",
        check=reaches_the_ends,
        fix=partial(_other_samples, "in which the rare values occur, such as detections of high confidence"),
    ),
    Rule(
        id="OUT-RANGES",
        severity=Severity.WARN,
        sentence="The parts of an output should have similar ranges, since they share one scale.",
        source="community reports on YOLOv8: scores of zero beside boxes in pixels",
        check=has_steps_for_all,
        fix=split_or_cut,
    ),
    Rule(
        id="METRIC-DROP",
        severity=Severity.FAIL,
        sentence="The file may score no lower than --max-drop allows.",
        source="the metric given with --metric",
        check=keeps_the_metric,
        fix=_metric,
    ),
)
