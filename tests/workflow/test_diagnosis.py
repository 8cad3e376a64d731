"""Why a file failed is measured, and what is advised was tried."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import dlpuconv
from dlpuconv.analysis import BlamedLayer, LayerError, LayerFacts
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.quantization.score import Score
from dlpuconv.workflow.diagnosis import Attempt, advice_in_words, cause_in_words

RNG = np.random.default_rng(0)
NOW = Attempt("", Score(typical_db=4.0, sqnr_db=3.0, cosine=0.8, passes=False), "3.0 dB", passes=False)


def blamed(name: str, alone_db: float | None, explanation: str = "rounding to 8 bits") -> BlamedLayer:
    error = LayerError(
        names=LayerNames(tensor=name),
        op="CONV_2D",
        alone_db=alone_db,
        own_db=30.0,
        accumulated_db=30.0,
        weights_share=None,
        facts=LayerFacts(),
    )
    return BlamedLayer(error=error, cause="rounding", explanation=explanation, advice="")


def attempt(option: str, typical_db: float, *, passes: bool = False) -> Attempt:
    score = Score(typical_db=typical_db, sqnr_db=typical_db, cosine=0.9, passes=passes)
    return Attempt(option, score, f"{typical_db:.1f} dB", passes=passes)


def test_the_layer_that_costs_most_is_named_with_its_figure_and_its_reason() -> None:
    text = cause_in_words([blamed("a", 5.0, "outliers"), blamed("b", 20.0), blamed("c", None)])
    assert text == (
        "most is lost at a (CONV_2D): if only this layer is quantized, the outputs keep 5.0 dB; probable cause:"
        " outliers"
    )


def test_no_layer_alone_is_blamed_for_what_many_lose_together() -> None:
    assert cause_in_words([blamed(name, 12.0) for name in "abc"]).startswith("many layers lose a part, a (CONV_2D)")
    assert cause_in_words([blamed("a", None)]) == ""


def test_what_passes_is_advised_and_nothing_else_with_its_figure() -> None:
    text = advice_in_words(NOW, [attempt("--cut-at a", 21.3, passes=True), attempt("--effort balanced", 9.0)])
    assert text.startswith("It passes with --cut-at a (21.3 dB). ")
    assert "balanced" not in text


def test_a_clear_gain_is_told_where_nothing_passes_and_a_small_one_is_none() -> None:
    text = advice_in_words(NOW, [attempt("--effort balanced", 8.0), attempt("--granularity per-channel", 5.0)])
    assert text.startswith(
        "Nothing that was tried passes (now 3.0 dB), but it comes closer with --effort balanced (8.0"
    )
    assert "per-channel" not in text


def test_what_a_kind_s_measure_decides_gains_by_that_measure_alone() -> None:
    now = replace(NOW, agreement=0.7)
    louder, better = attempt("--effort balanced", 30.0), attempt("--granularity per-channel", 2.0)
    assert not replace(louder, agreement=0.69).gains(now)
    assert replace(better, agreement=0.8).gains(now)
    assert not louder.gains(now)  # decibels decide of it: the two cannot be compared


def test_it_is_said_that_nothing_helps() -> None:
    text = advice_in_words(NOW, [attempt("--granularity per-channel", 4.5)])
    expected = "Nothing that was tried helps (now 3.0 dB): --granularity per-channel (4.5 dB)."
    assert text.startswith(expected)
    assert advice_in_words(NOW, []).startswith("No other option is known to help")


def peaks() -> onnx.ModelProto:
    """Peaks of a heat map, as CenterNet picks them: where the map equals its own maximum around."""
    node = helper.make_node
    weights = {
        "w": (RNG.standard_normal((16, 3, 3, 3)) * 0.3).astype("f4"),
        "wh": (RNG.standard_normal((3, 16, 1, 1)) * 0.05).astype("f4"),
    }
    graph = helper.make_graph(
        [
            node("Conv", ["x", "w"], ["c"], strides=[2, 2], pads=[1] * 4),
            node("Relu", ["c"], ["r"]),
            node("Conv", ["r", "wh"], ["z"]),
            node("Sigmoid", ["z"], ["heat"]),
            node("MaxPool", ["heat"], ["hm"], kernel_shape=[3, 3], pads=[1] * 4),
            node("Equal", ["hm", "heat"], ["e"]),
            node("Cast", ["e"], ["k"], to=1),
            node("Mul", ["heat", "k"], ["peaks"]),
        ],
        "peaks",
        [helper.make_tensor_value_info("x", 1, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("peaks", 1, [1, 3, 16, 16])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.slow
def test_an_output_of_mixed_ranges_that_was_kept_whole_is_the_reason_and_to_split_it_the_way_out() -> None:
    node = helper.make_node
    weights = {"w": (RNG.standard_normal((8, 3, 3, 3)) * 0.5).astype("f4"), "k": np.array(1000, "f4")}
    graph = helper.make_graph(
        [
            node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
            node("Mul", ["c", "k"], ["pixels"]),
            node("Sigmoid", ["c"], ["scores"]),
            node("Concat", ["pixels", "scores"], ["y"], axis=1),
        ],
        "mixed",
        [helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", 1, [1, 16, 8, 8])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    data = {"x": RNG.standard_normal((30, 3, 8, 8)).astype("f4")}
    given: dict[str, Any] = {"effort": "fast", "cache": False, "progress": None}
    report = dlpuconv.convert(model, target="artpec8", calibration=data, split_outputs="off", **given).report
    (reason,) = report.reasons
    assert reason.startswith("OUT-SCORES")
    assert "one scale is too coarse for all of 'y': 8 of 16 slices along axis 1" in reason
    (fix,) = [finding.fix for finding in report.findings if finding.rule == "OUT-SCORES"]
    assert fix.startswith("It passes with split_outputs='auto' (")


@pytest.mark.slow
def test_inputs_that_are_clipped_are_the_reason_and_no_layer_is_blamed_for_them() -> None:
    """Samples from 0 to 4, of which the stated pixels hold a quarter."""
    weights = {"w": (RNG.standard_normal((8, 3, 3, 3)) * 0.3).astype("f4")}
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])],
        "clipped",
        [helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", 1, [1, 8, 6, 6])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    data = {"x": RNG.random((30, 3, 8, 8)).astype("f4") * 4}
    given: dict[str, Any] = {"effort": "fast", "cache": False, "progress": None, "preset": "0-1"}
    report = dlpuconv.convert(model, target="artpec8", calibration=data, **given).report
    reason = report.reasons[0]
    assert "most is lost before the first layer" in reason
    assert report.findings[0].fix.startswith("Prepare the samples by the stated normalization")
    assert "CONV_2D" not in reason


@pytest.mark.slow
def test_ties_are_named_as_the_reason_and_the_cut_in_front_of_them_as_the_way_out() -> None:
    given: dict[str, Any] = {
        "target": "artpec8",
        "calibration": {"x": RNG.random((30, 3, 32, 32)).astype("f4")},
        "effort": "fast",
        "cache": False,
        "progress": None,
    }
    model = peaks()
    report = dlpuconv.convert(model, **given).report
    assert report.verdict == "fail"
    assert report.parity is not None
    assert [(part.title, part.kind) for part in report.parity.kinds] == [("peaks", "scores")]
    (reason,) = report.reasons
    assert "heat (LOGISTIC)" in reason
    assert "EQUAL" in reason
    assert "less than one step" in reason, "such values become ties"
    assert "per-tensor" not in reason
    (fix,) = [finding.fix for finding in report.findings if finding.rule == "OUT-SCORES"]
    assert fix.startswith("It passes with cut_at=['heat'] ")
    cut = dlpuconv.convert(model, **given, cut_at=["heat"]).report
    assert cut.passed
    assert cut.parity is not None
    assert cut.parity.min_sqnr > 40
