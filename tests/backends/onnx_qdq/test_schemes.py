"""Everything that a chip may want of its numbers is written and run in ONNX Runtime, or refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, Affine, IntegerType
from dlpuconv.scheme import Coding, Granularity, Numbers
from dlpuconv_backends.onnx_qdq.schemes import refuse_layers, refuse_scheme
from dlpuconv_targets.onnxruntime import ONNXRUNTIME
from tests.backends.onnx_qdq.examples import (
    PLAIN,
    SCHEME,
    attention,
    branches,
    emitted,
    exactness,
    network,
    quantizer,
    separable,
)
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.ir import Model
    from dlpuconv_backends.onnx_qdq.emission import Emitted

every_example = pytest.mark.parametrize("make", [separable, branches, attention])


def scales(made: Emitted) -> list[Affine]:
    """Of all activations in codes."""
    return [v.affine for node in made.nodes for v in node.outputs if v.affine is not None]


def weight_codes(made: Emitted) -> list[Any]:
    """Of every layer."""
    return [node.layer.weights for node in made.nodes if node.layer is not None]


def types(made: Emitted) -> set[str]:
    """Of activations in codes."""
    return {v.dtype.name for node in made.nodes for v in node.outputs if v.affine is not None}


@every_example
@pytest.mark.parametrize("codes", [INT8, UINT8])
@pytest.mark.parametrize("symmetric", [False, True])
def test_activations_of_eight_bits(make: Callable[[], Model], codes: IntegerType, *, symmetric: bool) -> None:
    scheme = replace(SCHEME, activation_codes=Coding(type=codes, symmetric=symmetric))
    made = emitted(make(), scheme)
    assert types(made) == {codes.name}
    if symmetric:
        assert {a.zero_point for a in scales(made)} == {0 if codes.signed else 128}
    assert min(exactness(make(), made)) > 25


@every_example
@pytest.mark.parametrize("codes", [INT16, UINT16])
def test_activations_of_sixteen_bits_take_a_newer_opset(make: Callable[[], Model], codes: IntegerType) -> None:
    made = emitted(make(), replace(SCHEME, activation_codes=Coding(type=codes)))
    assert types(made) == {codes.name}
    assert made.graph.opset == 21
    assert min(exactness(make(), made)) > 35  # weights have 8 bits


@every_example
def test_scales_that_are_powers_of_two(make: Callable[[], Model]) -> None:
    scheme = replace(
        SCHEME,
        activation_codes=Coding(type=UINT8, power_of_two=True),
        weight_codes=Coding(symmetric=True, power_of_two=True),
    )
    made = emitted(make(), scheme)
    stated = {
        float(scale)
        for node in made.graph.nodes
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
        for scale in np.atleast_1d(made.graph.constants[node.input[1]])
    }
    assert all(np.log2(scale) == round(np.log2(scale)) for scale in stated)
    assert min(exactness(make(), made)) > 22


@every_example
def test_weights_of_a_reduced_range(make: Callable[[], Model]) -> None:
    made = emitted(make(), replace(SCHEME, weight_codes=Coding(symmetric=True, reduce_range=True)))
    assert max(np.abs(codes).max() for codes in weight_codes(made)) == 63
    assert min(exactness(make(), made)) > 25


@every_example
def test_activations_of_a_reduced_range(make: Callable[[], Model]) -> None:
    made = emitted(make(), replace(SCHEME, activation_codes=Coding(type=UINT8, reduce_range=True)))
    assert min(exactness(make(), made)) > 20


@every_example
def test_unsigned_weights(make: Callable[[], Model]) -> None:
    made = emitted(make(), replace(SCHEME, weight_codes=Coding(type=UINT8, symmetric=True)))
    assert {codes.dtype.name for codes in weight_codes(made)} == {"uint8"}
    assert min(exactness(make(), made)) > 30


@every_example
@pytest.mark.parametrize("codes", [INT8, UINT8])
def test_weights_with_a_zero_point(make: Callable[[], Model], codes: IntegerType) -> None:
    scheme = replace(SCHEME, weights=Granularity.PER_TENSOR, weight_codes=Coding(type=codes))
    made = emitted(make(), scheme, replace(PLAIN, granularity=Granularity.PER_TENSOR))
    assert min(exactness(make(), made)) > 25


def test_granularity_by_operator() -> None:
    made = emitted(separable(), replace(SCHEME, by_operator={"Gemm": Granularity.PER_TENSOR}))
    layers = [n for n in made.nodes if n.layer is not None]
    found = {n.kind: n.input(1).affine for n in layers}
    assert found["Gemm"] is not None
    assert found["Conv"] is not None
    assert not found["Gemm"].per_channel
    assert found["Conv"].per_channel
    assert min(exactness(separable(), made)) > 30


def test_prescribed_scales() -> None:
    wanted = Affine.of(1 / 16, 128)
    made = emitted(separable(), replace(SCHEME, prescribed={"Add": wanted}))
    assert next(n for n in made.nodes if n.kind == "Add").output.affine == wanted
    assert min(exactness(separable(), made)) > 20


def refuse(**wanted: Any) -> None:
    refuse_scheme(replace(ONNXRUNTIME, scheme=replace(SCHEME, **wanted)))


def test_what_is_tried_above_is_not_refused() -> None:
    refuse()
    refuse(activation_codes=Coding(type=INT16, symmetric=True, power_of_two=True, reduce_range=True))
    refuse(weight_codes=Coding(type=UINT8, symmetric=True, power_of_two=True, reduce_range=True))
    refuse(weights=Granularity.PER_TENSOR, weight_codes=Coding(type=INT8))
    refuse(by_operator={"MatMul": Granularity.PER_TENSOR}, prescribed={"Conv": Affine.of(0.1, 3)})


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"weight_codes": Coding(type=INT16, symmetric=True)}, "int16 weights"),
        (
            {"activation_codes": Coding(type=INT8), "weight_codes": Coding(type=UINT8, symmetric=True)},
            "uint8 weights beside int8 activations",
        ),
        ({"weight_codes": Coding(type=INT8)}, "weights with a zero point for each channel"),
        ({"prescribed": {"Sigmoid": Affine.of(0.5, 0)}}, "a scale of 0.5 behind Sigmoid"),
        ({"prescribed": {"Reshape": Affine.of(0.5, 0)}}, "a scale of 0.5 behind Reshape"),
        ({"prescribed": {"Conv": Affine.of(0.5, -1)}}, "a scale of 0.5 behind Conv"),
        ({"by_operator": {"Add": Granularity.PER_CHANNEL}}, "a granularity of weights of Add"),
    ],
)
def test_what_there_is_no_kernel_for_is_refused(wanted: dict[str, Any], told: str) -> None:
    with raises_error("backend-scheme", "onnxruntime", told, "onnx-qdq"):
        refuse(**wanted)


def test_floats_are_refused() -> None:
    with raises_error("backend-numbers", "onnxruntime", "float32", "onnx-qdq"):
        refuse(numbers=Numbers.FLOAT32)


def test_a_recipe_that_makes_zero_points_by_channel_is_refused() -> None:
    scheme = replace(SCHEME, weights=Granularity.PER_TENSOR, weight_codes=Coding(type=INT8))
    found = quantizer(network(separable())).quantize(PLAIN, scheme).quantized
    with raises_error("backend-scheme", "a zero point for each channel"):
        refuse_layers(found, ONNXRUNTIME)
