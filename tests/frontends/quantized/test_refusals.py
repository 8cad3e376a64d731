"""Quantized models that cannot be, or stand for no real numbers, end in one sentence."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from dlpuconv.errors import DlpuconvError, ModelError, UnsupportedModelError
from tests.frontends.quantized.support import quantized
from tests.frontends.support import read

PAIR = "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)"


def refused(proto: onnx.ModelProto, kind: type[DlpuconvError], sentence: str) -> None:
    with pytest.raises(kind) as caught:
        read(proto)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_is_above_zero(scale: float) -> None:
    refused(quantized(PAIR, f"float s = {{{scale}}}, int8 z = {{0}}"), ModelError, "a scale 's' that is not above zero")


@pytest.mark.parametrize("scale", [np.nan, np.inf])
def test_a_scale_is_a_number(scale: float) -> None:
    proto = quantized(PAIR, "int8 z = {0}")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(scale, np.float32), "s"))
    refused(proto, ModelError, "the weights 's' hold")


def test_a_scale_is_no_text_of_no_numbers() -> None:
    proto = quantized(PAIR, "int8 z = {0}")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(0, np.float32), "s"))
    refused(proto, ModelError, "a scale 's' that is not above zero throughout")


@pytest.mark.parametrize(
    ("nodes", "constants", "kind", "sentence"),
    [
        (PAIR, "float s = {1.0}, int8[2] z = {0, 0}", ModelError, "scale of shape [] and a zero point of shape [2]"),
        (PAIR, "float s = {1.0}, float z = {0}", UnsupportedModelError, "its zero point 'z' is no constant integer"),
        (
            "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, other)",
            "float s = {1.0}, int8 z = {0}, uint8 other = {0}",
            ModelError,
            "reads int8 and has a zero point of type uint8",
        ),
        (
            "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, other, z)",
            "float s = {1.0}, int8 z = {0}, float other = {2.0}",
            UnsupportedModelError,
            "reads 'q' with another scale than it was made with",
        ),
        (
            "s = ReduceMax(x) q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)",
            "int8 z = {0}",
            UnsupportedModelError,
            "its scale 's' is no constant number, and only constant scales can be kept",
        ),
        (
            "w = DequantizeLinear<axis = 0>(k, s) y = Add(x, w)",
            "int8[3] k = {1, 2, 3}, float[2] s = {1.0, 2.0}",
            ModelError,
            "has 2 scales along axis 0 of a tensor of shape [3]",
        ),
        (
            "w = DequantizeLinear<axis = 5>(k, s) y = Add(x, w)",
            "int8[2] k = {1, 2}, float[2] s = {1.0, 2.0}",
            ModelError,
            "has scales along axis 5 of a tensor of shape [2]",
        ),
        (
            "w = DequantizeLinear(k, s) y = Add(x, w)",
            "int8[2] k = {1, 2}, float[2,1] s = {1.0, 2.0}",
            ModelError,
            "has a scale of shape [2, 1], and no block_size",
        ),
        (
            "w = DequantizeLinear<axis = 0, block_size = 2>(k, s) y = Add(x, w)",
            "int8[4] k = {1, 2, 3, 4}, float[3] s = {1.0, 2.0, 3.0}",
            ModelError,
            "has scales of shape [3] for blocks of 2 along axis 0 of a tensor of shape [4]",
        ),
        (
            "w = DequantizeLinear(k, s) y = Add(x, w)",
            "int8 k = {100}, float s = {3e38}",
            ModelError,
            "makes numbers beyond float32",
        ),
        (
            "q = QuantizeLinear(x, s, z) c = Cast<to = 1>(q) y = Relu(c)",
            "float s = {1.0}, uint8 z = {0}",
            UnsupportedModelError,
            "Cast (which makes 'c') computes with the integers 'q' themselves",
        ),
        (
            "q = QuantizeLinear(x, s, z) a = Add(q, q) y = DequantizeLinear(a, s, z)",
            "float s = {1.0}, uint8 z = {0}",
            UnsupportedModelError,
            "Add (which makes 'a') computes with the integers 'q' themselves",
        ),
        (
            "i = Cast<to = 3>(x) y = DequantizeLinear(i, s, z)",
            "float s = {1.0}, int8 z = {0}",
            UnsupportedModelError,
            "reads 'i', which no QuantizeLinear has made",
        ),
        (
            "q = QuantizeLinear(x, s, z) c = Clip(q, low) y = DequantizeLinear(c, s, z)",
            "float s = {1.0}, int8 z = {0}, int8 low = {127}",
            ModelError,
            "leaves one code or none",
        ),
        (
            "q = QuantizeLinear(x, s, z) y = com.acme.Dequantize(q)",
            "float s = {1.0}, int8 z = {0}",
            UnsupportedModelError,
            "computes with the integers 'q' themselves",
        ),
        ("y = QuantizeLinear<output_dtype = 17>(x, s)", "float s = {1.0}", UnsupportedModelError, "makes FLOAT8E4M3FN"),
        ("q = QuantizeLinear() y = Relu(q)", "", UnsupportedModelError, "quantized in a form that cannot be read"),
        ("q = Clip() r = QuantizeLinear(x, s) y = Relu(q)", "float s = {1.0}", ModelError, "not valid ONNX"),
        ("q = QuantizeLinear(x) y = Relu(q)", "", ModelError, "has 1 inputs and 1 outputs, which cannot be"),
        (
            "y = com.microsoft.QLinearAdd(x, s, z)",
            "float s = {1.0}, int8 z = {0}",
            ModelError,
            "has only 3 operands",
        ),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence(
    nodes: str, constants: str, kind: type[DlpuconvError], sentence: str
) -> None:
    refused(quantized(nodes, constants), kind, sentence)


def test_integers_of_4_bits_are_read_by_nothing_else() -> None:
    proto = quantized("f = Cast<to = 1>(w) y = Add(x, f)")
    proto.graph.initializer.append(onnx.helper.make_tensor("w", onnx.TensorProto.INT4, [4], [1, 2, 3, 4]))
    refused(proto, UnsupportedModelError, "the tensor 'w' is INT4, and only a DequantizeLinear can read that")


def test_too_few_bytes_of_4_bit_integers_are_noticed() -> None:
    proto = quantized("w = DequantizeLinear(w_q, s) y = Add(x, w)", "float s = {1.0}")
    proto.graph.initializer.add(name="w_q", data_type=onnx.TensorProto.INT4, dims=[4], raw_data=b"\x11")
    refused(proto, ModelError, "the tensor 'w_q' of shape [4] needs 2 bytes, and 1 are there")


def test_a_block_longer_than_its_axis_takes_no_memory() -> None:
    proto = quantized(
        "w = DequantizeLinear<axis = 0, block_size = 2000000000>(k, s) y = Add(x, w)",
        "int8[4] k = {1, 2, 3, 4}, float[1] s = {1.0}",
    )
    assert read(proto).scales.activations
