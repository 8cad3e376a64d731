from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlpuconv.calibration import Preprocessing, lint, make_preprocessing
from tests.calibration.support import RGB_4X6, VECTOR_5, picture, read, spec, takes, write_pictures
from tests.error_ids import raises_error

PIXELS = np.stack([picture(n).transpose(2, 0, 1) for n in range(120)]).astype(np.float32)
IMAGENET = make_preprocessing(preset="imagenet")
NORMALIZED = (PIXELS - np.reshape(IMAGENET.mean, (3, 1, 1))) / np.reshape(IMAGENET.std, (3, 1, 1))


def warnings(source: Any, preprocessing: Preprocessing = Preprocessing()) -> str:  # noqa: B008 - frozen
    return "\n".join(read(source, preprocessing=preprocessing).warnings)


def test_samples_as_stated_draw_no_warning() -> None:
    assert warnings(NORMALIZED, IMAGENET) == ""
    assert warnings(NORMALIZED) == ""
    assert warnings(PIXELS, make_preprocessing(preset="0-255")) == ""


def test_raw_pixels_are_noticed() -> None:
    assert "look like raw pixels, not normalized" in warnings(PIXELS)
    assert "the stated --mean and --std give -2.118 to 2.64: they look like raw pixels" in warnings(PIXELS, IMAGENET)


def test_values_normalized_twice_are_noticed() -> None:
    unit = PIXELS / 255
    assert "look normalized twice" in warnings(unit / 255)
    assert "look normalized twice" in warnings(unit / 255, make_preprocessing(preset="0-1"))


def test_values_prepared_in_another_way_are_noticed() -> None:
    assert "the samples were prepared in another way" in warnings(NORMALIZED, make_preprocessing(preset="0-1"))


@pytest.mark.parametrize(
    ("made", "stated"), [("0-1", "imagenet"), ("-1-1", "imagenet"), ("0-1", "-1-1"), ("0-1", "0-255")]
)
def test_values_that_another_preset_makes_exactly_are_noticed(made: str, stated: str) -> None:
    (mean,), (std,) = make_preprocessing(preset=made).mean, make_preprocessing(preset=made).std
    told = warnings((PIXELS - mean) / std, make_preprocessing(preset=stated))
    assert f", as --preset {made} makes them of pixels, but the stated --mean and --std give" in told
    assert "makes them" not in warnings((PIXELS - mean) / std, make_preprocessing(preset=made))


def test_dull_pictures_are_no_other_preset() -> None:
    """Pixels of 64 to 191 become -0.5 to 0.5, which no preset makes of black and white."""
    assert warnings((np.clip(PIXELS, 64, 191) - 127.5) / 127.5, make_preprocessing(preset="-1-1")) == ""


def test_vectors_are_not_judged_as_images() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (120, 5))
    assert not read(rows, VECTOR_5).warnings


def test_images_without_a_stated_normalization_draw_a_question(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    assert "no --mean, --std or --preset was given" in warnings(tmp_path)
    assert "--preset was given" not in warnings(tmp_path, IMAGENET)


def test_pixels_of_a_range_that_the_source_states_are_told_with_it(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    told = warnings(tmp_path, Preprocessing(mean=(128.0,), std=(128.0,)))
    assert "pixels 0-255 become -1 to 0.9922, the range that the source states" in told


def test_constant_and_repeated_samples_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, 4)
    Image.new("RGB", (6, 4), (7, 7, 7)).save(tmp_path / "flat.png")
    Image.fromarray(picture(1)).save(tmp_path / "twin.bmp")
    told = warnings(tmp_path, IMAGENET)
    assert "1 of 6 samples are constant: flat.png" in told
    assert "1 of 6 samples are equal to another one: twin.bmp = 001.png" in told


def test_long_lists_are_cut_short() -> None:
    told = warnings(np.zeros((120, 3, 4, 6)) + np.arange(120).reshape(120, 1, 1, 1) / 120, IMAGENET)
    assert "120 of 120 samples are constant: sample 0 of the calibration array, " in told
    assert told.count(" and 115 more") == 1


@pytest.mark.parametrize(
    ("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinite values"), (-np.inf, "infinite values")]
)
def test_values_that_are_not_finite_are_an_error_that_names_the_sample(value: float, kind: str) -> None:
    broken = NORMALIZED.copy()
    broken[3, 1, 2, 2] = value
    with raises_error("calibration-not-finite", "sample 3", kind, "'x'"):
        read(broken)


@pytest.mark.parametrize("value", [0, 0.5, -3])
def test_samples_of_one_number_throughout_are_refused(value: float) -> None:
    with raises_error("calibration-constant", "20", f"{value:g}, ", "--calibration"):
        read(np.full((20, 3, 4, 6), value, np.float32))


def test_validation_data_may_hold_one_number_throughout() -> None:
    told = read(NORMALIZED, validation=np.zeros((3, 3, 4, 6), np.float32)).warnings
    assert any("validation: every value of 'x' is 0 in all samples" in text for text in told)


def test_black_pictures_are_refused(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (6, 4)).save(tmp_path / f"{number}.png")
    with raises_error("calibration-constant"):
        read(tmp_path)


def test_an_input_that_never_changes_beside_one_that_does_is_told() -> None:
    both = takes(spec(1, 5), spec(2, 1, 8, name="state"))
    told = read({"x": np.random.default_rng(0).random((9, 5)), "state": np.zeros((9, 2, 1, 8))}, both).warnings
    assert any("every value of 'state' is 0 in all samples" in text for text in told)


def test_tokens_and_single_numbers_may_be_the_same_throughout() -> None:
    for one in (spec(1, 5, dtype="int64"), spec(1)):
        assert not any("every value of" in text for text in read(np.ones((9, *one.shape)), takes(one)).warnings)


def test_any_samples_can_be_linted_afterwards() -> None:
    found = read(PIXELS, preprocessing=make_preprocessing(preset="0-255"))
    assert lint(found.fit, RGB_4X6, make_preprocessing(preset="0-255")) == ()
    (told,) = lint(found.fit, RGB_4X6, IMAGENET)
    assert "raw pixels" in told
