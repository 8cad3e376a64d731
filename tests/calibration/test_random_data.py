from __future__ import annotations

import numpy as np

from dlpuconv.calibration import PixelSamples, make_preprocessing
from tests.calibration.support import RGB_4X6, VECTOR_5, all_values, read, spec, takes

IMAGE = takes(spec(1, 3, 32, 32))


def test_random_samples_are_the_same_in_every_run_and_marked_uncalibrated() -> None:
    first, second = read("random", RGB_4X6), read("random", RGB_4X6)
    assert first.fit.digest == second.fit.digest
    assert not first.calibrated
    assert len(first.fit) + len(first.held_out) == 100
    assert first.warnings[0].startswith("the calibration samples are random")


def test_random_images_fill_the_range_that_the_normalization_gives() -> None:
    found = read("random", IMAGE, preprocessing=make_preprocessing(preset="-1-1"))
    values = np.concatenate(all_values(found))
    assert -1 <= values.min() < -0.9
    assert 0.9 < values.max() <= 1
    assert 0.2 < values.std() < 0.8
    assert isinstance(found.fit, PixelSamples)


def test_other_inputs_get_a_standard_normal() -> None:
    values = np.concatenate(all_values(read("random", VECTOR_5)))
    assert abs(values.mean()) < 0.15
    assert 0.85 < values.std() < 1.15


def test_a_model_of_several_inputs_gets_each_of_its_kind() -> None:
    signature = takes(spec(1, 3, 8, 8), spec(1, 5, name="v"), spec(1, 2, name="t", dtype="int64"))
    (sample, *_) = read("random", signature, preprocessing=make_preprocessing(preset="0-1"), limit=3).fit
    assert sample["x"].shape == (1, 3, 8, 8)
    assert 0 <= sample["x"].min() < sample["x"].max() <= 1
    assert sample["t"].dtype == np.int64


def test_a_limit_says_how_many() -> None:
    found = read("random", RGB_4X6, limit=7)
    assert len(found.fit) + len(found.held_out) == 7
