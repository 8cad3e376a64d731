"""The zoo: every network is read, and computes what its file computes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.frontends.support import read, run

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.zoo("imagenet_mnv2_torch")
def test_reading_a_network_takes_half_a_second_at_most_and_no_runtime(zoo: Path) -> None:
    code = (
        "import sys, time; from dlpuconv.frontends import load, SourceOptions; import dlpuconv.frontends.steps;"
        "t = time.process_time(); load(sys.argv[1], SourceOptions()); print(time.process_time() - t);"
        "print('onnxruntime' in sys.modules, 'sympy' in sys.modules)"
    )
    path = zoo / "imagenet_mnv2_torch" / "model.onnx"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    seconds, modules = done.stdout.splitlines()
    assert float(seconds) < 0.5
    assert modules == "False False"


def _feeds(path: Path, x: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> dict[str, object]:
    """By the name of the file's own first input; old files list weights as further inputs, which have defaults."""
    import onnx

    graph = onnx.load(path).graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {v.name: weights.get(v.name, x) for v in graph.input}
