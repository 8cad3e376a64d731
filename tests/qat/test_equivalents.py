"""A module keeps its function under a recipe, whatever its layers share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlpuconv import qat
from dlpuconv.quantization import Recipe
from dlpuconv.scheme import Granularity

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32)
EQUALIZE = Recipe(granularity=Granularity.PER_TENSOR, equalize=True)
ABSORB = Recipe(granularity=Granularity.PER_TENSOR, absorb=True)


class OneHeadOnTwoBranches(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Equalization gives the head other weights behind each branch."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(3, 8, 3)
        self.head = torch.nn.Conv2d(8, 4, 3)
        self.left.weight.data *= torch.logspace(-2, 0, 8)[:, None, None, None]
        self.right.weight.data *= torch.logspace(0, -2, 8)[:, None, None, None]

    def forward(self, x: Any) -> Any:
        return self.head(self.left(x).relu()) + self.head(self.right(x).relu())


class WithoutBias(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Absorption moves the bias of the first layer into the second, which has none."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 4, 3, bias=False)
        self.first.bias.data.uniform_(30, 60)

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x).relu())


class MoreBehindALayer(torch.nn.Module):  # type: ignore[misc, name-defined]
    """The file's layer has the sum of two biases, of which one is not the module's layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 4, 3)
        self.first.weight.data *= torch.logspace(-2, 0, 8)[:, None, None, None]
        self.register_buffer("more", torch.linspace(1, 2, 8)[None, :, None, None])

    def forward(self, x: Any) -> Any:
        return self.second((self.first(x) + self.more).relu())


@pytest.mark.parametrize(
    ("make", "recipe", "left_out"),
    [(OneHeadOnTwoBranches, EQUALIZE, False), (WithoutBias, ABSORB, False), (MoreBehindALayer, EQUALIZE, True)],
)
def test_a_recipe_keeps_what_a_module_computes(
    monkeypatch: pytest.MonkeyPatch, make: Any, recipe: Recipe, left_out: bool
) -> None:
    monkeypatch.setattr("dlpuconv.qat.start.choose_recipe", lambda _: (recipe,))
    torch.manual_seed(0)
    module = make().eval()
    prepared = qat.prepare(
        module, target="artpec8", example_inputs=torch.zeros(1, 3, 16, 16), calibration=IMAGES, start="fast"
    )
    for part in prepared.modules():
        if hasattr(part, "fake_quant_enabled"):
            part.disable_fake_quant()
    x = torch.from_numpy(IMAGES)
    torch.testing.assert_close(prepared.eval()(x), module(x), rtol=1e-4, atol=1e-4)
    assert any("the recipe is left out" in told for told in prepared.unmapped) == left_out


def test_a_layer_that_the_file_spells_with_more_channels_is_told_and_left_float() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ConvTranspose2d(8, 6, 2, 2)).eval()
    shown = torch.zeros(1, 3, 16, 16)
    prepared = qat.prepare(net, target="onnxruntime", example_inputs=shown, calibration=IMAGES, start="none")
    assert any(each.startswith("the module has no layer like") for each in prepared.unmapped), prepared.unmapped
    assert prepared.eval()(shown).shape == (1, 6, 28, 28)
