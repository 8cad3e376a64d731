"""Quantized models that cannot be, or stand for no real numbers, end in one sentence."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.error_ids import raises_error
from tests.frontends.quantized.support import quantized
from tests.frontends.support import read

PAIR = "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)"


def refused(proto: onnx.ModelProto, *told: str) -> None:
    with raises_error(*told):
        read(proto)


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_is_above_zero(scale: float) -> None:
    refused(quantized(PAIR, f"float s = {{{scale}}}, int8 z = {{0}}"), "quantization-invalid", "scale 's'")


@pytest.mark.parametrize("scale", [np.nan, np.inf])
def test_a_scale_is_a_number(scale: float) -> None:
    proto = quantized(PAIR, "int8 z = {0}")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(scale, np.float32), "s"))
    refused(proto, "weights-not-finite", "'s'")


def test_a_scale_is_no_text_of_no_numbers() -> None:
    proto = quantized(PAIR, "int8 z = {0}")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(0, np.float32), "s"))
    refused(proto, "quantization-invalid", "scale 's'")


@pytest.mark.parametrize(
    ("nodes", "constants", "told"),
    [
        (PAIR, "float s = {1.0}, int8[2] z = {0, 0}", ("quantization-invalid", "shape []", "shape [2]")),
        (PAIR, "float s = {1.0}, float z = {0}", ("quantization-not-constant", "zero point 'z'")),
        (
            "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, other)",
            "float s = {1.0}, int8 z = {0}, uint8 other = {0}",
            ("quantization-invalid", "int8", "uint8"),
        ),
        (
            "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, other, z)",
            "float s = {1.0}, int8 z = {0}, float other = {2.0}",
            ("quantization-unreadable", "'q'"),
        ),
        (
            "s = ReduceMax(x) q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)",
            "int8 z = {0}",
            ("quantization-not-constant", "scale 's'"),
        ),
        (
            "w = DequantizeLinear<axis = 0>(k, s) y = Add(x, w)",
            "int8[3] k = {1, 2, 3}, float[2] s = {1.0, 2.0}",
            ("quantization-invalid", "2 scales along axis 0", "shape [3]"),
        ),
        (
            "w = DequantizeLinear<axis = 5>(k, s) y = Add(x, w)",
            "int8[2] k = {1, 2}, float[2] s = {1.0, 2.0}",
            ("quantization-invalid", "axis 5", "shape [2]"),
        ),
        (
            "w = DequantizeLinear(k, s) y = Add(x, w)",
            "int8[2] k = {1, 2}, float[2,1] s = {1.0, 2.0}",
            ("quantization-invalid", "shape [2, 1]", "block_size"),
        ),
        (
            "w = DequantizeLinear<axis = 0, block_size = 2>(k, s) y = Add(x, w)",
            "int8[4] k = {1, 2, 3, 4}, float[3] s = {1.0, 2.0, 3.0}",
            ("quantization-invalid", "shape [3]", "blocks of 2 along axis 0", "shape [4]"),
        ),
        (
            "w = DequantizeLinear(k, s) y = Add(x, w)",
            "int8 k = {100}, float s = {3e38}",
            ("quantization-invalid", "float32"),
        ),
        (
            "q = QuantizeLinear(x, s, z) c = Cast<to = 1>(q) y = Relu(c)",
            "float s = {1.0}, uint8 z = {0}",
            ("quantization-unreadable", "Cast (which makes 'c')", "'q'"),
        ),
        (
            "q = QuantizeLinear(x, s, z) a = Add(q, q) y = DequantizeLinear(a, s, z)",
            "float s = {1.0}, uint8 z = {0}",
            ("quantization-unreadable", "Add (which makes 'a')", "'q'"),
        ),
        (
            "i = Cast<to = 3>(x) y = DequantizeLinear(i, s, z)",
            "float s = {1.0}, int8 z = {0}",
            ("quantization-unreadable", "'i'"),
        ),
        (
            "q = QuantizeLinear(x, s, z) c = Clip(q, low) y = DequantizeLinear(c, s, z)",
            "float s = {1.0}, int8 z = {0}, int8 low = {127}",
            ("quantization-invalid", "Clip"),
        ),
        (
            "q = QuantizeLinear(x, s, z) y = com.acme.Dequantize(q)",
            "float s = {1.0}, int8 z = {0}",
            ("quantization-unreadable", "'q'"),
        ),
        ("y = QuantizeLinear<output_dtype = 17>(x, s)", "float s = {1.0}", ("quantization-unreadable", "FLOAT8E4M3FN")),
        ("q = QuantizeLinear() y = Relu(q)", "", ("quantization-unreadable",)),
        ("q = Clip() r = QuantizeLinear(x, s) y = Relu(q)", "float s = {1.0}", ("model-invalid",)),
        ("q = QuantizeLinear(x) y = Relu(q)", "", ("quantization-invalid", "1 inputs and 1 outputs")),
        (
            "y = com.microsoft.QLinearAdd(x, s, z)",
            "float s = {1.0}, int8 z = {0}",
            ("quantization-invalid", "3 inputs"),
        ),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence(nodes: str, constants: str, told: tuple[str, ...]) -> None:
    refused(quantized(nodes, constants), *told)


def test_integers_of_4_bits_are_read_by_nothing_else() -> None:
    proto = quantized("f = Cast<to = 1>(w) y = Add(x, f)")
    proto.graph.initializer.append(onnx.helper.make_tensor("w", onnx.TensorProto.INT4, [4], [1, 2, 3, 4]))
    refused(proto, "quantization-unreadable", "'w'", "INT4")


def test_too_few_bytes_of_4_bit_integers_are_noticed() -> None:
    proto = quantized("w = DequantizeLinear(w_q, s) y = Add(x, w)", "float s = {1.0}")
    proto.graph.initializer.add(name="w_q", data_type=onnx.TensorProto.INT4, dims=[4], raw_data=b"\x11")
    refused(proto, "tensor-size", "'w_q'", "[4]", "needs 2 bytes", "1")


def test_a_block_longer_than_its_axis_takes_no_memory() -> None:
    proto = quantized(
        "w = DequantizeLinear<axis = 0, block_size = 2000000000>(k, s) y = Add(x, w)",
        "int8[4] k = {1, 2, 3, 4}, float[1] s = {1.0}",
    )
    assert read(proto).scales.activations
