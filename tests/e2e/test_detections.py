"""A detector whose detections are one value in a thousand: what every recipe has to keep, and the verifier to miss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import dlpuconv
from dlpuconv.quantization import Observer, Recipe
from dlpuconv.scheme import Granularity
from dlpuconv_backends.tflite import TFLiteBackend

if TYPE_CHECKING:
    from dlpuconv.plugin import Artifact, Prepared, Target
    from dlpuconv.workflow.conversion import Conversion

    type Floats = np.ndarray[Any, np.dtype[np.float32]]

pytestmark = pytest.mark.slow

HIGHEST = 1 / (1 + np.exp(-1.66))  # 0.84


def detector() -> ModelProto:
    """Scores of [1, 1, 32, 32] values that are logits already: a convolution of one weight, and a sigmoid."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 32, 32]) for name in ("logits", "scores")]
    weights = numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["logits", "w"], ["c"], "head"),
        helper.make_node("Sigmoid", ["c"], ["scores"], "sigmoid"),
    ]
    graph = helper.make_graph(nodes, "detector", ends[:1], ends[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def pictures(count: int, highest: float, seed: int = 0) -> Floats:
    """Logits of a background from -8 to -4, with one detection in each second picture."""
    values = np.random.default_rng(seed).uniform(-8, -4, (count, 1, 32, 32)).astype(np.float32)
    values[::2, 0, 5, 7] = highest
    return values


def convert(calibration: Floats, validation: Floats, **options: Any) -> Conversion:
    return dlpuconv.convert(
        detector(),
        target="artpec8",
        calibration={"logits": calibration},
        validation={"logits": validation},
        cache=False,
        **options,
    )


@pytest.mark.parametrize("observer", list(Observer))
def test_no_recipe_cuts_detections_off(observer: Observer) -> None:
    recipe = Recipe(granularity=Granularity.PER_TENSOR, observer=observer)
    report = convert(pictures(40, 1.66), pictures(8, 1.6, seed=1), recipe=recipe).report
    assert report.parity is not None
    (scores,) = report.parity.outputs
    assert scores.reach is not None
    assert scores.reach[1] >= HIGHEST - 1 / 256
    assert not [finding for finding in report.findings if finding.rule == "OUT-REACH"]


def test_scores_that_end_below_what_the_float_model_gives_fail_whatever_the_ratio_is() -> None:
    """Calibrated on pictures without confident detections, verified on pictures with some; zero always has a code."""
    report = convert(pictures(40, -1.0), pictures(8, 1.66, seed=1), min_sqnr=-20.0, effort="fast").report
    assert report.verdict == "fail"
    (finding,) = [finding for finding in report.findings if finding.rule == "OUT-REACH"]
    assert finding.hits[0].layer == "scores"
    assert finding.hits[0].detail == "it can never exceed 0.5, where the source goes up to 0.84"


def test_a_recipe_that_was_judged_on_every_sample_is_not_made_again_to_confirm_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each recipe once for the search, and the chosen one for the result."""
    emitted: list[Recipe] = []
    emit = TFLiteBackend.emit

    def counted(self: TFLiteBackend, prepared: Prepared, target: Target, recipe: Recipe) -> Artifact:
        emitted.append(recipe)
        return emit(self, prepared, target, recipe)

    monkeypatch.setattr(TFLiteBackend, "emit", counted)
    done = convert(pictures(40, 1.66), pictures(8, 1.6, seed=1))
    trials = done["artpec8"].provenance.trials
    assert emitted == [*(trial.recipe for trial in trials), done["artpec8"].provenance.recipe]
