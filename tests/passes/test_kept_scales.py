"""What a quantized source states holds as long as the value, or the layer with the weights, is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnx
import pytest

from dlpuconv.calibration import Preprocessing
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import Normalization
from dlpuconv.ir.affine import INT8, Affine
from dlpuconv.ir.given_scales import GivenScales, StatedScale
from dlpuconv.passes import fold_preprocessing, normalize
from dlpuconv.passes.final_activations import final_activations, without_final_activations

if TYPE_CHECKING:
    from dlpuconv.ir import Model

HALF = StatedScale(affine=Affine.of(0.5, 0), codes=INT8)
ROWS = StatedScale(affine=Affine.along(0, [0.5, 0.25]), codes=INT8)


def model(nodes: str, constants: str, *, takes: str = "float[1,2] x", **scales: Any) -> Model:
    text = f'<ir_version: 10, opset_import: ["" : 18]> g ({takes}) => (float[] y) <{constants}> {{ {nodes} }}'
    proto = onnx.parser.parse_model(text)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    return replace(load(proto, SourceOptions()), scales=GivenScales(**scales))


def test_a_value_that_becomes_another_keeps_its_scale_under_that_name() -> None:
    source = model("a = Relu(x) b = Identity(a) y = Sigmoid(b)", "", activations={"b": HALF})
    assert normalize(source)[0].scales.activations == {"a": HALF}


def test_a_value_that_takes_the_name_of_an_output_behind_it_keeps_its_scale() -> None:
    source = model("a = Relu(x) y = Identity(a)", "", activations={"a": HALF})
    assert normalize(source)[0].scales.activations == {"y": HALF}


def test_what_a_value_states_itself_comes_first() -> None:
    own = StatedScale(affine=Affine.of(0.25, 1), codes=INT8)
    source = model("a = Relu(x) b = Identity(a) y = Sigmoid(b)", "", activations={"b": HALF, "a": own})
    assert normalize(source)[0].scales.activations == {"a": own}


def test_weights_that_are_transposed_keep_theirs_along_the_other_axis() -> None:
    columns = StatedScale(affine=Affine.along(1, [0.5, 0.25, 1.0]), codes=INT8)
    source = model(
        "[layer] y = MatMul(x, w)", "float[2,3] w = {1.0, 0.25, 5.0, -2.0, 0.5, 7.0}", weights={"layer": columns}
    )
    normal = normalize(source)[0]
    (layer,) = [node for node in normal.graph.graph if node.op_type in ("Gemm", "MatMul")]
    transposed = "transB" in layer.attributes and layer.attributes["transB"].as_int()
    held = normal.scales.weights["layer"]
    assert held.affine == Affine.along(0 if transposed else 1, [0.5, 0.25, 1.0])


@pytest.mark.parametrize("said", [ROWS, HALF])
def test_weights_that_a_normalization_is_folded_into_keep_their_codes_with_its_factors_in_the_scales(
    said: StatedScale,
) -> None:
    nodes = "[conv] c = Conv(x, w) y = BatchNormalization<epsilon = 0.0>(c, g, b, m, v)"
    constants = (
        "float[3,2,1,1] w = {0.5, 1.0, 0.25, 0.5, 1.5, 2.0}, float[3] g = {0.5, -0.75, 0}, float[3] b = {0, 0, 1},"
        " float[3] m = {0, 0, 0}, float[3] v = {1, 4, 1}"
    )
    rows = replace(said, affine=Affine.along(0, [0.5, 0.25, 0.5])) if said is ROWS else said
    source = model(
        nodes, constants, takes="float[1,2,4,4] x", weights={"conv": rows}, activations={"c": HALF, "y": HALF}
    )
    normal = normalize(source)[0]
    second = 0.25 if said is ROWS else 0.5  # a scale is positive, and a channel of zeros keeps its own
    assert normal.scales.weights["conv"].affine == Affine.along(0, [0.5 * 0.5, second * 0.375, 0.5])
    assert normal.scales.activations == {"y": HALF}  # c is no value of the network any more


def test_weights_that_take_over_one_factor_have_one_scale_still() -> None:
    nodes, constants = "[conv] c = Conv(x, w) y = Mul(c, f)", "float[2,2,1,1] w = {0.5, 1.0, 1.5, 0.5}, float f = {0.3}"
    normal = normalize(model(nodes, constants, takes="float[1,2,4,4] x", weights={"conv": HALF}))[0]
    assert normal.scales.weights["conv"].affine.scale == pytest.approx(0.15)
    assert not normal.scales.weights["conv"].affine.per_channel


def test_values_that_take_part_of_a_factor_lose_theirs() -> None:
    nodes = "[one] a = Conv(x, w) [two] b = Conv(x, w) c = Concat<axis = 1>(a, b) y = Mul(c, f)"
    constants = "float[2,2,1,1] w = {0.5, 1.0, 0.25, 0.5}, float f = {0.3}"
    stated = dict.fromkeys(("a", "b", "c", "y"), HALF)
    normal = normalize(model(nodes, constants, takes="float[1,2,4,4] x", activations=stated))[0]
    assert set(normal.scales.activations) == {"y"}


def test_an_input_that_takes_pixels_loses_its_own_and_gives_it_to_what_is_normalized() -> None:
    constants = "float[2,3,1,1] w = {0.5, 1.0, -1.5, 0.5, 1.0, 0.25}"
    source = model(
        "[conv] y = Conv(x, w)", constants, takes="float[1,3,8,8] x", activations={"x": HALF}, weights={"conv": ROWS}
    )
    normal = normalize(source)[0]
    said = Preprocessing(mean=(10.0, 20.0, 30.5), std=(3.0, 5.0, 7.0), stated=True)
    folded = fold_preprocessing(normal, said, Normalization.CONV).model.scales
    assert not folded.activations
    inserted = fold_preprocessing(normal, said, Normalization.OP).model.scales
    assert inserted.activations == {"x_normalized": HALF}
    assert inserted.weights == {"conv": ROWS}


def test_logits_keep_theirs_when_their_activation_is_left_out() -> None:
    source = model("a = Neg(x) y = Sigmoid(a)", "", activations={"a": HALF, "y": HALF})
    normal = normalize(source)[0]
    bare = without_final_activations(normal, final_activations(normal))
    assert bare.scales.activations == {bare.signature.outputs[0].name: HALF}


def test_a_float_model_states_nothing() -> None:
    assert not normalize(model("y = Relu(x)", ""))[0].scales


def test_a_sum_that_gets_in_front_of_a_factor_keeps_its_scale_divided_by_that() -> None:
    """A padding layer behind takes the factor, and y = x * 4 + 1 becomes x + 1 / 4."""
    nodes = "p = Relu(x) m = Mul(p, f) a = Add(m, s) [conv] y = Conv<pads = [1, 1, 1, 1]>(a, w)"
    constants = "float f = {4.0}, float s = {1.0}, float[1,2,3,3] w = {" + ", ".join(["0.5", "1.0"] * 9) + "}"
    source = model(
        nodes, constants, takes="float[1,2,4,4] x", activations={"p": HALF, "a": HALF}, weights={"conv": HALF}
    )
    normal = normalize(source)[0]
    (total,) = [node.outputs[0].name for node in normal.graph.graph if node.op_type == "Add"]
    assert normal.scales.activations == {"p": HALF, total: replace(HALF, affine=Affine.of(0.125, 0))}
    assert normal.scales.weights["conv"].affine == Affine.of(2.0, 0)


def test_a_depthwise_layer_that_takes_over_the_factors_in_front_of_it_keeps_its_codes() -> None:
    nodes, constants = (
        "p = Relu(x) m = Mul(p, f) [conv] y = Conv<group = 2>(m, w)",
        "float[1,2,1,1] f = {0.5, 3.0}, float[2,1,1,1] w = {1.5, 2.0}",
    )
    normal = normalize(model(nodes, constants, takes="float[1,2,4,4] x", weights={"conv": HALF}))[0]
    assert normal.scales.weights["conv"].affine == Affine.along(0, [0.25, 1.5])


def test_a_sum_that_gets_in_front_of_two_factors_keeps_its_scale_divided_by_both() -> None:
    """Y = (x * 4 + 1) * 4 + 1 becomes x + 5 / 16."""
    nodes = (
        "p = Relu(x) m = Mul(p, f) a = Add(m, s) n = Mul(a, f) b = Add(n, s) [conv] y = Conv<pads = [1, 1, 1, 1]>(b, w)"
    )
    constants = "float f = {4.0}, float s = {1.0}, float[1,2,3,3] w = {" + ", ".join(["0.5", "1.0"] * 9) + "}"
    source = model(nodes, constants, takes="float[1,2,4,4] x", activations={"b": HALF}, weights={"conv": HALF})
    normal = normalize(source)[0]
    (total,) = [node.outputs[0].name for node in normal.graph.graph if node.op_type == "Add"]
    assert normal.scales.activations == {total: replace(HALF, affine=Affine.of(0.5 / 16, 0))}
    assert normal.scales.weights["conv"].affine == Affine.of(0.5 * 16, 0)


def test_a_depthwise_layer_of_two_outputs_a_channel_has_a_factor_for_both() -> None:
    nodes, constants = (
        "p = Relu(x) m = Mul(p, f) [conv] y = Conv<group = 2>(m, w)",
        "float[1,2,1,1] f = {0.5, 3.0}, float[4,1,1,1] w = {1.5, 2.0, 0.5, 1.0}",
    )
    normal = normalize(model(nodes, constants, takes="float[1,2,4,4] x", weights={"conv": HALF}))[0]
    assert normal.scales.weights["conv"].affine == Affine.along(0, [0.25, 0.25, 1.5, 1.5])


QUARTERS = StatedScale(affine=Affine.along(0, [0.5, 0.25, 1.0, 2.0]), codes=INT8)
FOUR = "float[4,2,1,1] w = {0.5, 1.0, 0.25, 0.5, 1.0, 3.0, 2.0, 4.0}, int64[2] two = {2, 0}"


def test_a_layer_that_makes_some_channels_in_another_order_has_their_scales() -> None:
    nodes = "[conv] c = Conv(x, w) m = Mul(c, f) s = Gather<axis = 1>(m, two) y = Mul(s, h)"
    constants = f"{FOUR}, float[1,4,1,1] f = {{2.0, 1.0, 4.0, 1.0}}, float[1,2,1,1] h = {{0.5, 3.0}}"
    normal = normalize(model(nodes, constants, takes="float[1,2,4,4] x", weights={"conv": QUARTERS}))[0]
    assert [node.op_type for node in normal.graph.graph] == ["Conv"]
    assert normal.scales.weights["conv"].affine == Affine.along(0, [1.0 * 4.0 * 0.5, 0.5 * 2.0 * 3.0])


def test_a_depthwise_layer_that_an_order_of_channels_passes_has_its_scales_in_the_order_in_front() -> None:
    nodes = "p = Relu(x) s = Gather<axis = 1>(p, i) [conv] c = Conv<group = 3>(s, w) [last] y = Conv(c, v)"
    constants = (
        "int64[3] i = {2, 0, 1}, float[3,1,1,1] w = {0.5, 0.25, 2.0}, float[2,3,1,1] v = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}"
    )
    rows = StatedScale(affine=Affine.along(0, [0.5, 0.25, 2.0]), codes=INT8)
    normal = normalize(model(nodes, constants, takes="float[1,3,4,4] x", weights={"conv": rows}))[0]
    assert [node.op_type for node in normal.graph.graph] == ["Relu", "Conv", "Conv"]
    assert normal.scales.weights["conv"].affine == Affine.along(0, [0.25, 2.0, 0.5])


def test_a_transposed_layer_of_groups_has_a_scale_for_each_channel_of_each() -> None:
    nodes, constants = (
        "[conv] c = ConvTranspose<group = 2>(x, w) y = Mul(c, f)",
        "float[4,2,1,1] w = {0.5, 1.0, 0.5, 1.0, 1.5, 2.0, 0.5, 1.0}, float[1,4,1,1] f = {0.5, 2.0, 3.0, 4.0}",
    )
    columns = StatedScale(affine=Affine.along(1, [0.5, 0.25]), codes=INT8)
    normal = normalize(model(nodes, constants, takes="float[1,4,4,4] x", weights={"conv": columns}))[0]
    assert normal.scales.weights["conv"].affine.scales == (0.25, 0.5, 1.5, 1.0)


def test_scales_along_what_a_layer_reads_are_no_reason_to_fail() -> None:
    rows = StatedScale(affine=Affine.along(0, [0.5, 0.25, 0.5]), codes=INT8)
    constants = "float[3,2] w = {0.5, 1.0, 0.25, 0.5, 1.0, 1.5}, float[1,2] f = {0.3, 0.7}"
    source = model("[fc] c = MatMul(x, w) y = Mul(c, f)", constants, takes="float[1,3] x", weights={"fc": rows})
    assert normalize(source)[0].scales.weights["fc"] == rows
