from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.calibration import Origin, PixelSamples, make_preprocessing
from dlpuconv.calibration.made_up import dead_leaves
from tests.calibration.support import RGB_4X6, VECTOR_5, all_values, read, spec, takes

IMAGE = takes(spec(1, 3, 32, 32))


def test_random_samples_are_the_same_in_every_run_and_marked_uncalibrated() -> None:
    first, second = read("random", RGB_4X6), read("random", RGB_4X6)
    assert first.fit.digest == second.fit.digest
    assert not first.calibrated
    assert not first.judges
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


def test_without_data_samples_are_made_up_and_say_so() -> None:
    found = read("none", RGB_4X6)
    assert (found.origin, found.calibrated, found.judges) == (Origin.SYNTHETIC, False, False)
    assert "calibration data" in found.warnings[0]
    assert "(--calibration)" in found.warnings[0], "the way out"
    assert found.fit.digest == read("none", RGB_4X6).fit.digest != read("random", RGB_4X6).fit.digest


def test_real_validation_data_can_judge_recipes_of_made_up_samples() -> None:
    found = read("none", VECTOR_5, validation=np.eye(3, 5, dtype=np.float32))
    assert (found.origin, found.judges, len(found.held_out)) == (Origin.SYNTHETIC, True, 3)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (32, 32), (96, 128)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_leaves_come_in_every_size(size: tuple[int, int], channels: int) -> None:
    picture = dead_leaves(np.random.default_rng(0), size, channels)
    assert picture.shape == (*size, channels)
    assert picture.dtype == np.uint8


def test_leaves_are_like_photographs_where_networks_look() -> None:
    """Neighbours are alike, channels go together, brightness uses the whole range, and slow waves are the strongest."""
    pictures = [dead_leaves(np.random.default_rng(n), (64, 64), 3).astype(float) for n in range(40)]
    grays = np.stack([p.mean(axis=2) for p in pictures])
    assert np.corrcoef(grays[:, :, 1:].ravel(), grays[:, :, :-1].ravel())[0, 1] > 0.9
    values = np.stack(pictures)
    assert np.corrcoef(values[..., 0].ravel(), values[..., 2].ravel())[0, 1] > 0.6
    assert np.percentile(values, 5) < 40
    assert np.percentile(values, 95) > 215
    spectrum = np.abs(np.fft.fft2(grays - grays.mean(axis=(1, 2), keepdims=True))).mean(axis=0)
    frequencies = np.arange(2, 24)
    slope = np.polyfit(np.log(frequencies), np.log(spectrum[0, frequencies]), 1)[0]
    assert -2.0 < slope < -0.7, "1/f^1.2 in photographs"
