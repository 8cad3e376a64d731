"""What is said of an image input whose normalization nobody stated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.calibration import Preprocessing, make_preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.passes.fold_preprocessing import fold_preprocessing
from tests.calibration.support import write_pictures
from tests.passes.folding import CONV, OFF, UNEQUAL, conv_model, random_weights

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.plugin import Normalization

MODEL = conv_model(random_weights(2, 3, 3, 3))
PIXELS = np.arange(20 * 3 * 6 * 7).reshape(20, 3, 6, 7) % 256


def notes(source: Any, made: Preprocessing = Preprocessing(), mode: Normalization = CONV) -> str:  # noqa: B008 - frozen
    found = open_calibration(source, signature=MODEL.signature, preprocessing=made, progress=Silent())
    result = fold_preprocessing(MODEL, made, mode, samples=found.fit if found else None)
    assert result.bindings["x"].raw_pixels is made.stated
    return "\n".join(result.notes)


@pytest.mark.parametrize("preset", ["imagenet", "0-1", "-1-1", "0-255"])
def test_normalized_arrays_name_the_preset_that_makes_such_values(preset: str) -> None:
    made = make_preprocessing(preset=preset)
    values = (PIXELS - np.reshape(made.mean, (-1, 1, 1))) / np.reshape(made.std, (-1, 1, 1))
    told = notes(values.astype(np.float32))
    assert "so the file takes them as the network does (raw_pixels is false in the manifest)" in told
    assert f"as --preset {preset} makes them" in told


def test_values_that_no_preset_makes_and_no_samples_at_all_are_told_without_a_guess() -> None:
    for source in (PIXELS / 100, None):
        told = notes(source)
        assert "state the normalization of training;" in told
        assert "makes them" not in told


def test_nothing_is_said_where_the_file_takes_pixels_or_where_that_is_not_wanted(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    assert notes(tmp_path) == ""
    assert notes("none") == ""
    assert notes(PIXELS / 255, make_preprocessing(preset="0-1")) == ""
    result = fold_preprocessing(MODEL, Preprocessing(), OFF)
    assert result.notes == ()
    assert fold_preprocessing(MODEL, UNEQUAL, OFF).notes == ()
