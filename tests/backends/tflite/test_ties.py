"""Which channels TFLite's operators let be scaled, if only together with others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.quantization.techniques.channels import map_channels
from dlpuconv_backends.flatbuffer import Graph, Operator
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import activation, constant
from tests.backends.tflite.networks import RELU, conv

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Tensor


@dataclass(frozen=True)
class Found:
    """The variables of a graph, by tensor."""

    of: dict[Tensor, npt.NDArray[np.intp]]
    fixed: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]
    clips: dict[Tensor, float]


def between(kind: str, before: Sequence[Tensor], after: Sequence[Tensor], options: Any, *more: Any) -> Found:
    """The operator between convolutions, so that no end of the graph is concerned; `more` are constants."""
    x = activation("x", 1, 4, 4, 2)
    layers = [conv(x, t, np.ones((t.shape[-1], 1, 1, 2)), np.ones(t.shape[-1]), RELU) for t in before]
    constants = [c if hasattr(c, "shape") else constant(f"c{i}", c) for i, c in enumerate(more)]
    inputs = [*constants, *before] if kind == "SPLIT" else [*before, *constants]
    middle = Operator(kind, inputs, list(after), options, "middle")
    ends = [activation(f"end{i}", *t.shape[:-1], 1) for i, t in enumerate(after)]
    last = [conv(t, e, np.ones((1, 1, 1, t.shape[-1])), np.ones(1)) for t, e in zip(after, ends, strict=True)]
    found = map_channels(TFLiteNetwork(Graph([x], ends, [*layers, middle, *last])))
    of: Any = {value.handle: ids for value, ids in found.of.items()}
    clips: Any = {value.handle: bound for value, bound in found.clips.items()}
    return Found(of, found.fixed, found.ends, clips)


def tensor(name: str, channels: int = 3, size: int = 4) -> Tensor:
    return activation(name, 1, size, size, channels)


def options(made: Any, **values: Any) -> Any:
    for name, value in values.items():
        setattr(made, name, value)
    return made


ONE_TO_ONE: dict[str, tuple[Any, int, list[Any]]] = {
    "MAX_POOL_2D": (schema.Pool2DOptionsT(), 2, []),
    "AVERAGE_POOL_2D": (schema.Pool2DOptionsT(), 2, []),
    "RESIZE_BILINEAR": (schema.ResizeBilinearOptionsT(), 8, [constant("size", [8, 8], np.int32)]),
    "RESIZE_NEAREST_NEIGHBOR": (schema.ResizeNearestNeighborOptionsT(), 8, [constant("size", [8, 8], np.int32)]),
    "PAD": (schema.PadOptionsT(), 6, [constant("pads", [[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)]),
    "PRELU": (None, 4, [[0.1, 0.2, 0.3]]),
    "LEAKY_RELU": (schema.LeakyReluOptionsT(), 4, []),
    "RELU": (None, 4, []),
    "MUL": (schema.MulOptionsT(), 4, [[2.0, 3.0, 4.0]]),
}


@pytest.mark.parametrize("kind", ONE_TO_ONE)
def test_what_commutes_with_positive_factors_ties_each_channel_to_its_own(kind: str) -> None:
    made_with, size, constants = ONE_TO_ONE[kind]
    a, b = tensor("a"), tensor("b", size=size)
    found = between(kind, [a], [b], made_with, *constants)
    assert np.array_equal(found.of[a], found.of[b])
    assert len(set(found.of[a])) == 3
    assert not found.fixed[found.of[a]].any()


@pytest.mark.parametrize("kind", ["HARD_SWISH", "LOGISTIC", "TANH", "SOFTMAX"])
def test_a_curve_fixes_what_it_reads_and_makes(kind: str) -> None:
    a, b = tensor("a"), tensor("b")
    found = between(kind, [a], [b], None)
    assert found.fixed[found.of[a]].all()
    assert found.fixed[found.of[b]].all()


def test_a_product_of_activations_fixes_all_three() -> None:
    a, b, c = tensor("a"), tensor("b"), tensor("c")
    found = between("MUL", [a, b], [c], schema.MulOptionsT())
    assert all(found.fixed[found.of[t]].all() for t in (a, b, c))


def test_a_sum_ties_all_its_operands() -> None:
    a, b, c = tensor("a"), tensor("b"), tensor("c")
    found = between("ADD", [a, b], [c], schema.AddOptionsT())
    assert np.array_equal(found.of[a], found.of[c])
    assert np.array_equal(found.of[b], found.of[c])
    assert not found.fixed[found.of[c]].any()


def test_a_sum_that_spreads_one_channel_over_many_is_fixed() -> None:
    a, b, c = tensor("a"), tensor("b", 1), tensor("c")
    found = between("ADD", [a, b], [c], schema.AddOptionsT())
    assert all(found.fixed[found.of[t]].all() for t in (a, b, c))


def test_a_concatenation_of_channels_ties_each_operand_to_its_part() -> None:
    a, b, c = tensor("a", 2), tensor("b", 3), tensor("c", 5)
    found = between("CONCATENATION", [a, b], [c], options(schema.ConcatenationOptionsT(), axis=3))
    assert np.array_equal(found.of[c], [*found.of[a], *found.of[b]])
    assert len(set(found.of[c])) == 5


def test_a_concatenation_of_positions_ties_operands_to_one_another() -> None:
    a, b, c = tensor("a"), tensor("b"), activation("c", 1, 8, 4, 3)
    found = between("CONCATENATION", [a, b], [c], options(schema.ConcatenationOptionsT(), axis=1))
    assert np.array_equal(found.of[a], found.of[b])
    assert np.array_equal(found.of[a], found.of[c])


def test_a_split_of_channels_ties_each_part_to_its_own_channels() -> None:
    a, b, c = tensor("a", 6), tensor("b"), tensor("c")
    found = between("SPLIT", [a], [b, c], options(schema.SplitOptionsT(), numSplits=2), constant("axis", 3, np.int32))
    assert np.array_equal(found.of[a], [*found.of[b], *found.of[c]])
    assert not found.fixed[found.of[a]].any()


def test_a_padding_with_a_value_other_than_zero_is_fixed() -> None:
    a, b = tensor("a"), tensor("b", size=6)
    pads = constant("pads", [[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    assert between("PADV2", [a], [b], schema.PadV2OptionsT(), pads, 0.5).fixed.all()
    found = between("PADV2", [a], [b], schema.PadV2OptionsT(), pads, 0.0)
    assert not found.fixed[found.of[a]].any()


def test_the_ends_of_a_graph_are_fixed_and_a_clip_is_known_by_its_bound() -> None:
    a, b = tensor("a"), tensor("b")
    found = between("RELU6", [a], [b], None)
    assert found.clips == {b: 6.0}
    assert found.ends.sum() == 3, "two channels of x, one of the last"
    assert np.array_equal(found.fixed, found.ends)
