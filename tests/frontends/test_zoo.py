"""The zoo: every network is read, and computes what its file computes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.isolation import Worker
from tests.frontends.support import read, run

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.isolation import Limits

NAMES = [
    "cifar_efficientnet", "cifar_mobilenetv2", "cifar_resnet20", "det_yolofastestv2", "det_yolov5n_axis",
    "face_retinaface_mnet025", "imagenet_mnv2_torch", "kws_dscnn_mlperf", "kws_kwt1", "lpr_lprnet",
    "seg_sinet_portrait", "sr_fsrcnn_x2", "text_ppocrv5_det", "vww_mobilenetv1_025",
]  # fmt: skip

pytestmark = pytest.mark.zoo


@pytest.mark.parametrize("name", NAMES)
def test_a_network_computes_what_its_file_computes(zoo: Path, name: str) -> None:
    path = zoo / name / "model.onnx"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    model = read(path)
    (entry,) = model.signature.inputs
    x = np.random.default_rng(0).standard_normal(entry.shape).astype(np.float32)
    for got, expected in zip(run(model, **{entry.name: x}), run(path.read_bytes(), **_feeds(path, x)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(expected).max())))
    assert model.source.sha256 == before == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_a_network_has_a_static_shape(zoo: Path, name: str) -> None:
    model = read(zoo / name / "model.onnx")
    assert all(
        value.shape is not None and value.shape.is_static() for node in model.graph.graph for value in node.outputs
    )
    assert len({node.name for node in model.graph.graph}) == len(list(model.graph.graph))


@pytest.mark.parametrize("name", NAMES)
def test_reading_a_network_checks_it_once_and_infers_its_shapes_twice_at_most(
    zoo: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a question to a process of its own; `scripts/bench.py` measures the seconds."""
    asked: list[str] = []
    ask = Worker.ask

    def counted(self: Worker, task: str, *rest: Any, **facts: Any) -> Any:
        asked.append(task)
        return ask(self, task, *rest, **facts)

    monkeypatch.setattr(Worker, "ask", counted)
    read(zoo / name / "model.onnx")
    assert asked in (["check_model", "infer_shapes"], ["check_model", "infer_shapes", "infer_shapes"])


@pytest.mark.zoo("imagenet_mnv2_torch")
def test_what_is_asked_about_a_network_of_fourteen_megabytes_is_a_quarter_of_one(
    zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought: list[int] = []
    ask = Worker.ask

    def weighed(self: Worker, task: str, limits: Limits, arrays: Any = None, **facts: Any) -> Any:
        brought.extend(array.nbytes for array in (arrays or {}).values())
        return ask(self, task, limits, arrays, **facts)

    monkeypatch.setattr(Worker, "ask", weighed)
    path = zoo / "imagenet_mnv2_torch" / "model.onnx"
    read(path)
    assert path.stat().st_size > 13_000_000
    assert sum(brought) < 300_000


def test_reading_a_network_loads_no_runtime(zoo: Path) -> None:
    code = (
        "import sys; from dlpuconv.frontends import load, SourceOptions; load(sys.argv[1], SourceOptions());"
        "print('onnxruntime' in sys.modules, 'sympy' in sys.modules)"
    )
    path = zoo / "cifar_mobilenetv2" / "model.onnx"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def _feeds(path: Path, x: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> dict[str, object]:
    """By the name of the file's own first input; old files list weights as further inputs, which have defaults."""
    import onnx

    graph = onnx.load(path).graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {v.name: weights.get(v.name, x) for v in graph.input}
