"""Modules of PyTorch give the file that their ONNX export gives, and stay as they were."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dlpuconv

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
from tests.corpus.networks import NETWORKS  # noqa: E402 - they need torch
from tests.corpus.networks.base import Network, conv  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


class Detector(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Two maps, the coarse one added to the fine one, each with boxes and scores."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse, self.lateral = conv(16, 3, 2, inputs=3), conv(16, 3, 2), conv(16, 1)
        self.boxes, self.scores = torch.nn.Conv2d(16, 8, 1), torch.nn.Conv2d(16, 4, 1)

    def forward(self, image: Any) -> dict[str, Any]:
        fine = self.fine(image)
        coarse = self.coarse(fine)
        maps = fine + torch.nn.functional.interpolate(self.lateral(coarse), scale_factor=2.0), coarse
        return {
            name: torch.cat([head(each).flatten(2) for each in maps], 2)
            for name, head in (("boxes", self.boxes), ("scores", self.scores))
        }


@pytest.mark.parametrize("name", ["resnet_a", "mobilenet_v3", "unet", "vit", "detector", "gru"])
def test_a_module_gives_the_same_file_as_its_onnx_export_and_is_not_changed(name: str, tmp_path: Path) -> None:
    module, shape = _network(name)
    example = torch.zeros(shape)
    names = ["boxes", "scores"] if name == "detector" else ["output"]
    torch.onnx.export(module, (example,), dynamo=True, verbose=False, output_names=names).save(tmp_path / "net.onnx")
    module.train()
    before = _digest(module)
    samples = np.random.default_rng(0).standard_normal((12, *shape[1:])).astype(np.float32)
    convert = functools.partial(
        dlpuconv.convert, target="artpec9", granularity="per-channel", effort="fast", calibration=samples, cache=False
    )
    of_module = convert(module, example_inputs=(example,), output_names=names)["artpec9"]
    of_file = convert(tmp_path / "net.onnx")["artpec9"]
    assert of_module.content == of_file.content
    assert [output.source_name for output in of_module.contract.outputs] == names
    assert _digest(module) == before


def _network(name: str) -> tuple[Any, tuple[int, ...]]:
    """A module in evaluation mode, whose statistics are not those of a fresh one, and the shape of its input."""
    network = next((network for network in NETWORKS if network.name == name), Network("detector", Detector))
    torch.manual_seed(0)
    module = network.build()
    with torch.no_grad():
        module.train()(*(torch.randn(8, *shape[1:]) for shape in network.shapes))
    return module.eval(), network.shapes[0]


def _digest(module: Any) -> str:
    """Of all that a conversion could change: tensors and their flags, modes and hooks."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict(keep_vars=True).items():
        digest.update(f"{name} {tensor.requires_grad} {id(tensor)}".encode() + tensor.detach().numpy().tobytes())
    for name, part in module.named_modules():
        digest.update(f"{name} {part.training} {len(part._forward_hooks)} {sorted(vars(part))}".encode())
    return digest.hexdigest()
