"""Pipes and devices in place of files: refused in one sentence, by every command, without waiting for a writer."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest

from tests.e2e.support import IMAGES, MODEL, Sandbox
from tests.e2e.test_bad_input import edited, external

CONVERT = ("convert", str(MODEL), "-t", "artpec8", "--output", "out")
SAYS = "it is a pipe, and only regular files are read"


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A folder with a pipe under every name that a command may be given."""
    made = Sandbox(tmp_path)
    made.environment()
    for name in ("m.onnx", "m.pt2", "m.tflite", "m", "d.npz", "d.npy", "r.toml", "page.html", "metric.py", "w.bin"):
        os.mkfifo(tmp_path / "cwd" / name)
    return made


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("check", "m.onnx", "-t", "cv25"), 3, SAYS),
        (("check", "m.pt2", "-t", "cv25"), 3, SAYS),
        (("check", "m", "-t", "cv25"), 3, SAYS),
        (("inspect", "m.onnx"), 11, SAYS),
        (("inspect", "m.tflite"), 11, SAYS),
        (("verify", "m", "-t", "artpec8"), 11, SAYS),
        (("compare", "m.tflite", "m.tflite"), 11, SAYS),
        (("verify", str(MODEL), "-t", "cv25", "--reference", "m.onnx", "--data", str(IMAGES)), 3, SAYS),
        ((*CONVERT, "--calibration", "d.npz"), 6, SAYS),
        ((*CONVERT, "--calibration", "d.npy"), 6, SAYS),
        ((*CONVERT, "--calibration", "random", "--recipe", "r.toml"), 2, SAYS),
        ((*CONVERT, "--calibration", "random", "--report", "page.html"), 9, SAYS),
        ((*CONVERT, "--calibration", "random", "--metric", "metric:f"), 2, "there is no module 'metric'"),
        (("check", "/dev/null", "-t", "cv25"), 3, "it is a device"),
        (("inspect", "/dev/zero"), 11, "it is a device"),
        (("check", "/dev/stdin", "-t", "cv25"), 3, "it is a stream"),
    ],
)
def test_a_pipe_or_a_device_is_refused_in_one_sentence(
    sandbox: Sandbox, arguments: tuple[str, ...], status: int, says: str
) -> None:
    done = sandbox.run(*arguments)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert (done.returncode, len(errors)) == (status, 1)
    assert "Traceback" not in done.stderr
    assert says in errors[0]
    assert not (sandbox.root / "cwd" / "out").exists()


def test_weights_in_a_pipe_are_refused(sandbox: Sandbox) -> None:
    (sandbox.root / "cwd" / "weights.onnx").write_bytes(edited(external("w.bin")))
    done = sandbox.run("check", "weights.onnx", "-t", "cv25")
    assert done.returncode == 3
    told = "error: the model keeps weights in 'w.bin', which is not a regular file [weights-file-unreadable]"
    assert done.stderr.splitlines()[-1] == told


def test_an_image_that_is_a_pipe_is_skipped_as_one_that_cannot_be_read(sandbox: Sandbox) -> None:
    folder = sandbox.root / "images"
    folder.mkdir()
    for image in list(IMAGES.iterdir())[:12]:
        (folder / image.name).symlink_to(image)
    os.mkfifo(folder / "pipe.png")
    done = sandbox.run("check", str(MODEL), "-t", "artpec8", "--calibration", str(folder))
    assert done.returncode == 0
    assert "1 of 13 images cannot be read and were skipped: pipe.png (not a regular file)" in done.stderr


def test_a_pipe_is_no_manifest_and_is_not_waited_for(sandbox: Sandbox) -> None:
    (sandbox.root / "cwd" / "given.onnx").write_bytes(onnx.load(MODEL).SerializeToString())
    os.mkfifo(sandbox.root / "cwd" / "given.json")
    done = sandbox.run("verify", "given.onnx", "-t", "cv25")
    assert done.returncode in (0, 1)
    assert "given.onnx" in done.stdout
