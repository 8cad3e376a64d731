"""A real network that one scale a layer ruins, with the recipe and two epochs without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dlpuconv
from dlpuconv import qat
from tests.whole_zoo import task

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

if TYPE_CHECKING:
    from pathlib import Path

_PICTURES = 600
"""Of the evaluation data: the network is right on 0.8 of them."""
_NOISE = 0.01
"""What so few pictures may tell by chance, where half a point is meant."""


@pytest.mark.slow
@pytest.mark.zoo
def test_a_network_that_one_scale_a_layer_ruins_is_as_good_as_in_floats(zoo: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network: Any = task(zoo, "cifar_mobilenetv2")
    samples = np.asarray(network.load_calib(200), np.float32)
    module = qat.from_onnx(zoo / "cifar_mobilenetv2" / "model.onnx")
    prepared = qat.prepare(
        module, target="artpec8", example_inputs=torch.from_numpy(samples[:1]), calibration=samples, start="fast"
    )
    qat.distil(prepared, module, samples, epochs=2)
    dlpuconv.convert(prepared, target="artpec8", calibration=samples).save(tmp_path)
    file = dlpuconv.load(next(tmp_path.glob("*.tflite")))
    pictures, labels = network.load_eval()
    pictures = np.asarray(pictures[:_PICTURES], np.float32)

    def right(answers: Any) -> float:
        return float(np.mean(np.asarray(answers).argmax(1) == labels[:_PICTURES]))

    with torch.no_grad():
        in_floats, trained = (right(each.eval()(torch.from_numpy(pictures))) for each in (module, prepared))
    on_the_chip = right(np.concatenate([next(iter(file(picture[None]).values())) for picture in pictures]))
    assert trained > in_floats - 0.005 - _NOISE
    assert abs(on_the_chip - trained) <= 0.005
