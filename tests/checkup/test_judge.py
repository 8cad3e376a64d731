"""From a draft to a checkup: what is said first, under which names, and what a chip that says nothing gets."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from dlpuconv.checkup import CheckOutcome, Checkup, judge_draft
from dlpuconv.checkup.check_text import checkup_text
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.placement import Placement
from dlpuconv.plugin import Draft, Target
from dlpuconv.scheme import Granularity, Numbers, Scheme
from dlpuconv.verification.advice import split_or_cut
from dlpuconv.verification.engine import check
from dlpuconv.verification.rule import Context, Hit, Rule, Severity
from dlpuconv.verification.rules import TFLITE_RULES, advice, at_layers
from dlpuconv_backends.flatbuffer import Operator
from tests.verification.tflite_models import activation, conv, file_of, options

SLOW = advice("T-SLOW", "3x3 is slow.", "a test", at_layers(lambda _, _layer: "3x3", "CONV_2D"), "Use 1x1.")
AWAY = advice("T-RELU", "RELU runs on the CPU.", "a test", at_layers(lambda _, layer: layer.op, "RELU"))
VAGUE = advice("T-VAGUE", "Nobody knows.", "a test", at_layers(lambda _, _layer: "?", "CONV_2D"))
WHOLE = advice("T-WHOLE", "The file is large.", "a test", lambda _view, _context: [Hit("it is")])
CHIP = Target(
    name="chip",
    title="A chip",
    backend="none",
    scheme=Scheme(numbers=Numbers.INT8),
    device="none",
    suffix=".tflite",
    rules=(WHOLE, VAGUE, SLOW, AWAY),
    placement=Placement(limits=(AWAY,), doubts=(VAGUE,)),
)


@pytest.fixture
def draft() -> Draft:
    """8x8x4: a convolution to 4 channels, RELU, a convolution to 8."""
    x, relu = activation("x", (1, 8, 8, 4)), activation("relu", (1, 8, 8, 4))
    first = conv(x, "first", 4)
    second = conv(relu, "second", 8)
    view = parse_tflite(file_of([x], second.outputs, first, Operator("RELU", [first.output], [relu]), second))
    conv_names = LayerNames(tensor="first", nodes=("/a/Conv",), modules=("a",))
    return Draft(
        view=view, layers=(conv_names, LayerNames(tensor="relu", nodes=("/Relu",)), LayerNames(tensor="second"))
    )


def judged(draft: Draft, target: Target = CHIP) -> Checkup:
    return judge_draft(draft, target)


def test_what_brings_work_to_the_accelerator_comes_first_then_most_macs_and_doubts_last(draft: Draft) -> None:
    assert [s.rule for s in judged(draft).suggestions] == ["T-RELU", "T-SLOW", "T-WHOLE", "T-VAGUE"]


def test_the_places_of_a_suggestion_go_by_their_macs_and_by_the_names_that_users_know(draft: Draft) -> None:
    slow = next(s for s in judged(draft).suggestions if s.rule == "T-SLOW")
    assert [(place.layer, place.node, place.macs) for place in slow.places] == [
        ("second", "", 8 * 8 * 8 * 9 * 4),
        ("a", "/a/Conv", 8 * 8 * 4 * 9 * 4),
    ]
    assert slow.macs == 8 * 8 * 12 * 9 * 4


def test_layers_carry_module_source_shape_and_advice(draft: Draft) -> None:
    first, relu, second = judged(draft).layers
    assert (first.names.title, first.names.node, first.shape) == ("a", "/a/Conv", (1, 8, 8, 4))
    assert first.advice == ("T-VAGUE: ?", "T-SLOW: 3x3")
    assert relu.advice == ("T-RELU",)  # the op alone says nothing new
    assert (second.names.title, second.added) == ("second", True)
    assert not first.placement.certain


def test_no_rule_of_full_integer_files_goes_by_the_scales_of_a_draft() -> None:
    """Such a file would stand still behind inputs this small, and join a sigmoid with steps of 8 to itself."""
    x = activation("x", (1, 8, 8, 3), scale=1e-9)
    first = conv(x, "first", 4)
    gate, joined = activation("gate", (1, 8, 8, 4), scale=8), activation("joined", (1, 8, 8, 8), scale=4)
    sigmoid = Operator("LOGISTIC", [first.output], [gate])
    join = Operator("CONCATENATION", [gate, gate], [joined], options("Concatenation", axis=3))
    view = parse_tflite(file_of([x], [joined], first, sigmoid, join))
    by_scales = {"TFL-CONCAT-RANGE", "TFL-DEAD", "TFL-FIXED-SCALE", "TFL-SAME-SCALE"}
    context = Context(weights=Granularity.PER_TENSOR)
    assert {finding.rule for finding in check(view, TFLITE_RULES, context)} == by_scales
    found = judged(
        Draft(view=view, layers=tuple(layer.names for layer in view.layers)), replace(CHIP, rules=TFLITE_RULES)
    )
    assert (found.outcome, found.suggestions) == (CheckOutcome.RUNS, ())


def test_nothing_is_suggested_that_a_conversion_does_by_default(draft: Draft) -> None:
    told = Rule(
        id="T-PARTS", severity=Severity.WARN, sentence="x.", source="a test", fix=split_or_cut,
        check=lambda _view, _context: [Hit("it joins")],
    )  # fmt: skip
    (parts,) = judged(draft, replace(CHIP, rules=(told,))).suggestions
    assert parts.advice == "Cut the model in front of the concatenation (--cut-at)."


def test_a_fatal_rule_makes_it_fail_and_is_no_suggestion(draft: Draft) -> None:
    fatal = Rule(
        id="T-NO", severity=Severity.FAIL, sentence="No.", source="a test", check=lambda _view, _context: [Hit("so")]
    )
    found = judged(draft, replace(CHIP, rules=(*CHIP.rules, fatal)))
    assert found.outcome is CheckOutcome.FAILS
    assert found.problems == ("T-NO: No. (so)",)
    assert "T-NO" not in {s.rule for s in found.suggestions}


def test_of_a_chip_that_says_nothing_of_placement_the_rest_is_told(draft: Draft) -> None:
    found = judged(draft, replace(CHIP, placement=None))
    assert found.placement is None
    assert found.to_json()["placement"] is None
    assert sum(layer.placement.macs for layer in found.layers) == 8 * 8 * 12 * 9 * 4


def test_the_table_shows_the_busiest_layers_and_all_of_the_cpu(draft: Draft) -> None:
    stream = io.StringIO()
    Console(file=stream, width=140).print(*checkup_text(judged(draft), top=1), sep="\n")
    table = stream.getvalue().split("advice")[1]
    assert "RELU" in table
    assert "(second)" in table  # in brackets: the source model has no such layer
    assert "1x8x8x8" in table
    assert "1 more with --top 0" in table
