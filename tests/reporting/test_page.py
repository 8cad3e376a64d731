"""What the page says, of a network small enough to work it out by hand."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.analysis import BlamedLayer, LayerError, LayerFacts
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.plugin import ExternalCompiler
from dlpuconv.reporting import make_page, render
from dlpuconv.reporting.histograms import activation_histogram, channel_chart, channel_peaks, weight_histogram
from dlpuconv.reporting.wording import decibels, number, percent, quantity, shape, size
from dlpuconv.verification.kinds.parity import KindParity
from tests.error_ids import raises_error
from tests.reporting.material import material, page
from tests.verification.test_layers import converted
from tests.verification.test_verify_file import converted as one_layer
from tests.verification.test_verify_file import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.reporting import Material

X = "\N{MULTIPLICATION SIGN}"
RECIPE = {"granularity": "per-tensor", "observer": "mse", "equalize": True, "overrides": []}
FIGURES = {"typical_sqnr_db": 21.34, "min_sqnr_db": -3.0, "min_cosine": 0.9}
TRIAL = {"recipe": RECIPE, **FIGURES, "passes": False, "chosen": True, "notes": []}


def blamed(name: str, db: float) -> BlamedLayer:
    error = LayerError(
        names=LayerNames(tensor=name, nodes=("Gemm_1",)),
        op="FULLY_CONNECTED",
        alone_db=db,
        own_db=30.0,
        accumulated_db=30.0,
        weights_share=0.9,
        facts=LayerFacts(),
    )
    return BlamedLayer(error=error, cause="rounding", explanation="rounding to 8 bits", advice="rest")


def with_blame(found: Material) -> Material:
    return replace(found, blamed=(blamed("h", 40.0), blamed("y_int8", 12.5)))


def test_the_verdict_its_reasons_and_the_main_figures_come_first(tmp_path: Path) -> None:
    found = page(tmp_path)
    assert (found.passed, found.reasons, found.file, found.chip) == (True, (), "m.tflite", "A chip")
    assert found.warnings == "2 kinds of warnings"  # QUANTIZE, and an input of two axes
    figures = {fact.label: fact.value for fact in found.figures}
    assert figures["weights"] == "per-tensor"
    assert figures["work"] == "10 MACs"  # 3x2 and 2x2
    assert figures["MACs on the NPU"] == "100\N{NO-BREAK SPACE}%"
    assert figures["signal to noise"].endswith(" dB")
    broken = page(tmp_path, one_layer(broken=True), compared=False)
    assert not broken.passed
    assert broken.reasons[0].startswith("TFL-DEAD")


def test_every_layer_is_listed_with_what_it_reads_makes_and_weighs(tmp_path: Path) -> None:
    first, second, last = page(tmp_path).layers.rows
    assert [row.op for row in (first, second, last)] == ["FULLY_CONNECTED", "FULLY_CONNECTED", "QUANTIZE"]
    assert [row.reads for row in (first, second, last)] == [(), (0,), (1,)]
    assert (first.shape, first.dtype, first.zero_point, second.macs) == (f"1{X}2", "int8", "0", "4")
    assert (first.weights, first.weight_scale, first.granularity) == (
        f"per tensor, int8 2{X}3",
        "scale 0.00787",
        "per tensor",
    )
    assert (first.scale, last.zero_point) == ("0.007874", "128")
    assert (first.processor, last.processor, last.why) == ("NPU", "CPU", "QUANTIZE runs on the CPU. (it is one)")
    assert (first.band, float(first.so_far) > 35) == ("good", True)


def test_layers_can_be_filtered_by_what_there_is(tmp_path: Path) -> None:
    layers = page(tmp_path).layers
    assert layers.ops == (("FULLY_CONNECTED", 2), ("QUANTIZE", 1))
    assert (layers.granularities, layers.processors) == (("per tensor",), ("CPU", "NPU"))


def test_the_chart_has_a_dot_for_every_layer_that_was_compared(tmp_path: Path) -> None:
    wide, narrow = page(tmp_path).charts
    assert (wide.kind, narrow.kind) == ("wide", "narrow")
    for chart in (wide, narrow):
        assert [dot.anchor for dot in chart.so_far] == ["layer-0", "layer-1", "layer-2"]
        assert all(chart.left < dot.x < chart.right and chart.top <= dot.y <= chart.bottom for dot in chart.so_far)
        assert chart.limit is not None
        zero, ten = chart.y_ticks[0], chart.y_ticks[1]
        assert (zero.text, ten.text, ten.at) == ("0", "10", chart.limit)
        assert chart.alone == ()


def test_a_higher_ratio_is_drawn_higher_and_the_scale_is_linear(tmp_path: Path) -> None:
    chart = make_page(with_blame(material(tmp_path))).charts[0]
    forty, low = chart.alone
    ticks = {tick.text.rstrip("+"): tick.at for tick in chart.y_ticks}
    assert forty.y == ticks["40"]
    assert low.y == pytest.approx(ticks["10"] + (ticks["20"] - ticks["10"]) / 4, abs=0.1)
    assert "12.5 dB alone" in low.title


def test_the_chart_of_a_float_file_reaches_as_high_as_its_figures(tmp_path: Path) -> None:
    found = replace(material(tmp_path, compared=False), blamed=(blamed("h", 130.0), blamed("y", 145.0)))
    chart = make_page(found).charts[0]
    assert [tick.text for tick in chart.y_ticks] == ["0", "20", "40", "60", "80", "100", "120", "140", "160"]
    assert len({dot.y for dot in chart.alone}) == 2


def test_what_costs_most_alone_comes_first_with_cause_and_advice(tmp_path: Path) -> None:
    found = make_page(with_blame(material(tmp_path)))
    assert [layer.number for layer in found.close_ups] == [1, 0]
    worst = found.close_ups[0]
    assert (worst.why, worst.advice) == ("rounding to 8 bits", "rest")
    assert ("alone", "12.5 dB") in [(fact.label, fact.value) for fact in worst.figures]
    assert [drawn.title for drawn in worst.histograms] == ["Weights", "Range used by channels", "What it makes"]
    assert found.layers.rows[1].alone == "12.5"


def test_a_layer_is_listed_under_its_name_with_all_others_to_search_for(tmp_path: Path) -> None:
    given = material(tmp_path)
    known = LayerNames(tensor="h", nodes=("Gemm_1",), modules=("head.fc", "head.act"), values=("v",))
    named = given.view.named((known, LayerNames(tensor="y_int8"), LayerNames(tensor="y")))
    row = make_page(replace(given, view=named)).layers.rows[0]
    assert (row.name, row.context, set(row.others)) == ("head.fc", "", {"head.act", "Gemm_1", "v", "h"})


def test_without_blame_the_least_agreement_comes_first_and_what_only_moves_codes_is_left_out(tmp_path: Path) -> None:
    found = page(tmp_path)
    assert "agree least" in found.close_up_note
    assert {layer.number for layer in found.close_ups} == {0, 1}


def test_without_a_source_the_weights_tell_the_worst_layers(tmp_path: Path) -> None:
    found = page(tmp_path, compared=False)
    assert "use their integer range least" in found.close_up_note
    assert [drawn.title for drawn in found.close_ups[0].histograms] == ["Weights", "Range used by channels"]
    assert (found.compared, found.outputs, found.charts) == ("", (), ())


def test_a_histogram_counts_every_code_in_its_place(tmp_path: Path) -> None:
    found = material(tmp_path)
    tensor = found.view.tensors[found.view.layers[0].outputs[0]]
    counts = np.zeros(256, np.int64)
    counts[128], counts[255] = 999, 1  # code 0 and code 127
    drawn = activation_histogram(tensor, counts)
    assert drawn is not None
    assert "2 of 256 codes occur, from 0 = 0 to 127 = 1." in drawn.caption
    # 352 units from 4 on are 256 codes: code 0 begins in the middle, at 180; log10(999 + 1) is the whole height
    assert drawn.path.startswith("M4.0 112H180.0V8.0H181.4V112.0")
    assert drawn.zero == pytest.approx(180.7, abs=0.05)
    assert drawn.ends == ""  # a thousandth is no pile
    counts[255] = 10
    piled = activation_histogram(tensor, counts)
    assert piled is not None
    assert piled.ends.startswith("M354.6 112H354.6V")
    assert "1\N{NO-BREAK SPACE}% of the values lie at the highest code" in piled.caption


def test_an_activation_that_never_occurred_has_no_histogram(tmp_path: Path) -> None:
    found = material(tmp_path)
    assert activation_histogram(found.view.tensors[found.view.layers[0].outputs[0]], np.zeros(256, np.int64)) is None


def test_the_range_that_channels_use_is_measured_in_codes(tmp_path: Path) -> None:
    """Weights [[0.5, -0.25, 1], [1, 0.75, -0.5]] in steps of 1/127: both channels reach 127."""
    found = material(tmp_path, one_layer(), compared=False)
    weights = found.view.tensors[found.view.layers[0].inputs[1]]
    peaks = channel_peaks(weights, 0)
    assert peaks is not None
    assert peaks.tolist() == [127, 127]
    drawn = channel_chart(weights, 0)
    assert drawn is not None
    assert drawn.caption == "The median channel reaches code 127 of 127; 0 of 2 channels stay below 16."
    histogram = weight_histogram(weights)
    assert histogram is not None
    assert "6 of 256" not in histogram.caption  # 127 occurs twice
    assert "5 of 256 codes occur" in histogram.caption


def test_channels_with_scales_of_their_own_have_no_range_chart(tmp_path: Path) -> None:
    found = material(tmp_path, one_layer(per_channel=True), compared=False)
    weights = found.view.tensors[found.view.layers[0].inputs[1]]
    assert channel_chart(weights, 0) is None
    histogram = weight_histogram(weights)
    assert histogram is not None
    assert histogram.caption.startswith("One scale for each channel")


def test_the_contract_tells_how_to_read_each_output(tmp_path: Path) -> None:
    x, y = page(tmp_path, compared=False).ports
    assert (x.kind, x.name, x.dtype, x.real) == ("input", "x", "int8", "\N{MINUS SIGN}1.01 to 1")
    assert (y.kind, y.dtype, y.zero_point) == ("output", "uint8", "128")
    assert y.meaning == f"real = (q \N{MINUS SIGN} 128) {X} 0.0157480314"
    assert x.stands_for == ""


def test_code_to_run_a_file_here_is_not_offered_for_what_only_the_chip_runs(tmp_path: Path) -> None:
    found = material(tmp_path, compared=False)
    compiler = ExternalCompiler(executable="make-it", arguments=("{file}",), produces="{stem}_made.tflite")
    found = replace(found, target=replace(found.target, compiler=compiler))
    assert [snippet.title for snippet in make_page(found).snippets] == ["Python", "C: m.model_params.h"]
    custom = tuple(replace(layer, custom=True) for layer in found.view.layers)
    compiled = make_page(replace(found, view=replace(found.view, layers=custom)))
    assert [snippet.title for snippet in compiled.snippets] == ["C: m.model_params.h"]


def test_with_a_manifest_the_contract_tells_what_it_is_of_the_source(tmp_path: Path) -> None:
    content = one_layer()
    x, y = page(tmp_path, content, manifest=manifest(content), compared=False).ports
    assert (x.stands_for, y.stands_for) == (f"x, 1{X}3", f"y, 1{X}2")
    assert x.meaning == "takes values preprocessed as for the source model"


def test_the_file_decides_where_its_manifest_says_something_else(tmp_path: Path) -> None:
    content = one_layer()
    wrong = manifest(content)
    wrong["inputs"][0] |= {"shape": [1, 10**8], "scale": 99.0, "dtype": "float16", "permutation": [0]}
    x, _ = page(tmp_path, content, manifest=wrong, compared=False).ports
    assert (x.shape, x.dtype, x.scale) == (f"1{X}3", "int8", "0.00787401572")


def test_an_endless_name_keeps_both_ends_and_an_endless_list_its_beginning(tmp_path: Path) -> None:
    found = material(tmp_path, converted(inner="a" * 4000 + "b"), compared=False)
    name = make_page(found).layers.rows[0].name
    assert len(name) < 300
    assert name.endswith("b")
    many = replace(found.view, layers=found.view.layers[:1] * 5001)
    layers = make_page(replace(found, view=many)).layers
    assert (len(layers.rows), layers.more) == (5000, "and 1 more")


def test_what_leads_to_a_layer_whose_row_is_left_out_leads_to_the_list(tmp_path: Path) -> None:
    found = material(tmp_path, converted())
    (first, *_), far = found.view.layers, 5000
    layers = tuple(replace(first, index=at) for at in range(far + 1))
    assert found.report.layers is not None
    compared = tuple(replace(found.report.layers.layers[0], index=at, sqnr_db=-5.0) for at in range(far - 9, far + 1))
    report = replace(found.report, layers=replace(found.report.layers, layers=compared))
    text = render(make_page(replace(found, view=replace(found.view, layers=layers), report=report)))
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert "#5000 " in text, "it is drawn"
    assert set(re.findall(r'href="#([^"]+)"', text)) <= ids


def test_the_recipes_are_the_manifests(tmp_path: Path) -> None:
    content = one_layer()
    beside = manifest(content, trials=[TRIAL], recipe={"granularity": "per-channel", "overrides": []})
    (row,) = page(tmp_path, content, manifest=beside, compared=False).trials
    assert row.recipe == "per-tensor throughout; equalize, mse ranges"
    assert (row.typical_db, row.sqnr_db) == ("21.3", "\N{MINUS SIGN}3.0")
    assert (row.passes, row.chosen) == (False, True)


@pytest.mark.parametrize(
    "trials", [[1], [{}], "x", [{**TRIAL, "recipe": {"granularity": "per-atom"}}], [{**TRIAL, "min_sqnr_db": 10**400}]]
)
def test_a_damaged_manifest_is_told_in_one_sentence(tmp_path: Path, trials: object) -> None:
    content = one_layer()
    with raises_error("manifest-damaged"):
        page(tmp_path, content, manifest=manifest(content, trials=trials), compared=False)


def test_outputs_behind_the_tail_follow_those_of_the_file(tmp_path: Path) -> None:
    whole = material(tmp_path)
    parity = whole.report.parity
    assert parity is not None
    kept = replace(parity.outputs[0], name="kept", sqnr_db=None, varies="its shape differs in 2 of 8 samples")
    behind = replace(whole, report=replace(whole.report, parity=replace(parity, behind=(kept,))))
    rows = make_page(behind).outputs
    assert [row.name for row in rows] == [*(output.name for output in parity.outputs), "kept, behind the tail"]
    assert (rows[-1].max_error, rows[-1].note) == ("", "its shape differs in 2 of 8 samples")
    cannot = replace(whole, report=replace(whole.report, parity=replace(parity, not_behind="TRT")))
    assert make_page(cannot).notes[-1] == "not compared behind the tail: TRT"


def test_what_outputs_are_and_how_much_agrees_is_told(tmp_path: Path) -> None:
    whole = material(tmp_path)
    parity = whole.report.parity
    assert parity is not None
    assert make_page(whole).kinds == ()
    scores = KindParity(name="y", kind=OutputKind.SCORES, place="[:, 4:6]", agreement=0.954, sqnr_db=7.0)
    values = KindParity(name="z", kind=OutputKind.VALUES, sqnr_db=21.34, of_passing=True, stated=True, behind=True)
    told = replace(whole, report=replace(whole.report, parity=replace(parity, kinds=(scores, values))))
    assert ("thresholds and ranking", "95.4%") in [(fact.label, fact.value) for fact in make_page(told).figures]
    assert [astuple(row) for row in make_page(told).kinds] == [
        ("y[:, 4:6]", "scores, by its graph", "thresholds and ranking", "95.4%", "90.0%"),
        ("z, behind the tail", "values, as you say", "numbers where a score passes", "21.3 dB", ""),
    ]
    assert "thresholds and ranking" in render(make_page(told))


def test_the_camera_command_names_the_file(tmp_path: Path) -> None:
    (command,) = page(tmp_path, compared=False).camera
    assert command.code == "larod-client -g m.tflite -c none -R 1 -i ''"


def test_a_file_of_our_own_scaled_channels_says_so(tmp_path: Path) -> None:
    found = material(tmp_path, converted(factors=(4.0, 0.5)))
    assert found.report.layers is not None
    scaled = replace(found.report.layers, likeness="scaled")
    text = make_page(replace(found, report=replace(found.report, layers=scaled))).chart_note
    assert "up to a factor for each channel" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (number(-0.5), "\N{MINUS SIGN}0.5"),
        (number(float("nan")), "not finite"),
        (decibels(None), ""),
        (decibels(-3.04), "\N{MINUS SIGN}3.0"),
        (shape((1, -1, 3)), f"1{X}?{X}3"),
        (shape(()), "scalar"),
        (quantity(999), "999"),
        (quantity(300_774_272), "301\N{NO-BREAK SPACE}M"),
        (size(247_840), "248\N{NO-BREAK SPACE}kB"),
        (size(3_566_496), "3.6\N{NO-BREAK SPACE}MB"),
        (percent(0.0001), "less than 0.1\N{NO-BREAK SPACE}%"),
        (percent(1.0), "100\N{NO-BREAK SPACE}%"),
    ],
)
def test_numbers_are_short_and_have_true_signs(text: str, expected: str) -> None:
    assert text == expected
