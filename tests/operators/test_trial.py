"""What a trial takes for equal, for a refusal and for a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import Model
from scripts.operator_table.examples import Binding, Example, examples
from scripts.operator_table.outcomes import Group, outcome_of
from scripts.operator_table.trial import AS_RUNTIME, Ending, difference, tried


def example(name: str) -> Example:
    (found,) = examples(name)
    return found


def bound(name: str, binding: Binding) -> Example:
    found = example(name).bound(binding)
    assert found is not None
    return found


type Array = npt.NDArray[Any]


def read(model: Example) -> Model:
    return load(model.proto, SourceOptions(input_shapes={name: x.shape for name, x in model.inputs.items()}))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda y: y * np.float32(1.0009), []),
        (lambda y: y * np.float32(1.01), ["the output 'y' has other values"]),
        (lambda y: y.astype(np.int64), ["the output 'y' is int64 [3, 4, 5], not float32 [3, 4, 5]"]),
        (lambda y: y[:1], ["the output 'y' is float32 [1, 4, 5], not float32 [3, 4, 5]"]),
    ],
)
def test_other_values_types_and_shapes_are_told(change: Callable[[Array], Array], why: list[str]) -> None:
    right = example("abs")
    assert difference(right, "y", change(right.outputs["y"]), read(right)) == why


@pytest.mark.slow
def test_what_onnx_and_its_runtime_disagree_on_is_said() -> None:
    right = example("abs")
    found = tried(replace(right, outputs={"y": right.outputs["y"] + 1}))
    assert (found.ending, found.why) == (Ending.EQUAL, AS_RUNTIME)


@pytest.mark.slow
def test_half_precision_is_held_to_its_own_rounding() -> None:
    assert tried(example("cast_FLOAT_to_BFLOAT16")).ending is Ending.EQUAL


def test_codes_are_compared_as_the_numbers_that_they_stand_for() -> None:
    right = bound("quantizelinear", Binding.REST)
    scale, zero = (
        np.asarray(example("quantizelinear").inputs[name], np.float64) for name in ("y_scale", "y_zero_point")
    )
    numbers = (right.outputs["y"] - zero) * scale
    assert difference(right, "y", numbers, read(right)) == []
    assert difference(right, "y", numbers[::-1], read(right)) == ["the output 'y' has other codes"]


def test_operands_become_constants_by_kind() -> None:
    assert list(bound("constant_pad", Binding.INTEGERS).inputs) == ["x", "value"]
    assert list(bound("constant_pad", Binding.REST).inputs) == ["x"]
    assert bound("constant_pad", Binding.REST).constant == (1, 2)
    assert example("abs").bound(Binding.REST) is None


def test_what_is_made_of_sizes_alone_is_added_to_zeros() -> None:
    network = bound("range_int32_type_negative_delta", Binding.ALL)
    assert [node.op_type for node in network.proto.graph.node] == ["Range", "Add"]
    assert list(network.inputs) == ["output/zeros"]


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("gelu_tanh_1_expanded", "Gelu"),
        ("nllloss_NC_expanded", "NegativeLogLikelihoodLoss"),
        ("ai_onnx_ml_binarizer", "ai.onnx.ml.Binarizer"),
        ("training_dropout", "Dropout"),
    ],
)
def test_a_model_is_of_the_operator_that_it_shows(name: str, operator: str) -> None:
    assert example(name).operator == operator


@pytest.mark.parametrize(
    ("name", "group", "why"),
    [
        ("nonzero_example", Group.REFUSED, "only known when the model runs"),
        ("bernoulli", Group.REFUSED, "random numbers cannot be converted: make them an input"),
        ("adam", Group.OUTSIDE, "ai.onnx.preview.training.Adam: operators for training"),
        ("string_split_basic", Group.OUTSIDE, "STRING; only tensors of numbers"),
        ("sequence_insert_at_back", Group.OUTSIDE, "is a sequence; only tensors of numbers"),
    ],
)
def test_a_refusal_is_counted_by_what_was_asked_for(name: str, group: Group, why: str) -> None:
    found = outcome_of(example(name), [Binding.NONE])
    assert found.group is group
    assert why in found.why
