"""The fuzzer: what it finds, that it finds it again, and that it finds nothing now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from scripts.fuzzing import log
from scripts.fuzzing.log import Log
from scripts.fuzzing.outcome import Kind, Outcome
from scripts.fuzzing.readers import READERS

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 6000


def call(repository: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: this one has threads, and could not be forked."""
    roots = os.pathsep.join(str(repository / root) for root in (".", "backends", "targets"))
    settings = {**os.environ, "PYTHONPATH": roots, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=repository, env=settings, check=False, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.long
def test_six_thousand_damaged_inputs_end_in_a_result_or_in_one_sentence(repository: Path, tmp_path: Path) -> None:
    done = call(
        repository, "scripts/fuzz", "--count", str(COUNT), "--seed", "11", "--json", TMPDIR=str(tmp_path),
        DLPUCONV_CACHE=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert {run["reader"] for run in runs} == set(READERS)
    assert abs(sum(run["done"] for run in runs) - COUNT) < len(READERS)
    assert [run["findings"] for run in runs] == [[]] * len(runs)
    assert all(run["outcomes"].get("ok") for run in runs), "no damaged file of some reader could be read at all"


@pytest.mark.slow
def test_each_thing_that_no_reader_may_do_is_a_finding_and_the_next_case_is_read(repository: Path) -> None:
    done = call(repository, "-m", "tests.fuzz.unruly")
    assert done.returncode == 0, done.stderr
    found = [(entry["number"], entry["kind"], entry["error"], entry["where"]) for entry in json.loads(done.stdout)]
    lines = (repository / "tests/fuzz/unruly.py").read_text().splitlines()

    def at(text: str) -> str:
        return f"unruly.py:{next(number for number, line in enumerate(lines, 1) if text in line)}"

    assert found == [
        (0, "ok", "", ""),
        (1, "refused", "ModelError", ""),
        (2, "internal", "LookupError", at("raise LookupError")),
        (3, "signal", "SIGSEGV", at("os.kill(")),
        (4, "internal", "KeyError", ""),
        (5, "time", "SIGPROF", at("sum(iter")),
        (6, "internal", "FileNotFoundError", at("raise FileNotFoundError")),
        (7, "memory", "", ""),
        (8, "speechless", "ModelError", ""),
        (9, "ok", "", ""),
    ]


@pytest.mark.slow
def test_a_case_is_the_same_wherever_it_is_made(repository: Path) -> None:
    first, second = (call(repository, "-m", "tests.fuzz.digests", PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert (first.returncode, first.stdout) == (0, second.stdout)
    assert len(set(first.stdout.split()[1::2])) == len(READERS)


def test_a_single_case_is_read_again_and_kept(repository: Path, tmp_path: Path) -> None:
    done = call(repository, "scripts/fuzz", "--reader", "recipe", "--seed", "5", "--only", "2", "--keep", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "recipe-5-2") in done.stdout
    assert (tmp_path / "recipe-5-2" / "m.recipe.toml").is_file()


def outcome(number: int, kind: Kind = Kind.OK, **more: Any) -> Outcome:
    return Outcome(number=number, kind=kind, **more)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    begun = Log(path).run("recipe", 1, 10)
    begun.add(outcome(0))
    begun.add(outcome(1, Kind.REFUSED, error="UsageError"))
    Log(path).save(begun)
    run = Log(path).run("recipe", 1, 10)
    assert (run.done, run.outcomes, run.refusals) == (2, {"ok": 1, "refused": 1}, {"UsageError": 1})


def test_what_another_version_did_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.json"
    begun = Log(path).run("recipe", 1, 10)
    begun.add(outcome(0))
    Log(path).save(begun)
    monkeypatch.setattr(log, "versions_used", lambda: {"dlpuconv": "another"})
    assert Log(path).run("recipe", 1, 10).done == 0


def test_failures_in_one_place_are_one_finding_with_its_smallest_case(tmp_path: Path) -> None:
    run = Log(tmp_path / "log.json").run("recipe", 1, 10)
    for number, size in enumerate((30, 10, 20)):
        run.add(outcome(number, Kind.INTERNAL, error="KeyError", where="a.py:1", size=size))
    run.add(outcome(3, Kind.INTERNAL, error="KeyError", where="a.py:2", size=5))
    assert [(f.where, f.count, f.smallest, f.size) for f in run.findings] == [("a.py:1", 3, 1, 10), ("a.py:2", 1, 3, 5)]


def test_readers_that_are_tried_at_the_same_time_write_one_log(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    words = ("--reader", "recipe", "--reader", "arrays", "--count", "50", "--jobs", "2", "--log", str(path))
    assert call(repository, "scripts/fuzz", *words).returncode == 0
    assert [(run.reader, run.done) for run in Log(path).runs()] == [("arrays", 39), ("recipe", 11)]
