"""Programs that PyTorch's own quantization converted are read with their scales."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir.affine import INT8, Affine
from tests.frontends.quantized.support import with_scales
from tests.frontends.support import operators, run

if TYPE_CHECKING:
    from pathlib import Path

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
importlib.import_module("torch.ao.quantization.fx._decomposed")  # it registers the operators
OPS = torch.ops.quantized_decomposed
pytestmark = pytest.mark.slow


class Converted(torch.nn.Module):  # type: ignore[misc, name-defined]
    """What `convert_pt2e` writes: a convolution with scales along its outputs, stored or quantized on the fly."""

    def __init__(self, *, stored: bool) -> None:
        super().__init__()
        weights = torch.tensor([[1, -2, 3], [127, -127, 5]]).reshape(2, 3, 1, 1)
        self.register_buffer("scales", torch.tensor([0.5, 0.25]))
        self.register_buffer("zeros", torch.zeros(2, dtype=torch.int64))
        real = weights * self.scales.reshape(2, 1, 1, 1)
        self.register_buffer("weights", weights.to(torch.int8) if stored else real)
        self.stored = stored

    def forward(self, x: Any) -> Any:
        along = (self.scales, self.zeros, 0, -127, 127, torch.int8)
        codes = self.weights if self.stored else OPS.quantize_per_channel(self.weights, *along)
        tensor = (0.1, 3, -128, 127, torch.int8)
        real = OPS.dequantize_per_tensor(OPS.quantize_per_tensor(x, *tensor), *tensor)
        return torch.nn.functional.conv2d(real, OPS.dequantize_per_channel(codes, *along))


@pytest.mark.parametrize("stored", [True, False])
def test_scales_along_an_axis_are_read(*, stored: bool) -> None:
    module, x = Converted(stored=stored).eval(), torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    model = load(module, SourceOptions(), example_inputs=(x,))
    assert operators(model) == ["Conv"]
    (held,) = model.scales.weights.values()
    assert (held.affine, held.codes) == (Affine.along(0, [0.5, 0.25]), INT8)
    (name,) = (value.name for value in model.signature.inputs)
    assert model.scales.activations[name].affine == Affine.of(0.1, 3)
    (found,) = run(with_scales(model), **{name: x.numpy()})
    np.testing.assert_allclose(found, module(x).numpy(), rtol=1e-5, atol=1e-5)


def test_a_saved_program_of_such_operators_is_read_with_its_scales(tmp_path: Path) -> None:
    file = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(Converted(stored=True).eval(), (torch.randn(1, 3, 4, 4),)), file)
    (held,) = load(file, SourceOptions()).scales.weights.values()
    assert (held.affine, held.codes) == (Affine.along(0, [0.5, 0.25]), INT8)
