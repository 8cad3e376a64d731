from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dlpuconv.calibration import StatisticsCache, default_cache_folder

ARRAYS: dict[str, npt.NDArray[np.generic]] = {
    "minima": np.array([1, 2], np.float32),
    "counts/0": np.arange(3),
    "key": np.array([9], np.uint8),
}


def entry(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_is_put_comes_back(tmp_path: Path) -> None:
    cache = StatisticsCache(tmp_path / "new" / "folder")
    cache.put("model+samples", ARRAYS)
    found = StatisticsCache(tmp_path / "new" / "folder").get("model+samples")
    assert found is not None
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_an_unknown_key_and_a_missing_folder_hold_nothing(tmp_path: Path) -> None:
    assert StatisticsCache(tmp_path / "none").get("a") is None
    StatisticsCache(tmp_path).put("a", ARRAYS)
    assert StatisticsCache(tmp_path).get("b") is None


def test_no_folder_is_no_cache() -> None:
    cache = StatisticsCache(None)
    cache.put("a", ARRAYS)
    assert cache.get("a") is None


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "text"])
def test_a_damaged_entry_counts_as_absent_and_is_replaced(tmp_path: Path, damage: str) -> None:
    cache = StatisticsCache(tmp_path)
    cache.put("a", ARRAYS)
    content = bytearray(entry(tmp_path).read_bytes())
    content[content.index(ARRAYS["minima"].tobytes())] ^= 1
    damaged = {"empty": b"", "truncated": bytes(content[:100]), "flipped": bytes(content), "text": b"hello"}[damage]
    entry(tmp_path).write_bytes(damaged)
    assert cache.get("a") is None
    cache.put("a", ARRAYS)
    assert cache.get("a") is not None


def test_an_entry_under_another_keys_name_is_not_believed(tmp_path: Path) -> None:
    cache = StatisticsCache(tmp_path)
    cache.put("a", ARRAYS)
    first = entry(tmp_path)
    cache.put("b", {})
    (second,) = set(tmp_path.iterdir()) - {first}
    first.replace(second)
    assert cache.get("b") is None


def test_the_entry_that_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    one: dict[str, npt.NDArray[np.generic]] = {"data": np.zeros(1000, np.uint8)}
    cache = StatisticsCache(tmp_path, most_bytes=4000)
    for age, key in ((300, "old"), (200, "middle")):
        cache.put(key, one)
        for path in tmp_path.iterdir():
            stamp = path.stat().st_mtime
            os.utime(path, (stamp - age, stamp - age))
    assert cache.get("old") is not None  # used again: now it is the youngest
    cache.put("new", one)
    cache.put("newer", one)
    assert cache.get("middle") is None
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4000


def test_no_temporary_file_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = StatisticsCache(tmp_path)
    cache.put("a", ARRAYS)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.put("b", ARRAYS)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = StatisticsCache(tmp_path / "file")
    cache.put("a", ARRAYS)
    assert cache.get("a") is None


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Python objects"):
        StatisticsCache(tmp_path).put("a", {"x": np.array([None])})
    assert not list(tmp_path.iterdir())


def test_the_folder_is_the_users_cache_unless_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLPUCONV_CACHE", "/somewhere/else")
    assert default_cache_folder() == Path("/somewhere/else")
    monkeypatch.delenv("DLPUCONV_CACHE")
    assert default_cache_folder().name == "dlpuconv"
