"""What is opened by a name that others gave: regular files, and nothing that waits or acts."""

from __future__ import annotations

import ast
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlpuconv.files.regular import NotRegularError, check_regular, open_regular, read_regular
from tests.descriptors import open_descriptors

ROOT = Path(__file__).parents[2]
OPENING = frozenset(
    [
        "open",
        "fdopen",
        "read_bytes",
        "read_text",
        "fromfile",
        "memmap",
        "mmap",
        "ZipFile",
        "InferenceSession",
        "Interpreter",
        "load_to_model",
    ]
)
"""Names of what opens a file, or may: the last part of a call."""
LOADING = frozenset(
    f"{library}.load" for library in ["json", "np", "numpy", "onnx", "onnx_ir", "tomllib", "torch", "torch.export"]
)
OURS = "a file of our own"
JUDGED = "opened by a library, after open_regular or check_regular took it"
HANDED = "what it is given is a stream, or content, no path"
ALLOWED = {
    ("dlpuconv/files/regular.py", "open"): "the one place",
    ("dlpuconv/files/regular.py", "fdopen"): "the one place",
    ("dlpuconv/calibration/npz.py", "ZipFile"): HANDED,
    ("dlpuconv/calibration/npz.py", "open"): "a member of an archive that is open",
    ("dlpuconv/cli/streams.py", "open"): "of the kernel",
    ("dlpuconv/calibration/decode.py", "open"): HANDED,
    ("dlpuconv/files/content.py", "open"): OURS,
    ("dlpuconv/files/content.py", "read_bytes"): OURS,
    ("dlpuconv/delivery/journal.py", "open"): OURS,
    ("dlpuconv/delivery/readme.py", "read_text"): OURS,
    ("dlpuconv/delivery/writer.py", "open"): OURS,
    ("dlpuconv/error_catalog/__init__.py", "read_text"): OURS,
    ("dlpuconv/frontends/external_data.py", "load_to_model"): JUDGED,
    ("dlpuconv/frontends/pytorch/archive.py", "ZipFile"): HANDED,
    ("dlpuconv/frontends/pytorch/checkpoint_file.py", "ZipFile"): HANDED,
    ("dlpuconv/frontends/pytorch/checkpoint_worker.py", "load"): HANDED,
    ("dlpuconv/frontends/pytorch/program_file.py", "ZipFile"): HANDED,
    ("dlpuconv/frontends/pytorch/worker.py", "load"): HANDED,
    ("dlpuconv/frontends/tensorflow/keras_archive.py", "ZipFile"): HANDED,
    ("dlpuconv/frontends/tensorflow/keras_archive.py", "open"): "a member of an archive that is open",
    ("dlpuconv/frontends/tensorflow/keras_file.py", "ZipFile"): HANDED,
    ("dlpuconv/frontends/tensorflow/worker/tasks.py", "ZipFile"): OURS,
    ("dlpuconv/frontends/tensorflow/worker/tasks.py", "read_bytes"): OURS,
    ("dlpuconv/ir/weight_file.py", "open"): OURS,
    ("dlpuconv/isolation/serve.py", "read_text"): "of the kernel",
    ("dlpuconv/isolation/tasks/litert.py", "Interpreter"): JUDGED,
    ("dlpuconv/isolation/tasks/onnx_models.py", "InferenceSession"): JUDGED,
    ("dlpuconv/isolation/tasks/processor.py", "read_text"): "of the kernel",
    ("dlpuconv/isolation/messages.py", "mmap"): "what a worker sent, which is looked at first",
    ("dlpuconv/isolation/messages.py", "open"): HANDED,
    ("dlpuconv/batches/attempt.py", "open"): OURS,
    ("dlpuconv/batches/inputs.py", "open"): HANDED,
    ("dlpuconv/batches/tree.py", "read_text"): "of the kernel",
    ("dlpuconv/batches/store/folder_shelf.py", "open"): "to be locked, not to be read",
    ("dlpuconv/files/unfinished.py", "open"): "made anew",
    ("dlpuconv/files/unfinished.py", "fdopen"): "made anew",
    ("dlpuconv/files/locks.py", "open"): "to be locked, not to be read",
    ("dlpuconv/registry/entries.py", "read_text"): "of an installed distribution",
    ("dlpuconv/reporting/render.py", "read_text"): OURS,
    ("dlpuconv/templates/__init__.py", "read_text"): OURS,
    ("dlpuconv/testing/trial.py", "read_bytes"): OURS,
    ("backends/dlpuconv_backends/flatbuffer/scratch.py", "mmap"): OURS,
    ("backends/dlpuconv_backends/lowering/kept.py", "read_bytes"): OURS,
    ("backends/dlpuconv_backends/onnx_float/package/compare.py", "read_bytes"): "runs by itself, beside the package",
    ("backends/dlpuconv_backends/onnx_float/package/compare.py", "read_text"): "runs by itself, beside the package",
    ("backends/dlpuconv_backends/onnx_float/package/reference.py", "read_bytes"): OURS,
    ("backends/dlpuconv_backends/savedmodel/worker.py", "Interpreter"): HANDED,
    ("targets/dlpuconv_targets/cv25/package.py", "read_text"): OURS,
}


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def listening(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (pipe, "a pipe"),
        (listening, "a socket"),
        (folder, "a folder"),
        (lambda _: Path("/dev/null"), "a device"),
        (lambda _: Path("/dev/stdin"), "a stream"),
        (lambda _: Path("/dev/fd/0"), "a stream"),
        (lambda _: Path("/proc/self/fd/0"), "a stream"),
    ],
)
def test_what_is_no_regular_file_is_refused_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with pytest.raises(NotRegularError) as caught:
        open_regular(make(Path("x")))
    assert caught.value.strerror == f"it is {kind}, and only regular files are read"


def test_a_link_to_a_regular_file_is_followed_and_one_to_a_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    pipe(tmp_path / "pipe")
    for name in ("file", "pipe"):
        (tmp_path / f"to {name}").symlink_to(tmp_path / name)
    assert read_regular(tmp_path / "to file") == b"content"
    with pytest.raises(NotRegularError):
        check_regular(tmp_path / "to pipe")


def test_a_pipe_that_takes_the_files_place_is_neither_waited_for_nor_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a regular file had been there at the first look."""
    path, file = pipe(tmp_path / "x"), tmp_path / "file"
    file.write_bytes(b"")
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda _: real(file))
    before = open_descriptors()
    with pytest.raises(NotRegularError):
        open_regular(path)
    assert open_descriptors() == before


def test_a_path_that_is_none_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="null"):
        open_regular(Path("a\0b"))


def opened() -> Iterator[tuple[str, str]]:
    """Every call in the shipped code that opens a file, or may, by the file it is in."""
    for root in ("dlpuconv", "backends", "targets"):
        for path in (ROOT / root).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    name = ast.unparse(node.func)
                    if name in LOADING or name.rpartition(".")[2] in OPENING:
                        yield path.relative_to(ROOT).as_posix(), name.rpartition(".")[2]


def test_nothing_else_opens_files_that_others_name() -> None:
    """Whoever comes to this test: open it with `dlpuconv.files.regular`, or write down why it need not be."""
    assert set(opened()) == set(ALLOWED)
