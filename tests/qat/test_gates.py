"""Gates of a recipe as layers of the module."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlpuconv.quantization import BiasCorrection, Recipe
from dlpuconv.quantization.sites import Gate
from dlpuconv.scheme import Granularity
from tests.qat.networks import images

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

pytestmark = pytest.mark.slow

SAMPLES = images(4)


class Gated(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A hard swish, a SiLU, and a hard swish that is spelled out."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        nn = torch.nn
        self.layers = nn.ModuleList([nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 6, 1)])
        self.last = nn.Conv2d(6, 4, 1)

    def forward(self, image: Any) -> Any:
        x = torch.nn.functional.hardswish(self.layers[0](image))
        x = torch.nn.functional.silu(self.layers[1](x))
        x = self.layers[2](x)
        return self.last(x * torch.nn.functional.relu6(x + 3) / 6)


def start_of(module: Any, target: str) -> tuple[Any, Any]:
    """What is captured, and where it starts under a recipe with all of its gates, whose factors are of every size."""
    from dlpuconv.qat.capture import capture
    from dlpuconv.qat.start import find_start

    captured = capture(module, torch.from_numpy(SAMPLES[:1]))
    start = find_start(captured.proto, target, SAMPLES, "none")
    gates = tuple(Gate(y.name, tuple(range(0, 4 * y.channels, 4))) for y in start.network.gates())
    granularity = Granularity.PER_TENSOR if target == "artpec8" else Granularity.PER_CHANNEL
    recipe = Recipe(granularity=granularity, bias_correction=BiasCorrection.ANALYTIC, gates=gates)
    return captured, replace(start, gates=gates, recipe=recipe)


def integers(start: Any) -> list[Any]:
    """The codes of a start's layers, and its scales to seven digits."""
    made = start.quantized
    scales = [made.plan.scales[node.output] for node in made.network.nodes if node.output in made.plan.scales]
    layers = [(layer.weights.tolist(), layer.bias.tolist()) for layer in made.layers.values()]
    return [*layers, *((pytest.approx(each.scale, rel=1e-6), each.zero_point) for each in scales)]


@pytest.mark.parametrize("target", ["artpec8", "onnxruntime"])
def test_a_module_with_layers_in_its_gates_computes_the_same_and_gets_the_integers_of_the_recipes_file(
    target: str,
) -> None:
    from dlpuconv.qat import start as starting
    from dlpuconv.qat.equivalents import apply_weights
    from dlpuconv.qat.structure import with_layers

    module = Gated().eval()
    captured, start = start_of(module, target)
    assert len(start.gates) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starting, "_kept", lambda recipe, *_, **__: (recipe, ()))
        file = starting.find_start(captured.proto, target, SAMPLES, start.recipe)
    made, recipe, told = with_layers(captured, start)
    assert told == ()
    found = starting.find_start(made.proto, target, SAMPLES, recipe)
    assert found.left_out == ()
    assert len(found.recipe.gates) == 3
    assert integers(found) == integers(file)
    layers = apply_weights(found, made.graph_module)
    assert len(layers) == 7
    with torch.no_grad():
        ours, wanted = (each(torch.from_numpy(SAMPLES)).numpy() for each in (made.graph_module, module))
    assert np.abs(ours - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_a_gate_that_the_module_has_no_place_for_is_told() -> None:
    from dlpuconv.qat.structure import with_layers

    captured, start = start_of(Gated().eval(), "artpec8")
    (product,) = (node for node in captured.graph_module.graph.nodes if "hardswish" in str(node.target))
    product.replace_all_uses_with(product.args[0])
    captured.graph_module.graph.erase_node(product)
    made, recipe, told = with_layers(captured, start)
    assert told == ("the gate 'hardswish' is left out: the module has no place for it",)
    assert len(recipe.gates) == 2
    assert sum(node.args[-1] in (8, 6) for node in made.graph_module.graph.nodes if "conv" in str(node.target)) == 2


class ChannelsLast(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A SiLU behind a dense layer, as in a ConvNeXt, whose channels are the last axis."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.dense, self.last = torch.nn.Conv2d(3, 8, 1), torch.nn.Linear(8, 12), torch.nn.Conv2d(12, 4, 1)

    def forward(self, image: Any) -> Any:
        x = self.dense(self.first(image).permute(0, 2, 3, 1))
        return self.last(torch.nn.functional.silu(x).permute(0, 3, 1, 2))


def test_a_gate_whose_channels_are_not_where_maps_have_them_is_told_and_changes_nothing() -> None:
    from dlpuconv.qat.structure import with_layers

    module = ChannelsLast().eval()
    captured, start = start_of(module, "artpec8")
    assert [len(gate.steps) for gate in start.gates] == [12]
    made, recipe, told = with_layers(captured, start)
    assert [sentence.partition(" is left out: ")[2] for sentence in told] == ["the module has no place for it"]
    assert recipe.gates == ()
    with torch.no_grad():
        ours, wanted = (each(torch.from_numpy(SAMPLES)).numpy() for each in (made.graph_module, module))
    assert np.abs(ours - wanted).max() <= 1e-5 * np.abs(wanted).max()
