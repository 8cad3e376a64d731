"""The worker: what it may do, and what becomes of it when it fails."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto, helper

from dlpuconv.errors import BackendError, MissingDependencyError, OutputError
from dlpuconv_backends.lowering import LoweringWorker, process
from tests.backends.lowering.models import convolution

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


type Script = Callable[[str], None]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Let the worker be another script; its file descriptor for answers is `answers`."""

    def use(body: str) -> None:
        file = tmp_path / "other_worker.py"
        head = "import os, sys, time, json\nanswers = os.fdopen(int(sys.argv[1]), 'w', buffering=1)\n"
        file.write_text(head + textwrap.dedent(body))
        monkeypatch.setattr(process, "WORKER", file)

    return use


def test_it_lowers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with LoweringWorker.start() as worker:
        raw = worker.lower(convolution().to_bytes(), tmp_path)
        home, pid = worker._home, worker._process.pid
        assert home.is_dir()
    assert raw.content[4:8] == b"TFL3"
    assert (raw.inputs, raw.outputs) == (("x",), ("y",))
    assert set(raw.nodes.values()) == {"the conv", "the relu"}
    assert not home.exists()
    assert not alive(pid)
    assert list(tmp_path.iterdir()) == []


def test_starting_it_takes_no_time() -> None:
    began = time.perf_counter()
    with LoweringWorker.start():
        assert time.perf_counter() - began < 0.5


def test_an_operator_that_cannot_be_lowered_is_one_sentence_with_its_name(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2]) for n in "xy"]
    node = helper.make_node("Frobnicate", ["x"], ["y"], "the culprit", domain="com.example")
    graph = helper.make_graph([node], "g", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    content = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    with LoweringWorker.start() as worker:
        with pytest.raises(BackendError, match="Frobnicate 'the culprit'") as caught:
            worker.lower(content, tmp_path)
        assert "\n" not in str(caught.value)
        assert worker.lower(convolution().to_bytes(), tmp_path).outputs == ("y",)


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    with LoweringWorker.start() as worker, pytest.raises(BackendError, match="cannot lower"):
        worker.lower(b"this is not ONNX", tmp_path)


def test_a_crash_is_told_with_the_last_line_of_its_log(script: Script, tmp_path: Path) -> None:
    script("""
        sys.stdin.readline()
        print("RuntimeError: out of cheese", file=sys.stderr, flush=True)
        os.abort()
    """)
    with LoweringWorker.start() as worker, pytest.raises(BackendError, match=r"SIGABRT.*out of cheese"):
        worker.lower(b"", tmp_path)


def test_an_early_end_is_told(script: Script, tmp_path: Path) -> None:
    script("sys.exit(3)")
    with LoweringWorker.start() as worker, pytest.raises(BackendError, match="exit status 3"):
        worker.lower(b"", tmp_path)


def test_a_worker_that_hangs_is_killed_with_its_children(script: Script, tmp_path: Path) -> None:
    script("""
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open("child", "w").write(str(child.pid))
        time.sleep(60)
    """)
    with LoweringWorker.start(timeout_s=1.5) as worker:
        note = worker._home / "child"
        while not note.is_file() or not note.read_text():
            time.sleep(0.01)
        child = int(note.read_text())
        with pytest.raises(BackendError, match=r"within 1\.5 s"):
            worker.lower(b"", tmp_path)
        deadline = time.monotonic() + 5
        while alive(child) and _state(child) != "Z" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not alive(child) or _state(child) == "Z"
        assert not worker._home.exists()


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a pseudo file
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    "body",
    [
        "sys.stdin.readline(); print('certainly', file=answers)",
        "sys.stdin.readline(); print('[1]', file=answers)",
        "sys.stdin.readline(); print('{\"done\": true}', file=answers); time.sleep(60)",
        """
        job = json.loads(sys.stdin.readline())
        open(job["destination"], "wb").write(b"garbage that is no TFLite")
        open(job["names"], "w").write("{}")
        print('{"done": true}', file=answers)
        time.sleep(60)
        """,
    ],
)
def test_garbage_is_an_error_and_leaves_no_file(script: Script, body: str, tmp_path: Path) -> None:
    script(body)
    work = tmp_path / "work"
    work.mkdir()
    with LoweringWorker.start(timeout_s=10) as worker, pytest.raises(BackendError, match="lowering worker"):
        worker.lower(b"", work)
    assert list(work.iterdir()) == []


def test_a_missing_library_names_the_extra(script: Script, tmp_path: Path) -> None:
    script('print(\'{"missing": "onnx2tf", "error": "No module"}\', file=answers)')
    with LoweringWorker.start() as worker, pytest.raises(MissingDependencyError, match=r"onnx2tf.*dlpuconv\[tflite\]"):
        worker.lower(b"", tmp_path)


def test_an_interpreter_without_onnx2tf_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setenv(process.INTERPRETER_VARIABLE, str(bare))
    with LoweringWorker.start() as worker, pytest.raises(MissingDependencyError, match="onnx2tf"):
        worker.lower(convolution().to_bytes(), tmp_path)


def test_an_interpreter_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(process.INTERPRETER_VARIABLE, "/no/such/python")
    with pytest.raises(BackendError, match="/no/such/python"):
        LoweringWorker.start()


def test_the_worker_has_no_network_and_starts_no_programs() -> None:
    from dlpuconv_backends.lowering import worker

    for event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"):
        with pytest.raises(PermissionError):
            worker.refuse_network_and_processes(event, ())
    worker.refuse_network_and_processes("open", ())


def test_its_folders_are_its_own(script: Script, tmp_path: Path) -> None:
    script("""
        sys.stdin.readline()
        import tempfile
        seen = {"cwd": os.getcwd(), "home": os.environ["HOME"], "tmp": tempfile.gettempdir()}
        print(json.dumps({"error": json.dumps(seen)}), file=answers)
        time.sleep(60)
    """)
    with LoweringWorker.start() as worker:
        with pytest.raises(BackendError) as caught:
            worker.lower(b"", tmp_path)
        assert str(caught.value).count(str(worker._home)) == 3


def test_it_goes_when_its_parent_is_gone(tmp_path: Path) -> None:
    with LoweringWorker.start() as worker:
        worker.lower(convolution().to_bytes(), tmp_path)
        assert worker._process.stdin is not None
        worker._process.stdin.close()
        assert worker._process.wait(10) == 0
        assert not worker._home.exists()


def test_a_closed_worker_refuses_work_and_may_be_closed_again(tmp_path: Path) -> None:
    worker = LoweringWorker.start()
    worker.close()
    worker.close()
    with pytest.raises(BackendError, match="closed"):
        worker.lower(b"", tmp_path)


def test_a_workspace_that_cannot_be_written_is_one_sentence(script: Script, tmp_path: Path) -> None:
    script("time.sleep(60)")
    with LoweringWorker.start() as worker, pytest.raises(OutputError, match="lowering worker cannot be written to"):
        worker.lower(b"", tmp_path / "gone")


def test_no_place_for_the_worker_s_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match=r"folder of the lowering worker .*No such file.*TMPDIR"):
        LoweringWorker.start()
