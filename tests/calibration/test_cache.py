from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.calibration import StatisticsCache
from dlpuconv.files.keep import KeptFolder

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

ARRAYS: dict[str, npt.NDArray[np.generic]] = {
    "minima": np.array([1, 2], np.float32),
    "counts/0": np.arange(3),
    "none": np.zeros((0, 4)),
}


def never() -> dict[str, npt.NDArray[np.generic]]:
    raise AssertionError("measured again")


def test_what_was_measured_comes_back(tmp_path: Path) -> None:
    for measure in (lambda: ARRAYS, never):
        found = StatisticsCache(KeptFolder(tmp_path)).once("model+samples", measure, lambda _: True)
        assert found.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype


def test_without_a_place_everything_is_measured_again() -> None:
    StatisticsCache().once("a", lambda: ARRAYS, lambda _: True)
    with pytest.raises(AssertionError, match="measured again"):
        StatisticsCache().once("a", never, lambda _: True)


def test_arrays_of_another_form_are_measured_again(tmp_path: Path) -> None:
    cache = StatisticsCache(KeptFolder(tmp_path))
    cache.once("a", lambda: {"other": np.zeros(3)}, lambda _: True)
    assert cache.once("a", lambda: ARRAYS, lambda kept: "minima" in kept) is ARRAYS


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not consist of numbers"):
        StatisticsCache(KeptFolder(tmp_path)).once("a", lambda: {"x": np.array([None])}, lambda _: True)
    assert not list(tmp_path.iterdir())
