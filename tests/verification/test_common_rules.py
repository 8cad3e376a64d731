"""Every common rule: a healthy file passes all of them, and one change breaks the one that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.ir.affine import Affine
from dlpuconv.verification.rule import Severity
from dlpuconv.verification.rules import TFLITE_RULES
from dlpuconv_backends.flatbuffer import Operator
from tests.verification.tflite_models import (
    activation,
    constant,
    conv,
    edited,
    file_of,
    findings,
    healthy,
    one_op,
    options,
    plain,
    tensor_named,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_full_integer_file_breaks_no_rule() -> None:
    assert findings(healthy(), TFLITE_RULES) == {}


def test_every_rule_has_its_own_id_a_sentence_and_a_source() -> None:
    assert len({rule.id for rule in TFLITE_RULES}) == len(TFLITE_RULES)
    assert all(rule.sentence.endswith(".") and rule.source for rule in TFLITE_RULES)


def second_subgraph(model: Any) -> None:
    model.subgraphs.append(model.subgraphs[0])


def dynamic_batch(model: Any) -> None:
    tensor_named(model, "x").shapeSignature = np.array([-1, 8, 8, 3], np.int32)


def empty_extent(model: Any) -> None:
    tensor_named(model, "second").shape = np.array([1, 0, 4, 6], np.int32)


def batch_of_two(model: Any) -> None:
    tensor_named(model, "x").shape = np.array([2, 8, 8, 3], np.int32)


def custom(name: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        code = model.operatorCodes[2]
        assert code.builtinCode == schema.BuiltinOperator.LOGISTIC
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = name

    return change


def recurrent(model: Any) -> None:
    code = model.operatorCodes[2]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM


def retyped(tensor: str, number: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        tensor_named(model, tensor).type = number

    return change


def requantized(tensor: str, scale: list[float] | None, zero_point: list[int], axis: int = 0) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        made = schema.QuantizationParametersT()
        if scale is not None:
            made.scale, made.zeroPoint = np.array(scale, np.float32), np.array(zero_point, np.int64)
            made.quantizedDimension = axis
        tensor_named(model, tensor).quantization = made

    return change


def no_layers(model: Any) -> None:
    model.subgraphs[0].operators = []


@pytest.mark.parametrize(
    ("rule", "change", "detail"),
    [
        ("TFL-SUBGRAPHS", second_subgraph, "it has 2"),
        ("TFL-EMPTY", no_layers, "0 layers"),
        ("TFL-SHAPE", dynamic_batch, "[-1, 8, 8, 3]"),
        ("TFL-SHAPE", empty_extent, "[1, 0, 4, 6]"),
        ("TFL-BATCH", batch_of_two, "the batch is 2"),
        ("TFL-CUSTOM", custom("MyOp"), "'MyOp'"),
        ("TFL-FLEX", custom("FlexErf"), "FlexErf"),
        ("TFL-LSTM", recurrent, "16 bits"),
        ("TFL-FLOAT", retyped("second", schema.TensorType.FLOAT32), "CONV_2D works on float32"),
        ("TFL-HYBRID", retyped("first", schema.TensorType.FLOAT32), "float32 activations with int8 weights"),
        ("TFL-INT16", retyped("second", schema.TensorType.INT16), "int16"),
        ("TFL-INT64", retyped("second", schema.TensorType.INT64), "int64"),
        ("TFL-INT32", retyped("second", schema.TensorType.INT32), "CONV_2D computes in int32"),
        ("TFL-DTYPE", retyped("second", schema.TensorType.RESOURCE), "resource"),
        ("TFL-IO", retyped("y", schema.TensorType.FLOAT32), "the output is float32"),
        ("TFL-IO", requantized("x", None, []), "without scale"),
        ("TFL-UNQUANTIZED", requantized("second", None, []), "int8 without a scale"),
        ("TFL-UNQUANTIZED", requantized("first/w", None, []), "int8 without a scale"),
        ("TFL-SCALE", requantized("second", [0.0], [0]), "the scale 0"),
        ("TFL-SCALE", requantized("second", [float("nan")], [0]), "the scale nan"),
        ("TFL-SCALE", requantized("second", [0.05], [128]), "zero point 128 of int8"),
        ("TFL-WEIGHT-ZP", requantized("first/w", [0.01], [3]), "zero point is 3"),
        ("TFL-BIAS", requantized("first/b", [0.01 / 255], [1]), "zero point is not 0"),
        ("TFL-BIAS-SCALE", requantized("first/b", [0.0101 / 255], [0]), "the bias' scale is"),
        ("TFL-BIAS-SCALE", requantized("first/b", None, []), "no scale"),
        ("TFL-BIAS-SCALE", requantized("first/w", [0.01] * 5 + [0.02], [0] * 6), "the bias' scale is"),
        ("TFL-CHANNELS", requantized("second", [0.05] * 6, [0] * 6, 3), "neither weights nor a bias"),
        ("TFL-CHANNELS", requantized("first/w", [0.01] * 3, [0] * 3, 3), "along axis 3, the output channels along 0"),
        ("TFL-CHANNELS", requantized("first/w", [0.01] * 5, [0] * 5), "5 scales for the shape"),
        ("TFL-FIXED-SCALE", requantized("squashed", [1 / 128], [-128]), "LOGISTIC gives scale 0.0078125"),
    ],
)
def test_one_change_breaks_the_rule_that_is_meant(rule: str, change: Callable[[Any], None], detail: str) -> None:
    found = findings(edited(healthy(), change), TFLITE_RULES)
    assert rule in found
    assert any(detail in hit.detail for hit in found[rule].hits), found[rule].hits
    expected = Severity.WARN if rule == "TFL-FIXED-SCALE" else Severity.FAIL
    assert found[rule].severity is expected


@pytest.mark.parametrize("shape", [(2, 1, 8), (16, 8)])
def test_only_pictures_have_a_batch_to_be_1(shape: tuple[int, ...]) -> None:
    x, y = activation("state", shape), activation("y", shape)
    assert "TFL-BATCH" not in findings(one_op(Operator("RELU", [x], [y])), TFLITE_RULES)


def test_a_bias_scale_within_one_thousandth_passes() -> None:
    change = requantized("first/b", [0.01 / 255 * 1.0005], [0])
    assert "TFL-BIAS-SCALE" not in findings(edited(healthy(), change), TFLITE_RULES)


def test_a_32_bit_bias_may_not_be_16_or_64_bits_wide() -> None:
    x = activation("x", (1, 8, 8, 3))
    layer = conv(x, "y", 6)
    wide = layer.input(2)
    wide.dtype, wide.data = np.dtype(np.int64), np.zeros(6, np.int64)
    found = findings(one_op(layer), TFLITE_RULES)
    assert found["TFL-BIAS"].hits[0].detail == "the bias is int64"
    assert found["TFL-INT64"].hits[0].detail == "its bias is int64"


def test_per_channel_weights_along_the_output_channels_are_sound() -> None:
    x = activation("x", (1, 8, 8, 3))
    assert findings(one_op(conv(x, "y", 4, scale=[0.01, 0.02, 0.03, 0.04])), TFLITE_RULES) == {}


def test_depthwise_weights_have_their_channels_on_axis_3() -> None:
    x, y = activation("x", (1, 8, 8, 2)), activation("y", (1, 8, 8, 2))
    chosen = options("DepthwiseConv2D", strideH=1, strideW=1, depthMultiplier=1)
    sound = Operator("DEPTHWISE_CONV_2D", [x, weights("w", (1, 3, 3, 2), [0.01, 0.02], axis=3)], [y], chosen)
    assert findings(one_op(sound), TFLITE_RULES) == {}
    wrong = Operator("DEPTHWISE_CONV_2D", [x, weights("w", (1, 3, 3, 2), [0.01], axis=3)], [y], chosen)
    wrong.input(1).quantization = Affine.along(1, np.full(3, 0.01))
    assert "TFL-CHANNELS" in findings(one_op(wrong), TFLITE_RULES)


def test_uint8_weights_may_be_asymmetric() -> None:
    x, y = activation("x", (1, 2, 2, 1), "uint8"), activation("y", (1, 2), "uint8")
    kernels = weights("w", (2, 4), dtype="uint8")
    kernels.quantization = Affine.of(0.01, 31)
    layer = Operator("FULLY_CONNECTED", [x, kernels], [y], options("FullyConnected"))
    assert findings(one_op(layer), TFLITE_RULES) == {}


def test_a_dynamic_range_model_is_hybrid_and_float() -> None:
    x, y = plain("x", (1, 4)), plain("y", (1, 2))
    layer = Operator("FULLY_CONNECTED", [x, weights("w", (2, 4))], [y], options("FullyConnected"))
    found = findings(one_op(layer), TFLITE_RULES)
    assert {"TFL-FLOAT", "TFL-HYBRID", "TFL-IO"} <= set(found)


def test_a_float16_model_dequantizes_its_weights() -> None:
    x, y, kernels = plain("x", (1, 4)), plain("y", (1, 2)), plain("w32", (2, 4))
    half = constant("w16", np.zeros((2, 4)), "float16")
    unpack = Operator("DEQUANTIZE", [half], [kernels])
    layer = Operator("FULLY_CONNECTED", [x, kernels], [y], options("FullyConnected"))
    found = findings(file_of([x], [y], unpack, layer), TFLITE_RULES)
    assert found["TFL-DEQUANTIZE"].hits[0].layer == "w32"
    assert len(found["TFL-FLOAT"].hits) == 2


def test_one_float_op_behind_quantize_and_dequantize_is_found() -> None:
    x, y = activation("x", (1, 4)), activation("y", (1, 4))
    inside, outside = plain("inside", (1, 4)), plain("outside", (1, 4))
    found = findings(
        file_of(
            [x],
            [y],
            Operator("DEQUANTIZE", [x], [inside]),
            Operator("EXP", [inside], [outside]),
            Operator("QUANTIZE", [outside], [y]),
        ),
        TFLITE_RULES,
    )
    assert found["TFL-DEQUANTIZE"].severity is Severity.FAIL
    assert found["TFL-QUANTIZE"].hits[0].detail == "its input is float32"
    assert "EXP works on float32 (inside)" in [hit.detail for hit in found["TFL-FLOAT"].hits]


def detector() -> bytes:
    """An SSD's end: boxes and scores through DEQUANTIZE into the custom post-processing op."""
    boxes, scores = activation("boxes", (1, 10, 4)), activation("scores", (1, 10, 3))
    real_boxes, real_scores = plain("real boxes", (1, 10, 4)), plain("real scores", (1, 10, 3))
    anchors = constant("anchors", np.zeros((10, 4)), "float32")
    found = plain("found", (1, 5, 4))
    content = file_of(
        [boxes, scores],
        [found],
        Operator("DEQUANTIZE", [boxes], [real_boxes]),
        Operator("DEQUANTIZE", [scores], [real_scores]),
        Operator("NON_MAX_SUPPRESSION_V4", [real_boxes, real_scores, anchors], [found]),
    )

    def change(model: Any) -> None:
        code = model.operatorCodes[1]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "TFLite_Detection_PostProcess"

    return edited(content, change)


def test_the_post_processing_of_published_detectors_only_warns() -> None:
    found = findings(detector(), TFLITE_RULES)
    assert {"TFL-CUSTOM", "TFL-DEQUANTIZE", "TFL-WHOLE", "TFL-POST-PROCESSING"} <= set(found)
    assert "TFL-IO" not in found
    assert all(finding.severity is Severity.WARN for finding in found.values())


def test_ops_that_only_move_values_should_keep_the_scale() -> None:
    x, y = activation("x", (1, 4, 4, 2), scale=0.05), activation("y", (1, 32), scale=0.06)
    layer = Operator("RESHAPE", [x, constant("shape", [1, 32])], [y], options("Reshape"))
    found = findings(one_op(layer), TFLITE_RULES)
    assert found["TFL-SAME-SCALE"].severity is Severity.WARN
    assert "from scale 0.05" in found["TFL-SAME-SCALE"].hits[0].detail
    layer.outputs[0].quantization = x.quantization
    assert findings(one_op(layer), TFLITE_RULES) == {}


def test_a_small_branch_crushed_by_a_concatenation_is_told() -> None:
    boxes, scores = activation("boxes", (1, 4), scale=2.5), activation("scores", (1, 4), scale=1 / 256)
    coarse, joined = activation("coarse", (1, 4), scale=2.5), activation("joined", (1, 8), scale=2.5)
    found = findings(
        file_of(
            [boxes, scores],
            [joined],
            Operator("QUANTIZE", [scores], [coarse]),
            Operator("CONCATENATION", [boxes, coarse], [joined], options("Concatenation", axis=1)),
        ),
        TFLITE_RULES,
    )
    assert found["TFL-CONCAT-RANGE"].hits[0].detail == "scores keeps 1 of its 256 steps"


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_labels_as_output_only_warn_and_no_option_is_advised(dtype: str) -> None:
    x, best = activation("x", (1, 4, 4, 21)), plain("best", (1, 4, 4), dtype)
    kind = getattr(schema.TensorType, dtype.upper())
    layer = Operator("ARG_MAX", [x, constant("axis", 3)], [best], options("ArgMax", outputType=kind))
    found = findings(one_op(layer), TFLITE_RULES)
    assert {name: finding.severity for name, finding in found.items()} == {"TFL-WHOLE": Severity.WARN}
    assert found["TFL-WHOLE"].hits[0].detail == f"the output is {dtype}"
    assert "--" not in found["TFL-WHOLE"].fix


def test_positions_that_are_counted_from_the_end_are_positions() -> None:
    x, best = activation("x", (1, 4, 4, 21)), plain("best", (1, 4, 4), "int32")
    below, counted, y = (
        plain("below", (1, 4, 4), "bool"),
        plain("counted", (1, 4, 4), "int32"),
        plain("y", (1, 4, 4), "int32"),
    )
    found = findings(
        file_of(
            [x],
            [y],
            Operator(
                "ARG_MAX", [x, constant("axis", 3)], [best], options("ArgMax", outputType=schema.TensorType.INT32)
            ),
            Operator("LESS", [best, constant("zero", [0])], [below], options("Less")),
            Operator("ADD", [best, constant("many", [21])], [counted], options("Add")),
            Operator("SELECT_V2", [below, counted, best], [y], options("SelectV2")),
        ),
        TFLITE_RULES,
    )
    assert "TFL-INT32" not in found


def test_shape_arithmetic_left_in_the_graph_is_told() -> None:
    x, y = activation("x", (1, 4, 4, 2)), activation("y", (1, 32))
    shape, chosen = plain("shape", (4,), "int32"), plain("chosen", (2,), "int32")
    found = findings(
        file_of(
            [x],
            [y],
            Operator("SHAPE", [x], [shape], options("Shape", outType=schema.TensorType.INT32)),
            Operator("GATHER", [shape, constant("which", [0, 3])], [chosen], options("Gather")),
            Operator("RESHAPE", [x, chosen], [y], options("Reshape")),
        ),
        TFLITE_RULES,
    )
    assert set(found) == {"TFL-INT32"}
    assert found["TFL-INT32"].severity is Severity.WARN
    assert [hit.layer for hit in found["TFL-INT32"].hits] == ["shape", "chosen"]
