"""Weights in a private file are what they were, and memory holds them only while they are read."""

import gc
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlpuconv.ir.weight_file import keep, rest
from dlpuconv.isolation.messages import file_of
from tests.descriptors import open_descriptors
from tests.error_ids import raises_error


def _resident(values: np.ndarray[Any, np.dtype[Any]]) -> int:
    """Bytes of the mapping that an array is in that are in memory."""
    address = values.ctypes.data
    lines = iter(Path("/proc/self/smaps").read_text("ascii").splitlines())
    for line in lines:
        first, _, rest_of_line = line.partition(" ")
        low, _, high = first.partition("-")
        if high and int(low, 16) <= address < int(high, 16) and rest_of_line:
            return 1024 * next(int(entry.split()[1]) for entry in lines if entry.startswith("Rss:"))
    raise AssertionError("the array is nowhere")


def test_arrays_of_all_kinds_come_back() -> None:
    given: dict[str, np.ndarray[Any, np.dtype[Any]]] = {
        "floats": np.arange(6, dtype=np.float32).reshape(2, 3),
        "turned": np.arange(6, dtype=np.int8).reshape(2, 3).T,
        "none": np.zeros((0, 4), np.int64),
        "one": np.array(7.0),
    }
    found = keep(given.items())
    for name, values in given.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_every_array_starts_where_vector_instructions_like_it() -> None:
    found = keep((str(n), np.ones(n, np.uint8)) for n in range(1, 5))
    assert [values.ctypes.data % 64 for values in found.values()] == [0] * 4


def test_nothing_is_kept_of_no_arrays() -> None:
    assert keep(()) == {}


def test_arrays_know_where_they_are() -> None:
    here = np.ones(3)
    there = keep([("a", here)])["a"]
    assert file_of(there) is not None
    assert file_of(there[1:].reshape(2, 1)) is not None
    assert file_of(here) is None
    assert file_of(there + 1) is None


def test_kept_arrays_at_rest_take_no_memory_and_lose_nothing() -> None:
    values = keep([("a", np.ones(1 << 20, np.float32))])["a"]
    assert values.sum() == 1 << 20
    assert _resident(values) >= values.nbytes
    rest()
    assert _resident(values) == 0
    assert values.sum() == 1 << 20


def test_the_file_goes_with_its_last_array() -> None:
    gc.collect()
    before = open_descriptors()
    values = keep([("a", np.ones(3)), ("b", np.ones(3))])["b"][1:]
    assert open_descriptors() > before
    del values
    gc.collect()
    assert open_descriptors() == before


def test_a_full_disk_is_told_of_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with raises_error("temporary-folder-unusable", "No space left on device", "TMPDIR"):
        keep([("a", np.ones(3))])
