"""Scales that a file has other than the plan: where a concatenation alone reads, and around a float resize."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dlpuconv.formats.onnx_graph import optimized
from dlpuconv.ir.affine import Affine
from dlpuconv_backends.onnx_qdq.emission import emit
from dlpuconv_backends.onnx_qdq.final_scales import final_scales
from dlpuconv_backends.onnx_qdq.network import Session
from tests.backends.onnx_qdq.examples import PLAIN, SCHEME, emitted, network, quantizer
from tests.backends.onnx_qdq.models import model, weights
from tests.network.contract import made_up, values_of

CONSTANTS = {"w": weights(2, 2, 1, 1), "v": 9 * weights(2, 2, 1, 1, seed=1)}


def scales_of(text: str, **wanted: Any) -> dict[str, tuple[Affine, Affine]]:
    """By activation: the plan's, and the file's."""
    scheme = replace(SCHEME, **wanted)
    found = quantizer(network(model(text, CONSTANTS))).quantize(PLAIN, scheme).quantized
    final = final_scales(found, found.network, set())  # type: ignore[arg-type] # an OnnxNetwork
    return {value.name: (affine, final[value]) for value, affine in found.plan.scales.items()}


def test_what_a_concatenation_alone_reads_is_rounded_to_its_steps() -> None:
    scales = scales_of(
        """(float[1,2,4,4] x) => (float[1,4,4,4] y) {
            a = Conv(x, w) \n b = Conv(x, v) \n y = Concat<axis = 1>(a, b) }"""
    )
    (planned, final), (_, joined) = scales["a"], scales["y"]
    assert planned != joined
    assert final == joined
    assert scales["b"][1] == joined


def test_what_others_read_keeps_its_own() -> None:
    scales = scales_of(
        """(float[1,2,4,4] x) => (float[1,4,4,4] y, float[1,2,4,4] z) {
            a = Conv(x, w) \n b = Conv(x, v) \n y = Concat<axis = 1>(a, b) \n z = Conv(a, v) }"""
    )
    planned, final = scales["a"]
    assert final == planned


def test_what_is_clipped_keeps_a_scale_that_saturates_where_the_clip_does() -> None:
    scales = scales_of(
        """(float[1,2,4,4] x) => (float[1,4,4,4] y) {
            c = Conv(x, w) \n a = Relu(c) \n b = Conv(x, v) \n y = Concat<axis = 1>(a, b) }"""
    )
    planned, final = scales["a"]
    assert final == planned
    assert final.zero_point == 0


def test_what_a_chip_prescribes_stays() -> None:
    wanted = Affine.of(0.25, 100)
    scales = scales_of(
        """(float[1,2,4,4] x) => (float[1,4,4,4] y) {
            a = Conv(x, w) \n b = Conv(x, v) \n y = Concat<axis = 1>(a, b) }""",
        prescribed={"Conv": wanted},
    )
    assert scales["a"] == (wanted, wanted)


def test_files_are_made_with_them() -> None:
    text = """(float[1,2,4,4] x) => (float[1,4,4,4] y) {
        a = Conv(x, w) \n b = Conv(x, v) \n c = Concat<axis = 1>(a, b) \n y = Sigmoid(c) }"""
    found = quantizer(network(model(text, CONSTANTS))).quantize(PLAIN, SCHEME).quantized
    joined = next(node for node in emit(found).nodes if node.kind == "Concat")
    assert {v.affine for v in joined.activations} == {joined.output.affine}


def test_unlike_parts_of_an_output_are_joined_in_floats() -> None:
    """Boxes of up to 640 pixels and scores: each keeps its own steps."""
    source = model(
        """(float[1,2,4,4] x) => (float[1,16,4] y) {
            a = Conv(x, w) \n score = Sigmoid(a) \n b = Conv(x, v) \n box = Mul(b, large)
            c = Concat<axis = 1>(score, box) \n r = Reshape(c, flat) \n y = Transpose<perm = [0, 2, 1]>(r) }""",
        {**CONSTANTS, "large": np.float32(640), "flat": [1, 4, 16]},
    )
    made = emitted(source)
    found = optimized(made.graph.split()).op_counts
    assert found["Concat"] == found["Reshape"] == found["Transpose"] == 1
    assert found["DequantizeLinear"] == 2
    assert "QLinearConcat" not in found
    exact = network(source)
    (feed,) = made_up(exact, 1)
    wanted, got = values_of(exact, feed, exact.outputs)[0], Session(made.graph, exact.inputs, exact.outputs)(feed)[0]
    assert np.abs(wanted - got)[..., :2].max() < 0.02


def test_unlike_parts_that_are_computed_with_are_joined_in_codes() -> None:
    source = model(
        """(float[1,2,4,4] x) => (float[1,4,4,4] y) {
            a = Conv(x, w) \n score = Sigmoid(a) \n b = Conv(x, v) \n box = Mul(b, large)
            c = Concat<axis = 1>(score, box) \n y = Conv(c, u) }""",
        {**CONSTANTS, "large": np.float32(640), "u": weights(4, 4, 1, 1)},
    )
    assert optimized(emitted(source).graph.split()).op_counts["QLinearConcat"] == 1


def test_like_parts_of_an_output_are_joined_in_codes() -> None:
    source = model(
        """(float[1,2,4,4] x) => (float[1,4,4,4] y) {
            a = Conv(x, w) \n b = Sigmoid(a) \n c = Conv(x, v) \n d = Sigmoid(c) \n y = Concat<axis = 1>(b, d) }""",
        CONSTANTS,
    )
    assert optimized(emitted(source).graph.split()).op_counts["QLinearConcat"] == 1


def test_around_a_float_resize_scales_that_are_powers_of_two_stay_such() -> None:
    source = model(
        "(float[1,2,4,4] x) => (float[1,2,8,8] y) {"
        ' c = Conv(x, w) \n a = Relu(c) \n b = Resize<mode = "linear">(a, , f)'
        " \n y = Conv(b, w) }",
        {"w": weights(2, 2, 1, 1), "f": np.array([1, 1, 2, 2], np.float32)},
    )
    coding = replace(SCHEME.activation_codes, power_of_two=True)
    exact = network(source, coding)
    found = quantizer(exact).quantize(PLAIN, replace(SCHEME, activation_codes=coding))
    scales = {value.name: affine for value, affine in final_scales(found.quantized, exact, set()).items()}
    assert found.quantized.plan.scales[exact.nodes[1].output] == scales["a"]
    assert scales["b"] == Affine.of(2 * scales["a"].scale, 0)
    assert all(np.frexp(affine.scale)[0] == 0.5 for affine in scales.values())
