"""What a quantized source states holds as long as the value, or the layer with the weights, is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnx

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


def test_weights_that_a_normalization_is_folded_into_keep_theirs_for_the_quantizer_to_refuse() -> None:
    nodes = "[conv] c = Conv(x, w) y = BatchNormalization(c, g, b, m, v)"
    constants = (
        "float[2,2,1,1] w = {0.5, 1.0, 0.25, 0.5}, float[2] g = {0.3, 0.7}, float[2] b = {0, 0}, float[2] m = {0, 0},"
        " float[2] v = {1, 2}"
    )
    source = model(
        nodes, constants, takes="float[1,2,4,4] x", weights={"conv": ROWS}, activations={"c": HALF, "y": HALF}
    )
    normal = normalize(source)[0]
    assert normal.scales.weights == {"conv": ROWS}
    assert normal.scales.activations == {"y": HALF}  # c is no value of the network any more


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
