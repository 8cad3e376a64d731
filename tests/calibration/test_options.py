from __future__ import annotations

from typing import Any

import pytest

from dlpuconv.calibration import Color, Resize, make_preprocessing
from tests.error_ids import raises_error


def test_nothing_given_means_pixels_as_they_are_and_nothing_stated() -> None:
    made = make_preprocessing()
    assert (made.resize, made.color, made.mean, made.std) == (Resize.STRETCH, Color.RGB, (0.0,), (1.0,))
    assert not made.stated


@pytest.mark.parametrize("given", [{"mean": "1"}, {"std": 2}, {"preset": "0-255"}])
def test_a_mean_a_std_or_a_preset_states_a_normalization(given: dict[str, Any]) -> None:
    assert make_preprocessing(**given).stated


@pytest.mark.parametrize("given", [{"resize": "letterbox"}, {"color": "bgr"}])
def test_geometry_and_color_alone_state_none(given: dict[str, Any]) -> None:
    assert not make_preprocessing(**given).stated


@pytest.mark.parametrize(
    "typed", ["123.675,116.28,103.53", "[123.675, 116.28, 103.53]", "123.675 116.28 103.53", (123.675, 116.28, 103.53)]
)
def test_numbers_are_read_as_people_type_them(typed: Any) -> None:
    assert make_preprocessing(mean=typed).mean == (123.675, 116.28, 103.53)


def test_a_preset_follows_the_colours_so_that_bgr_reverses_it() -> None:
    assert make_preprocessing(preset="imagenet").mean == (123.675, 116.28, 103.53)
    assert make_preprocessing(preset="imagenet", color="bgr").mean == (103.53, 116.28, 123.675)
    assert make_preprocessing(preset="imagenet", color="bgr").std == (57.375, 57.12, 58.395)


@pytest.mark.parametrize(
    ("given", "cause", "facts"),
    [
        ({"resize": "strech"}, "option-value", ["--resize 'strech'", "did you mean 'stretch'"]),
        ({"color": "yuv"}, "option-value", ["--color 'yuv'", "rgb, bgr, gray"]),
        ({"preset": "imagnet"}, "option-value", ["--preset 'imagnet'", "did you mean 'imagenet'"]),
        ({"preset": "0-1", "mean": 3}, "options-conflict", ["--preset", "--mean", "--std"]),
        ({"preset": "0-1", "std": "3"}, "options-conflict", ["--preset", "--mean", "--std"]),
        ({"std": "58,0,57"}, "option-value", ["--std 58,0,57", "greater than 0"]),
        ({"std": -1}, "option-value", ["--std -1", "greater than 0"]),
        ({"mean": "a,b,c"}, "option-value", ["--mean 'a,b,c'"]),
        ({"mean": ""}, "option-value", ["--mean ''"]),
        ({"mean": "nan"}, "option-value", ["--mean 'nan'"]),
        ({"std": "inf"}, "option-value", ["--std 'inf'"]),
        ({"mean": "1,2"}, "preprocessing-channels", ["--mean has 2 values", "--color rgb", "1 or 3"]),
        (
            {"mean": "1,2,3", "color": "gray"},
            "preprocessing-channels",
            ["--mean has 3 values", "--color gray", "takes 1"],
        ),
        ({"std": "1,2,3,4", "color": "bgr"}, "preprocessing-channels", ["--std has 4 values", "--color bgr", "1 or 3"]),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(given: dict[str, Any], cause: str, facts: list[str]) -> None:
    with raises_error(cause, *facts):
        make_preprocessing(**given)


@pytest.mark.parametrize(
    ("given", "corrected"),
    [
        (
            {"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"},
            "--mean 123.675,116.28,103.53 --std 58.395,57.12,57.375",
        ),
        ({"mean": 0.5, "std": 0.5}, "--mean 127.5 --std 127.5"),
        ({"mean": 0, "std": 0.5}, "--mean 0 --std 127.5"),
        ({"std": "0.25"}, "--mean 0 --std 63.75"),
        ({"mean": "0.5"}, "--mean 127.5 --std 255"),
        ({"mean": "-0.5", "std": "1"}, "--mean -127.5 --std 255"),
        ({"mean": 123.675, "std": 0.229}, "--mean 123.675 --std 58.395"),
    ],
)
def test_a_normalization_of_pixels_of_0_to_1_is_refused_with_the_corrected_values(
    given: dict[str, Any], corrected: str
) -> None:
    with raises_error("preprocessing-units", "0-255") as refused:
        make_preprocessing(**given)
    assert str(refused.value).endswith(f": give {corrected}")


@pytest.mark.parametrize(
    "given", [{"mean": 0, "std": 1}, {"mean": "104,117,123", "std": 1}, {"mean": 0.5, "std": 127.5}, {"std": 2}]
)
def test_numbers_that_pixels_of_0_to_255_may_have_are_taken(given: dict[str, Any]) -> None:
    assert make_preprocessing(**given).stated
