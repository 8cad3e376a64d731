"""SIGKILL before every single step of a delivery: each name stays whole, and the next run makes an end of it."""

from __future__ import annotations

import ctypes  # noqa: F401 - not to be imported while steps are counted
import hashlib
import json
import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from dlpuconv.delivery import Inputs, deliver, journal, recover, write_all
from dlpuconv.delivery.exchange import exchange as really_exchange
from dlpuconv.errors import ArtifactError
from dlpuconv.formats.unfinished import refuse_unfinished

STEPS = {
    "open",
    "os.chmod",
    "os.link",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "shutil.rmtree",
}
FILES = ("m.artpec8.json", "m.artpec8.tflite")
PACKAGE = ("m.cv25/calibration/0.bin", "m.cv25/manifest.json", "m.cv25/model.onnx")
OLD = {**dict.fromkeys((*FILES, *PACKAGE), b"old"), "m.cv25/only_old.txt": b"old"}
NEW = {**dict.fromkeys((*FILES, *PACKAGE), b"new"), "m.cv25/only_new.txt": b"new"}
TOPS = ("m.artpec8.json", "m.artpec8.tflite", "m.cv25")
WAYS = pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "journal"])


def content(folder: Path, top: str) -> dict[str, bytes]:
    """A file, or all of a folder, as it would be delivered."""
    place = folder / top
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def generation(folder: Path, top: str) -> str:
    """`old`, `new` or `missing`; anything else is an error."""
    found = content(folder, top)
    names = {"old": OLD, "new": NEW, "missing": {}}
    return next(
        word for word, files in names.items() if found == {n: d for n, d in files.items() if n.split("/")[0] == top}
    )


def is_refused(path: Path) -> bool:
    try:
        refuse_unfinished(path)
    except ArtifactError as error:
        return "run that conversion again to complete it" in str(error)
    return False


def killed(step: int, exchanges: bool, work: Callable[[], None]) -> bool:
    """Do the work in a child that is killed before its step of this number; False when it had fewer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of numpy's: the child needs none
        child = os.fork()
    if child == 0:
        done = 0

        def tick(*_: object) -> None:
            nonlocal done
            done += 1
            if done == step:
                os.kill(os.getpid(), signal.SIGKILL)

        def exchange(a: Path, b: Path) -> bool:
            tick()
            return exchanges and really_exchange(a, b)

        vars(journal)["exchange"] = exchange
        os.fsync = tick  # type: ignore[assignment]
        sys.addaudithook(lambda event, _: tick() if event in STEPS else None)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill loses nothing that the kernel has: only a loss of power does."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def deliver_again(out: Path) -> None:
    write_all(out, NEW, force=True)


@WAYS
def test_a_kill_at_any_step_leaves_every_name_whole_and_the_next_run_makes_an_end_of_it(
    tmp_path: Path, exchanges: bool
) -> None:
    mixtures = 0
    for step in count(1):
        out = tmp_path / str(step)
        write_all(out, OLD, force=False)
        was_killed = killed(step, exchanges, partial(deliver_again, out))
        found = [generation(out, top) for top in TOPS]
        assert "missing" not in (found if exchanges else found[:2]), step
        if len(set(found)) > 1:
            mixtures += 1
            assert all(is_refused(out / top) for top in TOPS), step
            assert is_refused(out / "m.cv25" / "model.onnx"), step
        recover(out)
        assert {generation(out, top) for top in TOPS} in ({"old"}, {"new"}), step
        assert sorted(os.listdir(out)) == sorted(TOPS), step
        assert not any(is_refused(out / top) for top in TOPS), step
        if not was_killed:
            break
    assert step > 40
    assert mixtures > 2


@WAYS
def test_a_kill_while_a_delivery_is_completed_is_made_good_by_the_next_run(tmp_path: Path, exchanges: bool) -> None:
    half_way = next(out for step in count(30) if is_half_way(out := tmp_path / f"before{step}", step, exchanges))
    for step in count(1):
        out = tmp_path / str(step)
        shutil.copytree(half_way, out)
        was_killed = killed(step, exchanges, partial(recover, out))
        assert "missing" not in [generation(out, top) for top in TOPS[:2]], step
        deliver_again(out)
        assert [generation(out, top) for top in TOPS] == ["new"] * 3, step
        assert sorted(os.listdir(out)) == sorted(TOPS), step
        if not was_killed:
            break
    assert step > 5


def is_half_way(out: Path, step: int, exchanges: bool) -> bool:
    """After a kill before this step: files are new, and the folder is not."""
    write_all(out, OLD, force=False)
    killed(step, exchanges, partial(deliver_again, out))
    return [generation(out, top) for top in TOPS][1:] in (["new", "old"], ["new", "missing"])


def test_a_first_delivery_that_was_killed_can_simply_be_run_again(tmp_path: Path) -> None:
    for step in count(1):
        out = tmp_path / str(step)
        was_killed = killed(step, True, partial(write_all, out, NEW, force=False))
        assert {generation(out, top) for top in TOPS} <= {"new", "missing"}, step
        recover(out)
        found = {generation(out, top) for top in TOPS}
        assert found in ({"new"}, {"missing"}), step
        if found == {"missing"}:
            write_all(out, NEW, force=False)
        assert sorted(os.listdir(out)) == sorted(TOPS), step
        if not was_killed:
            return


def test_a_file_that_the_new_conversion_has_no_more_goes_with_the_old_ones_or_stays_with_them(tmp_path: Path) -> None:
    for step in count(1):
        out = tmp_path / str(step)
        old = {"m.artpec8.tflite": b"old", "m.artpec8.recipe.toml": b"old"}
        write_all(out, {**old, "m.artpec8.json": listing("old", *old)}, force=False)
        new = {"m.artpec8.tflite": b"new", "m.artpec8.json": listing("new", "m.artpec8.tflite")}
        was_killed = killed(step, True, partial(deliver, out, new, force=True, inputs=Inputs()))
        recover(out)
        is_new = (out / "m.artpec8.tflite").read_bytes() == b"new"
        assert (out / "m.artpec8.recipe.toml").exists() is not is_new, step
        assert len(os.listdir(out)) == (2 if is_new else 3), step
        if not was_killed:
            assert is_new
            return


def listing(word: str, *names: str) -> bytes:
    """A manifest of files that hold one word."""
    digest = hashlib.sha256(word.encode()).hexdigest()
    entries = [{"name": name, "sha256": digest} for name in names]
    return json.dumps({"schema_version": 1, "dlpuconv": "0", "files": entries}).encode()
