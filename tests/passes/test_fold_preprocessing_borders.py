"""What folding loses in the padding, and what no convolution loses elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper

from dlpuconv.calibration import Preprocessing, make_preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.passes.fold_camera import Camera
from dlpuconv.passes.fold_preprocessing import FoldResult, fold_preprocessing
from dlpuconv.plugin import Normalization
from tests.passes.folding import (
    CONV,
    OP,
    UNEQUAL,
    UNEQUAL_BGR,
    Graph,
    assert_equal,
    compare,
    conv_model,
    fold_by_hand,
    method,
    operators,
    pixels_for,
    random_weights,
    run,
    samples_for,
    source_values,
)


@pytest.mark.parametrize("made", [UNEQUAL, UNEQUAL_BGR])
def test_padding_loses_at_the_borders_and_nowhere_else(made: Preprocessing) -> None:
    weights = random_weights(4, 3, 3, 3)
    weights -= weights.mean(axis=(1, 2, 3), keepdims=True)
    model = conv_model(weights, pads=[1, 1, 1, 1])
    original = model.copy()
    zero_point, folded = fold_by_hand(model, made)
    result = FoldResult(model=folded, bindings={"x": Camera.of(model.signature.inputs[0], made).by_weights(zero_point)})
    wanted, found = compare(original, result, made)
    np.testing.assert_allclose(found[:, :, 1:-1, 1:-1], wanted[:, :, 1:-1, 1:-1], rtol=1e-4, atol=1e-3)
    assert np.abs(found - wanted).max() > 0.1


@pytest.mark.parametrize(
    "attributes",
    [
        {"pads": [1, 1, 1, 1]},
        {"pads": [0, 0, 1, 1], "strides": [2, 2]},
        {"pads": [2, 1, 0, 2], "dilations": [2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
    ],
)
def test_no_other_zero_point_loses_less(attributes: dict[str, Any]) -> None:
    """All 256 are tried, on any image: what is lost does not depend on the pixels."""
    model = conv_model(random_weights(4, 3, 3, 3), random_weights(4), **attributes)
    made = make_preprocessing(mean="90,110,140", std="50,60,70")
    camera = Camera.of(model.signature.inputs[0], made)
    x = source_values(pixels_for(model)["x"], made)
    wanted = run(model, {"x": x})["y"]

    def lost(zero_point: int) -> float:
        _, folded = fold_by_hand(model, made, zero_point)
        found = run(folded, {"x": camera.by_weights(zero_point).apply(x)})["y"]
        return float(np.square(found - wanted).sum())

    chosen, _ = fold_by_hand(model, made)
    losses = [lost(z) for z in range(max(0, chosen - 8), chosen + 9)]
    assert min(losses) == losses[chosen - max(0, chosen - 8)]
    assert lost(chosen) < min(lost(0), lost(255))


def test_a_small_loss_is_accepted_and_reported() -> None:
    """Means that differ by half a pixel cost little in the padding."""
    made = make_preprocessing(mean="127.5", std="127.5")
    model = conv_model(random_weights(4, 3, 3, 3), pads=[1, 1, 1, 1])
    result = fold_preprocessing(model, made, CONV, samples=samples_for(model, made).fit)
    facts = result.facts["x"]
    assert isinstance(facts, dict)
    assert isinstance(facts["border_sqnr_db"], float)
    assert facts["border_sqnr_db"] > 45
    assert method(result) == "conv"
    assert "keeps" in result.notes[0]


def test_a_loss_below_forty_decibels_puts_an_operator_in_front() -> None:
    made = make_preprocessing(mean="20,120,240", std="50")
    model = conv_model(random_weights(4, 3, 3, 3), pads=[1, 1, 1, 1])
    result = fold_preprocessing(model, made, CONV, samples=samples_for(model, made).fit)
    assert operators(result) == ["Conv", "Conv"]
    facts = result.facts["x"]
    assert isinstance(facts, dict)
    assert isinstance(facts["border_sqnr_db"], float)
    assert facts["border_sqnr_db"] < 40
    assert "keeps only" in result.notes[0]
    assert_equal(model, result, made)


def test_without_samples_random_pictures_decide() -> None:
    made = make_preprocessing(mean="20,120,240", std="50")
    model = conv_model(random_weights(4, 3, 3, 3), pads=[1, 1, 1, 1])
    assert method(fold_preprocessing(model, made, CONV)) == "op"


# -- several inputs ------------------------------------------------------------


def test_each_image_input_is_folded_and_the_others_are_left_alone() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "v"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["z", "w"], ["b"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Add", ["c", "g"], ["y"]),
    ]
    constants = {"v": random_weights(2, 3, 3, 3), "w": random_weights(2, 3, 3, 3, seed=1)}
    inputs: dict[str, tuple[int, ...]] = {"x": (1, 3, 6, 7), "z": (1, 3, 6, 7), "g": (7,)}
    model = Graph(nodes, constants, inputs).model()
    made = make_preprocessing(mean="127.5", std="120,125,130")
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(8, *shape[-3:])).astype(np.float32) for name, shape in inputs.items()}
    found = open_calibration(arrays, signature=model.signature, preprocessing=made, progress=Silent())
    assert found is not None
    result = fold_preprocessing(model, made, CONV, samples=found.fit)
    assert [method(result, name) for name in ("x", "z")] == ["conv", "conv"]
    assert not result.bindings["g"].raw_pixels
    sample = next(iter(found.held_out))
    wanted = run(model, sample)["y"]
    got = run(result.model, {k: result.bindings[k].apply(v) for k, v in sample.items()})["y"]
    np.testing.assert_allclose(got[:, :, 1:-1, 1:-1], wanted[:, :, 1:-1, 1:-1], rtol=1e-3, atol=1e-3)


# -- any convolution -----------------------------------------------------------

numbers = st.tuples(*[st.integers(0, 255)] * 3), st.tuples(*[st.floats(20, 300)] * 3)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    mean=numbers[0],
    std=numbers[1],
    color=st.sampled_from(["rgb", "bgr"]),
    mode=st.sampled_from([CONV, OP]),
    exact_only=st.booleans(),
    group=st.sampled_from([1, 3]),
    pads=st.sampled_from([[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 2, 0]]),
    strides=st.sampled_from([[1, 1], [2, 1]]),
    bias=st.booleans(),
)
def test_a_folded_model_computes_the_same_wherever_it_claims_to(
    mean: tuple[int, ...],
    std: tuple[float, ...],
    color: str,
    mode: Normalization,
    exact_only: bool,
    group: int,
    pads: list[int],
    strides: list[int],
    bias: bool,
) -> None:
    made = make_preprocessing(mean=mean, std=std, color=color)
    model = conv_model(
        random_weights(6, 3 // group, 3, 3),
        random_weights(6) if bias else None,
        group=group,
        pads=pads,
        strides=strides,
    )
    result = fold_preprocessing(model, made, mode, exact_only=exact_only)
    facts = result.facts["x"]
    assert isinstance(facts, dict)
    if method(result) == "conv" and facts["border_sqnr_db"] is not None:
        wanted, found = compare(model, result, made)
        share = np.square(found - wanted).sum() / np.square(wanted).sum()
        assert share == 0 or -10 * math.log10(share) > 30
    else:
        assert_equal(model, result, made)
