"""A quantized network of which a chip runs a part: that part states its own scales."""

from __future__ import annotations

from dlpuconv.division.frontier import divide
from dlpuconv.frontends import SourceOptions
from dlpuconv.frontends.cut import ended_at
from dlpuconv.frontends.whole import chip_part, read_whole
from tests.frontends.quantized.support import quantized
from tests.frontends.quantized.test_reading import CONV, CONV_CONSTANTS
from tests.frontends.support import read


def test_the_chips_part_states_its_scales() -> None:
    nodes = CONV.replace(" y = Deq", " d2 = Deq") + " y = NonZero(d2)"
    whole = read_whole(quantized(nodes, CONV_CONSTANTS, gives="y"), SourceOptions())
    part = chip_part(whole, divide(whole, ["y"]))
    assert set(part.scales.activations) == {"x", part.signature.outputs[0].name}
    assert set(part.scales.weights) == {"conv"}


def test_a_model_that_ends_earlier_states_its_scales() -> None:
    nodes = CONV.replace(" y = Deq", " d2 = Deq") + " y = Sigmoid(d2)"
    model = read(quantized(nodes, CONV_CONSTANTS))
    (name,) = set(model.scales.activations) - {"x"}
    assert ended_at(model, [name]).scales == model.scales
