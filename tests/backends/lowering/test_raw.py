"""The lowering worker: what it may do, and what becomes of it when it fails."""

from __future__ import annotations

import sys
import textwrap
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from onnx import ModelProto, TensorProto, helper

from dlpuconv.errors import BackendError
from dlpuconv.ir.weights import Split
from dlpuconv.isolation import pool
from dlpuconv_backends.lowering import raw, warm_up
from dlpuconv_backends.lowering.culprits import UnableError
from dlpuconv_backends.lowering.raw import raw_lowering
from tests.backends.lowering.models import convolution
from tests.error_ids import raises_error
from tests.isolation.support import count_starts

NOTHING = Split(proto=ModelProto(), weights={})

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Script = Callable[[str], None]


@pytest.fixture(autouse=True)
def _none_is_left() -> Iterator[None]:
    """No worker of another test's environment is taken."""
    pool.end()
    yield
    pool.end()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What has been started so far."""
    return count_starts(monkeypatch)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Let the worker do something else with a model: a function's body, which has `facts` and `arrays`."""

    def use(body: str) -> None:
        file = tmp_path / "other_worker.py"
        head = "import os, sys, json, tempfile, threading\nimport numpy as np\n\ndef lower(facts, arrays):\n"
        file.write_text(head + textwrap.indent(textwrap.dedent(body), "    ") + "\n\nTASKS = {'lower': lower}\n")
        monkeypatch.setattr(raw, "WORKER", file)

    return use


def test_it_lowers_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = raw_lowering(convolution().split())
    assert made.content[4:8] == b"TFL3"
    assert (made.inputs, made.outputs) == (("x",), ("y",))
    assert set(made.nodes.values()) == {"the conv", "the relu"}
    (own,) = tmp_path.iterdir()
    assert own.name.startswith("dlpuconv-run-")
    pool.end()
    assert list(tmp_path.iterdir()) == []


def test_a_second_model_needs_no_second_start(starts: list[Any]) -> None:
    warm_up()
    first, second = (raw_lowering(convolution().split()) for _ in range(2))
    assert first == second
    assert len(starts) == 1


def test_an_operator_that_cannot_be_lowered_is_told_by_its_name(starts: list[Any]) -> None:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2]) for n in "xy"]
    node = helper.make_node("Frobnicate", ["x"], ["y"], "the culprit", domain="com.example")
    graph = helper.make_graph([node], "g", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with pytest.raises(UnableError) as caught:
        raw_lowering(Split(proto=model, weights={}))
    assert caught.value.nodes == {"the culprit"}
    assert raw_lowering(convolution().split()).outputs == ("y",)
    assert len(starts) == 1


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("raise RuntimeError('use -kat')", "onnx2tf cannot lower the model"),
        ("print('RuntimeError: use -kat', file=sys.stderr, flush=True); os.abort()",
         "the lowering worker was killed by SIGABRT"),
    ],
)  # fmt: skip
def test_another_tools_words_are_for_those_who_ask_for_them(script: Script, end: str, told: str) -> None:
    script(end)
    with raises_error("backend-tool-failed") as caught:
        raw_lowering(NOTHING)
    assert str(caught.value) == f"{told} (DLPUCONV_TRACEBACK=1 shows what it said)"
    assert "use -kat" in "".join(traceback.format_exception(caught.value))


def test_an_early_end_is_told(script: Script) -> None:
    script("os._exit(3)")
    with raises_error("backend-tool-failed", "exit status 3"):
        raw_lowering(NOTHING)


def test_one_that_takes_too_long_is_told_with_what_helps(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    script("threading.Event().wait()")
    monkeypatch.setenv(raw.TIME_LIMIT_VARIABLE, "0.5")
    with raises_error("backend-tool-failed", "0.5 s", "DLPUCONV_LOWERING_TIMEOUT"):
        raw_lowering(NOTHING)


def test_a_limit_that_is_no_number_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, starts: list[Any]
) -> None:
    for text in ("soon", "0", "-1", "nan"):
        monkeypatch.setenv(raw.TIME_LIMIT_VARIABLE, text)
        with raises_error("environment-value", f"DLPUCONV_LOWERING_TIMEOUT is '{text}'"):
            warm_up()
    assert not starts


def test_more_memory_than_it_may_take_is_told(script: Script) -> None:
    script("return {'length': len(bytearray(16 << 30))}, {}")
    with raises_error("backend-tool-failed", "4 GiB"):
        raw_lowering(NOTHING)


@pytest.mark.parametrize(
    "body",
    [
        "return {}, {}",
        "return {'inputs': 1, 'outputs': [], 'values': {}, 'moved': {}, 'nodes': {}}, {'file': np.zeros(9, np.uint8)}",
        "return {'inputs': [], 'outputs': [], 'values': {}, 'moved': {}, 'nodes': {}}, {'file': np.zeros(9, np.uint8)}",
        "os.write(int(sys.argv[1]), b'certainly' * 9); threading.Event().wait()",
    ],
)
def test_garbage_is_an_error(script: Script, body: str) -> None:
    script(body)
    with pytest.raises(BackendError, match=r"the lowering worker (left|has) "):
        raw_lowering(NOTHING)


@pytest.mark.parametrize("module", ["onnx2tf", "onnx2tf.tflite_builder.ir"])
def test_a_missing_library_names_the_extra(script: Script, module: str) -> None:
    script(f"raise ModuleNotFoundError('none', name={module!r})")
    with raises_error("library-missing", "onnx2tf", "dlpuconv[tflite]"):
        raw_lowering(NOTHING)


def test_an_interpreter_without_onnx2tf_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setenv(raw.INTERPRETER_VARIABLE, str(bare))
    with raises_error("library-missing", "dlpuconv[tflite]"):
        raw_lowering(convolution().split())


def test_an_interpreter_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(raw.INTERPRETER_VARIABLE, "/no/such/python")
    warm_up()
    with raises_error("backend-python-missing", "'/no/such/python'", "No such file", "DLPUCONV_LOWERING_PYTHON"):
        raw_lowering(NOTHING)


def test_no_place_for_its_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with raises_error("temporary-folder-unusable", "No such file", "TMPDIR"):
        raw_lowering(NOTHING)


def test_the_worker_has_no_network_and_starts_no_programs() -> None:
    from dlpuconv_backends.lowering import worker

    for event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"):
        with pytest.raises(PermissionError):
            worker.refuse_network_and_processes(event, ())
    worker.refuse_network_and_processes("open", ())


def test_its_folders_are_its_own(script: Script) -> None:
    script("raise RuntimeError(json.dumps([os.getcwd(), os.environ['HOME'], tempfile.gettempdir()]))")
    with raises_error("backend-tool-failed") as caught:
        raw_lowering(NOTHING)
    assert str(caught.value.__cause__).count("/worker-") == 3
