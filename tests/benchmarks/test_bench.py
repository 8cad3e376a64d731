"""scripts/bench.py: it measures what it says, and its tables come with figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from scripts import bench
from scripts.benchmarks.large_models import NARROW, high_network, large_network, long_network
from scripts.benchmarks.process import measure, proportional
from scripts.benchmarks.shared import decibels

if TYPE_CHECKING:
    from pathlib import Path

_HOLDS = "import time; held = bytearray({megabytes} * 10**6); held[::4096] = b'x' * len(held[::4096]); time.sleep(3)"


def test_the_memory_of_a_command_is_that_of_all_its_processes(tmp_path: Path) -> None:
    inner = _HOLDS.format(megabytes=150)
    outer = f"import subprocess, sys; held = b'x' * (100 * 10**6); subprocess.run([sys.executable, '-c', {inner!r}])"
    done = measure([sys.executable, "-c", outer], tmp_path)
    assert done.status == 0
    assert 250 <= done.peak_mb < 350
    assert 1 <= done.wall_s < 30


def test_what_a_fork_has_from_its_parent_is_counted_once(tmp_path: Path) -> None:
    program = "import os, time; held = b'x' * (100 * 10**6); os.fork(); time.sleep(3)"
    assert 100 < measure([sys.executable, "-c", program], tmp_path).peak_mb < 180


def test_what_a_fork_takes_for_itself_is_counted(tmp_path: Path) -> None:
    program = f"import os\nif os.fork(): os.wait()\nelse:\n    {_HOLDS.format(megabytes=150)}"
    assert 150 < measure([sys.executable, "-c", program], tmp_path).peak_mb < 200


def test_a_command_that_fails_tells_its_last_words(tmp_path: Path) -> None:
    done = measure([sys.executable, "-c", "import sys; print('a'); sys.exit('too bad')"], tmp_path)
    assert (done.status, done.stdout, done.last_words) == (1, "a\n", "too bad")


def test_decibels_are_those_of_power() -> None:
    ten = np.full(4, 10.0)
    assert decibels(ten, ten) == 200
    assert decibels(ten, ten + 1) == pytest.approx(20)


COMMANDS = sorted(bench._COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_writes_its_figures_where_it_is_told(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = [str(tmp_path)] if command in ("exports", "outside") else []
    figures = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["bench.py", command, *folder, "--json", str(figures)])
    monkeypatch.setitem(bench._COMMANDS, command, lambda _: ({"found": 7}, []))
    assert bench.main() == 0
    assert json.loads(figures.read_text()) == {"command": command, "found": 7}


def test_the_help_lists_every_command() -> None:
    assert bench.__doc__ is not None
    assert sorted(re.findall(r"^    scripts/bench.py ([\w-]+)", bench.__doc__, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--draws", "0", "'0' is no number from 1 on"),
        ("--samples", "many", "'many' is no number from 1 on"),
        ("--efforts", "fast,blaanced", "'blaanced' is no effort; they are fast, balanced, best"),
    ],
)
def test_what_was_mistyped_is_told_before_anything_is_measured(
    option: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench.py", "accuracy", option, value])
    with pytest.raises(SystemExit):
        bench.main()
    assert says in capsys.readouterr().err


@pytest.mark.zoo
@pytest.mark.slow
def test_a_row_of_the_packages_is_written_as_json(repository: Path, tmp_path: Path) -> None:
    figures = tmp_path / "cv25.json"
    command = [sys.executable, str(repository / "scripts" / "bench.py"), "cv25"]
    command += ["--models", "vww*", "--samples", "10", "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())["models"]["vww_mobilenetv1_025"]
    assert (found["verdict"], found["again"], found["numbers"]) == ("pass", "pass", "uint8")
    assert found["sqnr_db"] >= 100


@pytest.mark.zoo
@pytest.mark.slow
def test_a_row_of_the_zoo_is_written_as_json(repository: Path, tmp_path: Path) -> None:
    figures = tmp_path / "zoo.json"
    command = [sys.executable, str(repository / "scripts" / "bench.py"), "zoo"]
    command += ["--models", "kws_dscnn*", "--samples", "30", "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())["models"]["kws_dscnn_mlperf"]
    assert found["float_db"] >= 90
    assert found["per-channel"]["artpec9"]["verdict"] == "pass"
    assert set(found["default"]) == {"seconds", "artpec8", "artpec9", "cv25"}
    assert found["default"]["cv25"]["sqnr_db"] >= 100


@pytest.mark.zoo
@pytest.mark.slow
def test_a_row_of_the_accuracy_is_written_as_json(repository: Path, tmp_path: Path) -> None:
    figures = tmp_path / "accuracy.json"
    command = [sys.executable, str(repository / "scripts" / "bench.py"), "accuracy", "--models", "kws_dscnn*"]
    command += ["--samples", "30", "--draws", "2", "--limit", "100", "--efforts", "fast", "--per-channel", ""]
    done = subprocess.run(
        [*command, "--no-rival", "--json", str(figures)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())["models"]["kws_dscnn_mlperf"]
    assert (found["evaluated"], found["calibrated"], found["disjoint"]) == (100, [30, 30], True)
    (column,) = found["columns"].values()
    assert len(column["by_draw"]) == len(column["sqnr_db_by_draw"]) == 2
    less = column["less_float"]
    assert less["mean"] == pytest.approx(column["metric"] - found["float"]["metric"], abs=2e-4)
    assert less["low"] <= less["mean"] <= less["high"]
    assert column["sqnr_db"] > 20


def test_what_processes_share_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "shared").write_bytes(b"1" * 60_000_000)
    (tmp_path / "reader.py").write_text(
        "import mmap, subprocess, sys, time\n"
        "file = open('shared', 'rb')\n"
        "mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
        "assert sum(memoryview(mapped)[::4096])\n"
        "others = [subprocess.Popen([sys.executable, *sys.argv[:1]]) for _ in sys.argv[1:]]\n"
        "time.sleep(2)\n"
    )
    command = [sys.executable, "reader.py", "another", "and another"]
    assert 60 < measure(command, tmp_path, memory=proportional).peak_mb < 180


def test_a_made_network_has_the_weights_and_nodes_that_were_asked_for() -> None:
    model = large_network(2, NARROW)
    assert sum(len(tensor.raw_data) for tensor in model.graph.initializer) == pytest.approx(2e6, rel=0.2)
    assert len(long_network(100).graph.node) == pytest.approx(100, abs=5)
    for made in (model, long_network(20), high_network(64)):
        onnx.checker.check_model(made, full_check=True)
