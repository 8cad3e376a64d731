from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.calibration import Preprocessing, open_calibration, raw_images
from dlpuconv.calibration.open import split_rows
from tests.calibration.support import VECTOR_5, Audience, read, write_pictures
from tests.error_ids import raises_error

ROWS = np.arange(600, dtype=np.float32).reshape(120, 5)


def test_no_data_is_no_calibration() -> None:
    nothing = open_calibration(None, signature=VECTOR_5, preprocessing=Preprocessing(), progress=Audience())
    assert nothing is None


def test_validation_data_replaces_the_held_out_samples() -> None:
    found = read(ROWS[:110], VECTOR_5, validation=ROWS[110:])
    assert (len(found.fit), len(found.held_out)) == (110, 10)
    assert found.warnings == ()


def test_validation_alone_fits_nothing_and_is_not_calibrated() -> None:
    found = read(None, VECTOR_5, validation=ROWS)
    assert (len(found.fit), len(found.held_out), found.calibrated) == (0, 120, False)
    assert list(found.fit) == []


def test_fewer_than_a_hundred_samples_draw_a_warning_that_progress_hears() -> None:
    audience = Audience()
    found = read(ROWS[:99], VECTOR_5, audience=audience)
    assert found.warnings == (
        "there are only 99 calibration samples; with 100 or more, the ranges depend less on chance",
    )
    assert audience.messages == list(found.warnings)
    assert not read(ROWS[:100], VECTOR_5).warnings


def test_warnings_about_validation_data_say_so() -> None:
    found = read(ROWS, VECTOR_5, validation=np.repeat(np.arange(10.0)[:, None], 5, axis=1))
    assert any(text.startswith("validation: 10 of 10 samples are constant") for text in found.warnings)


def test_one_sample_serves_both_and_says_so() -> None:
    found = read(ROWS[:1], VECTOR_5)
    assert (len(found.fit), len(found.held_out)) == (1, 1)
    assert any("there is only one sample" in text for text in found.warnings)


@given(st.integers(2, 500))
def test_the_split_is_complete_and_disjoint(count: int) -> None:
    fit, held_out = split_rows(count)
    assert sorted(fit + held_out) == list(range(count))
    assert len(held_out) == max(1, count // 5)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere", ("calibration-not-found", "'nowhere'")),
        (3, ("calibration-kind-unknown",)),
    ],
)
def test_what_is_no_data_is_told_what_is(source: Any, told: tuple[str, ...]) -> None:
    with raises_error(*told):
        read(source, VECTOR_5)


def test_a_file_of_another_kind_is_told_what_is_possible(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3")
    with raises_error("calibration-kind-unknown", ".npz", ".npy", "'none'", "'random'"):
        read(tmp_path / "a.csv", VECTOR_5)


def test_a_limit_below_one_is_a_usage_error() -> None:
    with raises_error("option-value", "0"):
        read(ROWS, VECTOR_5, limit=0)


def test_arrays_have_no_pixels() -> None:
    assert list(raw_images(read(ROWS, VECTOR_5).fit)) == []


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while samples are in use: a crash could not leave anything."""
    monkeypatch.setattr("dlpuconv.calibration.spool.IN_MEMORY", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    write_pictures(tmp_path / "images", 20)
    found = read(tmp_path / "images")
    assert len(list(found.fit)) == 16
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_full_temporary_folder_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os
    import tempfile

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", full)
    with raises_error("calibration-disk-full", "No space left on device"):
        read(ROWS, VECTOR_5)


def test_far_more_samples_than_are_ever_needed_are_thinned_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("open", "intake"):
        monkeypatch.setattr(f"dlpuconv.calibration.{module}.MOST", 100)
    found = read(ROWS, VECTOR_5)
    assert len(found.fit) + len(found.held_out) == 100
    assert found.warnings == ("100 of 120 samples were read, evenly spread; that is the most that is ever read",)


def test_samples_can_be_read_from_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr("dlpuconv.calibration.spool.IN_MEMORY", 100)
    found = read(ROWS, VECTOR_5).fit
    expected = np.concatenate([sample["x"] for sample in found])
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: np.concatenate([sample["x"] for sample in found]), range(12)):
            np.testing.assert_array_equal(got, expected)
