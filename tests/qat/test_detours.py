"""Detours of a recipe as layers of the module."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlpuconv.quantization.sites import Detour
from tests.qat.networks import images

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")


class Held(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A convolution reads a map, and so does a mean of squares over all channels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = torch.nn.Conv2d(3, 8, 3, 1, 1), torch.nn.Conv2d(8, 4, 1)

    def forward(self, image: Any) -> Any:
        x = self.first(image).relu()
        return self.second(x), (x * x).mean((1, 2, 3))


@pytest.mark.slow
def test_readers_that_take_a_detour_read_the_same_through_a_layer_of_ones() -> None:
    from dlpuconv.qat.capture import capture
    from dlpuconv.qat.start import find_start
    from dlpuconv.qat.structure import with_layers

    module = Held().eval()
    samples = images(4)
    captured = capture(module, torch.from_numpy(samples[:1]))
    start = find_start(captured.proto, "artpec8", samples, "none")
    readers = start.network.consumers()
    site = next(value for value, nodes in readers.items() if {node.kind for node in nodes} == {"CONV_2D", "MUL"})
    place = [node.kind for node in readers[site]].index("MUL")
    made, _, told = with_layers(captured, replace(start, detours=(Detour(site.name, (place,)),)))
    assert told == ()
    (detour,) = (node for node in made.graph_module.graph.nodes if "conv" in str(node.target) and node.args[-1] == 8)
    assert ["mul" in str(node.target) for node in detour.users] == [True]
    with torch.no_grad():
        pairs = zip(made.graph_module(torch.from_numpy(samples)), module(torch.from_numpy(samples)), strict=True)
        assert all(np.abs((ours - wanted).numpy()).max() <= 1e-6 for ours, wanted in pairs)
