"""Groups of a recipe as layers of the module."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlpuconv.quantization import Recipe
from dlpuconv.quantization.sites import LayerGroups
from dlpuconv.scheme import Granularity
from tests.qat.networks import images

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

pytestmark = pytest.mark.slow

SAMPLES = images(4)
OF = (1, 0, 1, 2, 0, 0, 1, 2)


class Chain(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A layer, a depthwise one behind a ReLU, and two that read what this makes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        nn = torch.nn
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU())
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, 1, 1)

    def forward(self, image: Any) -> Any:
        x = self.first(image)
        return self.left(x) + self.right(x)


def started(module: Any) -> tuple[Any, Any]:
    """What is captured, and where it starts under a recipe that cuts the first layer."""
    from dlpuconv.qat.capture import capture
    from dlpuconv.qat.start import find_start

    captured = capture(module, torch.from_numpy(SAMPLES[:1]))
    start = find_start(captured.proto, "artpec8", SAMPLES, "none")
    groups = (LayerGroups(start.network.nodes[0].output.name, OF),)
    recipe = Recipe(granularity=Granularity.PER_TENSOR, groups=groups)
    return captured, replace(start, groups=groups, recipe=replace(recipe, groups=()))


def test_a_module_with_a_layer_in_groups_computes_the_same_and_gets_the_integers_of_the_recipes_file() -> None:
    from dlpuconv.qat import start as starting
    from dlpuconv.qat.structure import with_layers

    module = Chain().eval()
    captured, start = started(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starting, "_kept", lambda recipe, *_, **__: (recipe, ()))
        recipe = replace(start.recipe, groups=start.groups)
        file = starting.find_start(captured.proto, "artpec8", SAMPLES, recipe).quantized
    made, recipe, told = with_layers(captured, start)
    assert told == ()
    found = starting.find_start(made.proto, "artpec8", SAMPLES, recipe).quantized
    assert [node.kind for node in found.network.nodes] == [node.kind for node in file.network.nodes]
    assert len(found.layers) == 8, "two layers in three groups, and two others"
    for ours, theirs in zip(found.layers.values(), file.layers.values(), strict=True):
        assert np.array_equal(ours.weights, theirs.weights)
        assert ours.affine.scales == pytest.approx(theirs.affine.scales, rel=1e-6)
    with torch.no_grad():
        ours, wanted = (each(torch.from_numpy(SAMPLES)).numpy() for each in (made.graph_module, module))
    assert np.abs(ours - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_groups_that_the_module_has_no_place_for_are_told_and_nothing_is_changed() -> None:
    from dlpuconv.qat.structure import with_layers

    module = Chain().eval()
    captured, start = started(module)
    graph = captured.graph_module.graph
    first = next(node for node in graph.nodes if node.target is torch.ops.aten.conv2d.default)
    (relu,) = first.users
    with graph.inserting_after(relu):
        twice = graph.call_function(torch.ops.aten.add.Tensor, (relu, first))
    twice.meta = dict(relu.meta)
    relu.replace_all_uses_with(twice, delete_user_cb=lambda user: user is not twice)
    made, _, told = with_layers(captured, start)
    assert told == (
        f"the groups of the recipe are left out: more than the file's layers read {first.name!r} in the module",
    )
    assert sum(node.target is first.target for node in made.graph_module.graph.nodes) == 4
