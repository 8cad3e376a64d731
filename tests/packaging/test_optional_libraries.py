"""The core works where only its own dependencies are installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

OPTIONAL = (
    "ai_edge_litert", "cv2", "faster_coco_eval", "keras", "onnx2tf", "onnxscript", "tensorflow", "tf_keras", "torch",
    "torchmetrics",
)  # fmt: skip
WITHOUT_THEM = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, where neither its process nor its workers have the optional libraries."""
    command = [sys.executable, "-c", "import sys; from dlpuconv.cli import main; sys.exit(main(sys.argv[1:]))"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(WITHOUT_THEM)
        path = os.pathsep.join([folder, *filter(None, sys.path)])
        return subprocess.run(
            [*command, *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )


@pytest.fixture
def model(repository: Path) -> Path:
    return repository / "tests" / "models" / "cifar_mobilenetv2.onnx"


def test_targets_are_listed() -> None:
    done = run("targets")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("artpec7", "artpec8", "artpec9", "cv25", "cv75"))


@pytest.mark.slow
def test_a_model_is_converted_for_cv25(model: Path, tmp_path: Path) -> None:
    done = run("convert", model, "--target", "cv25", "--output", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    (artifact,) = json.loads(done.stdout)["artifacts"]
    assert list(Path(artifact["path"]).rglob("*.onnx"))


@pytest.mark.slow
def test_a_model_is_checked_for_cv25_and_files_of_any_chip_are_shown(model: Path) -> None:
    done = run("check", model, "--target", "cv25")
    assert done.returncode == 0, done.stderr
    assert "cv25: can be converted and run" in done.stdout
    done = run("compare", model, model, "--data", "random")
    assert done.returncode == 0, done.stderr
    assert "exact" in done.stdout
    assert "synthetic samples" in done.stdout


@pytest.mark.slow
def test_a_tflite_target_says_which_extra_is_missing(model: Path, tmp_path: Path) -> None:
    done = run("convert", model, "--target", "artpec8", "--calibration", "random", "--output", tmp_path)
    assert done.returncode == 12
    assert "dlpuconv[tflite]" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_pytorch_file_says_which_extra_is_missing(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    program = torch.export.export(torch.nn.ReLU(), (torch.zeros(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "net.pt2")
    done = run("check", tmp_path / "net.pt2", "--target", "cv25")
    assert done.returncode == 12
    assert "dlpuconv[torch]" in done.stderr
    assert "Traceback" not in done.stderr
    torch.save({"weight": torch.zeros(1)}, tmp_path / "net.pth")
    done = run("check", tmp_path / "net.pth", "--model", "a:b", "--input-shape", "1,3,8,8", "--target", "cv25")
    assert done.returncode == 12
    assert "dlpuconv[torch]" in done.stderr
