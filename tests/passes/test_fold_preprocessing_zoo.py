"""Folding the normalization of real models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.calibration import Calibration, Preprocessing, make_preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import Model
from dlpuconv.passes.fold_camera import Camera
from dlpuconv.passes.fold_preprocessing import FoldResult, fold_preprocessing

if TYPE_CHECKING:
    from pathlib import Path

from tests.passes.folding import CONV, OP, fold_by_hand

ZOO = {
    "imagenet_mnv2_torch": make_preprocessing(preset="imagenet"),
    "cifar_mobilenetv2": make_preprocessing(mean="125.307,122.961,113.8575", std="62.985,62.0925,66.708"),
    "lpr_lprnet": make_preprocessing(mean="127.5", std="128"),
    "seg_sinet_portrait": make_preprocessing(
        mean="102.890434,111.25247,126.91212", std="16047.8946,16019.4519,16920.704775", color="bgr"
    ),
    "face_retinaface_mnet025": make_preprocessing(mean="104,117,123", std="1", color="bgr"),
}


@dataclass
class Case:
    model: Model
    made: Preprocessing
    samples: Calibration


@pytest.fixture(scope="module", params=list(ZOO))
def case(request: pytest.FixtureRequest, zoo: Path) -> Case:
    from dlpuconv.frontends import SourceOptions, load
    from dlpuconv.passes import normalize

    model, _ = normalize(load(zoo / request.param / "model.onnx", SourceOptions()))
    made = ZOO[request.param]
    samples = open_calibration(
        zoo / "_data" / "photos",
        signature=model.signature,
        preprocessing=made,
        progress=Silent(),
        limit=20,
    )
    assert samples is not None
    return Case(model, made, samples)


def loss(case: Case, result: FoldResult) -> float:
    """SQNR over all outputs, on samples that the decision did not see."""
    before, after = OrtRunner(case.model.to_bytes()), OrtRunner(result.model.to_bytes())
    shares = []
    for sample in case.samples.held_out:
        wanted = before.run(sample)
        found = after.run({name: result.bindings[name].apply(values) for name, values in sample.items()})
        for name, values in wanted.items():
            reference = values.astype(np.float64)
            noise = reference - found[name].astype(np.float64)
            shares.append(float(np.square(noise).sum() / np.square(reference).sum()))
    return -10 * math.log10(max(float(np.mean(shares)), 1e-20))


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("exact_only", [False, True])
def test_operators_in_front_are_exact_on_real_models(case: Case, exact_only: bool) -> None:
    result = fold_preprocessing(case.model, case.made, OP, exact_only=exact_only)
    assert result.bindings[case.model.signature.inputs[0].name].raw_pixels
    assert loss(case, result) > 100


@pytest.mark.zoo
@pytest.mark.slow
def test_real_models_keep_what_the_report_says(case: Case) -> None:
    result = fold_preprocessing(case.model, case.made, CONV, samples=case.samples.fit)
    name = case.model.signature.inputs[0].name
    facts = result.facts[name]
    assert isinstance(facts, dict)
    told = facts["border_sqnr_db"]
    if facts["method"] == "conv" and isinstance(told, float):
        assert told >= 40
        assert loss(case, result) == pytest.approx(told, abs=6)
    else:
        assert loss(case, result) > 100


@pytest.mark.zoo("imagenet_mnv2_torch")
@pytest.mark.slow
def test_the_best_zero_point_of_the_imagenet_model_beats_a_raw_padding_of_zero_by_far(zoo: Path) -> None:
    """A padding of black keeps about 25 dB, the best zero point about 50 dB."""
    from dlpuconv.frontends import SourceOptions, load
    from dlpuconv.passes import normalize

    model, _ = normalize(load(zoo / "imagenet_mnv2_torch" / "model.onnx", SourceOptions()))
    made = ZOO["imagenet_mnv2_torch"]
    found = open_calibration(
        zoo / "_data" / "imagenet" / "calib", signature=model.signature, preprocessing=made, progress=Silent(), limit=20
    )
    assert found is not None
    case = Case(model, made, found)
    camera = Camera.of(model.signature.inputs[0], made)
    kept = {}
    for wanted in (None, 0):
        zero_point, folded = fold_by_hand(model, made, wanted)
        kept[zero_point] = loss(
            case, FoldResult(model=folded, bindings={camera.spec.name: camera.by_weights(zero_point)})
        )
    (best,) = set(kept) - {0}
    assert 22 < kept[0] < 30
    assert kept[best] > 47
