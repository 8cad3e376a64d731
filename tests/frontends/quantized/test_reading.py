"""A quantized model becomes the float model that its integers stand for, and its scales are stated."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir
import pytest

from dlpuconv.frontends.quantized import read_quantized
from dlpuconv.ir.affine import INT8, UINT8, Affine, IntegerType
from dlpuconv.ir.given_scales import NOT_GIVEN, StatedScale
from tests.frontends.quantized.support import computes_the_same, quantized
from tests.frontends.support import chain, node, operators, read, run

PAIR = "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z)"
X = np.linspace(-3, 3, 32, dtype=np.float32).reshape(1, 2, 4, 4)
CONV = """
    q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z)
    w = DequantizeLinear<axis = 0>(w_q, w_s, w_z)
    b = DequantizeLinear<axis = 0>(b_q, b_s)
    [conv] c = Conv(d, w, b)
    c_q = QuantizeLinear(c, c_s, c_z) y = DequantizeLinear(c_q, c_s, c_z)
"""
CONV_CONSTANTS = """
    float s = {0.5}, int8 z = {3}, int8[3,2,1,1] w_q = {1, -2, 3, 127, -127, 5},
    float[3] w_s = {0.5, 0.25, 0.125}, int8[3] w_z = {0, 0, 0}, int32[3] b_q = {4, -8, 100},
    float[3] b_s = {0.25, 0.125, 0.0625}, float c_s = {0.25}, int8 c_z = {-128}
"""


def stated(scale: float, zero_point: int, codes: IntegerType = INT8) -> StatedScale:
    return StatedScale(affine=Affine.of(scale, zero_point), codes=codes)


def constant(proto: onnx.ModelProto, name: str) -> np.ndarray:  # type: ignore[type-arg]
    value = read(proto).graph.graph.initializers[name].const_value
    assert value is not None
    return value.numpy()


def test_a_pair_goes_and_its_scale_is_stated() -> None:
    model = read(quantized(f"{PAIR} y = Sigmoid(d)", "float s = {0.5}, uint8 z = {7}"))
    assert operators(model) == ["Sigmoid"]
    assert model.scales.activations == {"x": stated(0.5, 7, UINT8)}
    assert not model.scales.weights


def test_weights_and_bias_are_the_numbers_that_their_codes_stand_for() -> None:
    proto = quantized(CONV, CONV_CONSTANTS)
    np.testing.assert_array_equal(constant(proto, "w").ravel(), [0.5, -1, 0.75, 31.75, -15.875, 0.625])
    np.testing.assert_array_equal(constant(proto, "b"), [1, -1, 6.25])
    affine = Affine((0.5, 0.25, 0.125), (0, 0, 0), 0)
    assert read(proto).scales.weights == {"conv": StatedScale(affine=affine, codes=INT8)}


def test_it_computes_what_the_quantized_model_computes() -> None:
    computes_the_same(quantized(CONV, CONV_CONSTANTS), x=X)


def test_an_output_keeps_its_name() -> None:
    model = read(quantized(CONV, CONV_CONSTANTS))
    assert [value.name for value in model.signature.outputs] == ["y"]
    assert model.scales.activations["y"] == stated(0.25, -128)


@pytest.mark.parametrize(
    ("maker", "zero_point", "wanted"),
    [
        ("Neg", -128, ["Neg", "Relu"]),  # the lowest code is zero, and what comes may be below
        ("Neg", -127, ["Neg"]),  # one code is below zero
        ("Sigmoid", -128, ["Sigmoid"]),  # nothing comes from below
        ("Relu", -128, ["Relu"]),
        ("Abs", -128, ["Abs"]),
        ("LeakyRelu", -128, ["LeakyRelu", "Relu"]),
    ],
)
def test_a_relu_that_saturation_stands_for_is_put_back(maker: str, zero_point: int, wanted: list[str]) -> None:
    proto = quantized(
        f"a = {maker}(x) q = QuantizeLinear(a, s, z) y = DequantizeLinear(q, s, z)",
        f"float s = {{0.01}}, int8 z = {{{zero_point}}}",
    )
    assert operators(read(proto)) == wanted
    computes_the_same(proto, x=X)


@pytest.mark.parametrize(
    ("scale", "wanted"),
    [(6 / 255, "Clip"), (5.98 / 255, "Relu"), (5.99 / 255, "Clip"), (0.05, "Relu")],
)
@pytest.mark.parametrize("opset", [10, 17])
def test_a_relu6_that_saturation_stands_for_is_put_back(scale: float, wanted: str, opset: int) -> None:
    nodes = "a = Neg(x) q = QuantizeLinear(a, s, z) y = DequantizeLinear(q, s, z)"
    proto = quantized(nodes, f"float s = {{{scale}}}, int8 z = {{-128}}", opset=opset)
    computes_the_same(proto, x=20 * X)
    model = read(proto)
    assert operators(model) == ["Neg", wanted]
    (made,) = run(bytes(onnx_ir.to_proto(model.graph).SerializeToString()), x=np.full_like(X, -100))
    assert made.max() == (6.0 if wanted == "Clip" else 100.0)


@pytest.mark.parametrize(
    ("nodes", "needed"),
    [
        ("a = Mul(x, x)", False),
        ("a = Pow(x, two)", False),
        ("b = Erf(x) a = Add(b, one)", False),
        ("b = Erf(x) a = Sub(b, one)", True),
        ("a = Clip(x, one)", False),
        ("b = Neg(x) c = Relu(x) a = Concat<axis = 1>(b, c)", True),
        ("b = Relu(x) a = Sub(b, one)", True),
    ],
)
def test_only_what_may_be_below_zero_is_cut_off(nodes: str, needed: bool) -> None:
    pair = "q = QuantizeLinear(a, s, z) d = DequantizeLinear(q, s, z) y = Sigmoid(d)"
    constants = "float s = {0.01}, int8 z = {-128}, float one = {1.0}, float two = {2.0}"
    assert (operators(read(quantized(f"{nodes} {pair}", constants)))[-2] == "Relu") == needed


def test_a_sum_of_what_is_not_negative_needs_no_relu() -> None:
    nodes = "a = Relu(x) b = Sigmoid(x) c = Add(a, b) e = MaxPool<kernel_shape = [2, 2]>(c) f = Mul(e, k)"
    proto = quantized(
        f"{nodes} q = QuantizeLinear(f, s, z) y = DequantizeLinear(q, s, z)",
        "float s = {0.1}, uint8 z = {0}, float k = {2.0}",
    )
    assert "Relu" not in operators(read(proto))[1:]


def test_zeros_around_what_is_not_negative_need_no_relu() -> None:
    pads = "int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1}, float s = {0.1}, uint8 z = {0}"
    proto = quantized("a = Relu(x) b = Pad(a, pads) q = QuantizeLinear(b, s, z) y = DequantizeLinear(q, s, z)", pads)
    assert operators(read(proto)) == ["Relu", "Pad"]
    computes_the_same(proto, x=X)


def test_what_is_below_zero_around_it_is_cut_off_where_an_attribute_says_it() -> None:
    nodes = "a = Relu(x) b = Pad<pads = [0, 0, 1, 1, 0, 0, 1, 1], value = -1.0>(a)"
    pair = "q = QuantizeLinear(b, s, z) y = DequantizeLinear(q, s, z)"
    proto = quantized(f"{nodes} {pair}", "float s = {0.1}, uint8 z = {0}", opset=10)
    assert operators(read(proto))[-1] == "Relu"
    computes_the_same(proto, x=X)


def test_what_bypasses_the_pair_is_not_cut_off() -> None:
    nodes = "a = Neg(x) q = QuantizeLinear(a, s, z) d = DequantizeLinear(q, s, z) y = Sub(d, a)"
    proto = quantized(nodes, "float s = {0.01}, uint8 z = {0}")
    computes_the_same(proto, x=X)


def test_each_value_of_a_chain_of_moves_keeps_its_own_scale() -> None:
    proto = quantized(
        f"{PAIR} m = MaxPool<kernel_shape = [2, 2]>(d) q2 = QuantizeLinear(m, s, z) d2 = DequantizeLinear(q2, s, z)"
        " t = Transpose<perm = [0, 2, 3, 1]>(d2) q3 = QuantizeLinear(t, s3, z) y = DequantizeLinear(q3, s3, z)",
        "float s = {0.5}, float s3 = {0.25}, int8 z = {0}",
    )
    found = read(proto).scales.activations
    assert found == {"x": stated(0.5, 0), "m": stated(0.5, 0), "y": stated(0.25, 0)}


def test_codes_that_are_moved_are_moved_as_real_numbers() -> None:
    proto = quantized(
        "q = QuantizeLinear(x, s, z) m = MaxPool<kernel_shape = [2, 2]>(q) t = Transpose<perm = [0, 2, 3, 1]>(m)"
        " p = Pad(t, pads) y = DequantizeLinear(p, s, z)",
        "float s = {0.5}, int8 z = {2}, int64[8] pads = {0, 0, 0, 0, 0, 1, 1, 0}",
    )
    assert operators(read(proto)) == ["MaxPool", "Transpose", "Pad"]
    assert read(proto).scales.activations["y"] == stated(0.5, 2)
    computes_the_same(proto, x=X)


def test_two_pairs_with_the_same_numbers_are_one() -> None:
    nodes = f"{PAIR} q2 = QuantizeLinear(x, s2, z2) d2 = DequantizeLinear(q2, s2, z2) y = Add(d, d2)"
    model = read(quantized(nodes, "float s = {0.5}, int8 z = {0}, float s2 = {0.5}, int8 z2 = {0}"))
    assert model.scales.activations == {"x": stated(0.5, 0)}
    assert not model.scales.told


def test_of_two_pairs_with_other_numbers_the_widest_is_kept_and_that_is_told() -> None:
    nodes = f"{PAIR} q2 = QuantizeLinear(x, s2, z) d2 = DequantizeLinear(q2, s2, z) y = Add(d, d2)"
    model = read(quantized(nodes, "float s = {0.5}, int8 z = {0}, float s2 = {0.75}"))
    assert model.scales.activations == {"x": stated(0.75, 0)}
    assert model.scales.several == {"x"}
    assert model.scales.told == ("'x' is quantized with 2 different scales: the one of the widest range is kept",)


def test_a_clip_between_narrows_the_codes() -> None:
    proto = quantized(
        "q = QuantizeLinear(x, s, z) c = Clip(q, low, high) d = DequantizeLinear(c, s, z) y = Identity(d)",
        "float s = {0.5}, int8 z = {0}, int8 low = {-8}, int8 high = {7}",
    )
    assert operators(read(proto)) == ["Identity"]
    assert read(proto).scales.activations["x"] == stated(0.5, 0, IntegerType(4, signed=True))
    computes_the_same(proto, x=X * 10)


def test_a_narrow_range_is_still_one_of_8_bits() -> None:
    proto = quantized(
        "q = QuantizeLinear(x, s, z) c = Clip(q, low, high) d = DequantizeLinear(c, s, z) y = Sigmoid(d)",
        "float s = {0.5}, int8 z = {0}, int8 low = {-127}, int8 high = {127}",
    )
    assert read(proto).scales.activations["x"] == stated(0.5, 0)


def test_weights_that_are_quantized_on_the_fly_are_folded() -> None:
    proto = quantized(
        "q = QuantizeLinear(w, s, z) c = Clip(q, low, high) d = DequantizeLinear(c, s, z) [conv] y = Conv(x, d)",
        "float[1,2,1,1] w = {0.26, -100.0}, float s = {0.5}, int8 z = {0}, int8 low = {-127}, int8 high = {127}",
    )
    np.testing.assert_array_equal(constant(proto, "d").ravel(), [0.5, -63.5])
    assert read(proto).scales.weights == {"conv": stated(0.5, 0)}


def test_weights_may_be_turned_between_their_codes_and_their_layer() -> None:
    proto = quantized(
        "d = DequantizeLinear<axis = 0>(w, s, z) t = Transpose(d) [layer] y = MatMul(x, t)",
        "int8[3,2] w = {1, 2, 3, 4, 5, 6}, float[3] s = {1.0, 2.0, 4.0}, int8[3] z = {0, 0, 0}",
        takes="float[1,2] x",
    )
    assert read(proto).scales.weights["layer"].affine == Affine((1.0, 2.0, 4.0), (0, 0, 0), 0)


def test_a_constant_that_is_no_weight_is_stated_as_a_value() -> None:
    proto = quantized(
        "d = DequantizeLinear(k, s, z) y = Add(x, d)", "uint8 k = {130}, float s = {0.5}, uint8 z = {128}"
    )
    assert read(proto).scales.activations == {"d": stated(0.5, 128, UINT8)}
    assert constant(proto, "d") == 1.0


def test_a_table_of_which_rows_are_chosen_is_dequantized_first() -> None:
    proto = quantized(
        "r = Gather(table, rows) d = DequantizeLinear(r, s, z) y = Add(x, d)",
        "int8[3,2] table = {1, 2, 3, 4, 5, 6}, float s = {0.5}, int8 z = {1}",
        takes="float[1,2] x, int64[1] rows",
    )
    assert operators(read(proto)) == ["Gather", "Add"]
    computes_the_same(proto, x=np.ones((1, 2), np.float32), rows=np.array([2]))


def test_a_scale_may_be_cast_and_shaped_as_exporters_do() -> None:
    nodes = "c = Cast<to = 1>(wide) s = Reshape(c, one) z = Cast<to = 3>(zero) " + PAIR + " y = Sigmoid(d)"
    proto = quantized(nodes, "double wide = {0.5}, int64[1] one = {1}, int64[1] zero = {3}")
    assert read(proto).scales.activations == {"x": stated(0.5, 3)}


def test_weights_may_be_turned_before_they_are_quantized() -> None:
    proto = quantized(
        "t = Transpose(w) q = QuantizeLinear(t, s, z) d = DequantizeLinear(q, s, z) [layer] y = MatMul(x, d)",
        "float s = {0.5}, int8 z = {0}",
        takes="float[1,200] x",
    )
    weights = np.random.default_rng(0).standard_normal((100, 200)).astype(np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    np.testing.assert_array_equal(constant(proto, "d"), np.rint(weights.T * 2) / 2)
    assert read(proto).scales.weights == {"layer": stated(0.5, 0)}


def test_weights_may_be_cast_between_their_codes_and_their_layer() -> None:
    proto = quantized(
        "d = DequantizeLinear(w, s, z) c = Cast<to = 1>(d) [layer] y = Conv<kernel_shape = [1, 1]>(x, c)",
        "int8[1,2,1,1] w = {1, 2}, int8 z = {0}",
    )
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0.5, np.float16), "s"))
    assert read(proto).scales.weights == {"layer": stated(0.5, 0)}


def test_integers_of_4_bits_are_unpacked() -> None:
    proto = quantized(
        "w = DequantizeLinear<axis = 0>(w_q, s) [conv] y = Conv(x, w)", "float[1] s = {0.5}", takes="float[1,3,4,4] x"
    )
    tensor = onnx.helper.make_tensor("w_q", onnx.TensorProto.INT4, [1, 3, 1, 1], [-8, 7, 3])
    proto.graph.initializer.append(tensor)
    np.testing.assert_array_equal(constant(proto, "w").ravel(), [-4, 3.5, 1.5])
    assert read(proto).scales.weights["conv"].codes == IntegerType(4, signed=True)


def test_blocks_are_dequantized_and_their_scales_not_stated() -> None:
    proto = quantized(
        "w = DequantizeLinear<axis = 0, block_size = 2>(w_q, s) [layer] y = MatMul(x, w)",
        "int8[3,2] w_q = {1, 2, 3, 4, 5, 6}, float[2,2] s = {1.0, 10.0, 0.5, 5.0}",
        takes="float[1,3] x",
    )
    np.testing.assert_array_equal(constant(proto, "w"), [[1, 20], [3, 40], [2.5, 30]])
    assert not read(proto).scales.weights
    assert read(proto).scales.told == ("the constant 'w' is scaled in blocks of 2: its scales are fitted anew",)


def test_quantized_ends_become_real_ones_of_the_same_names() -> None:
    proto = quantized(
        "t = Transpose<perm = [0, 3, 1, 2]>(x) d = DequantizeLinear(t, s, z) r = Neg(d) y = QuantizeLinear(r, s2, z)",
        "float s = {0.5}, uint8 z = {128}, float s2 = {0.25}",
        takes="uint8[1,4,4,2] x",
        gives="uint8[] y",
    )
    model = read(proto)
    assert [(spec.name, spec.dtype) for spec in (*model.signature.inputs, *model.signature.outputs)] == [
        ("x", "float32"), ("y", "float32"),
    ]  # fmt: skip
    assert model.scales.activations["x"] == stated(0.5, 128, UINT8)
    assert model.scales.activations["y"] == stated(0.25, 128, UINT8)
    assert len(model.scales.told) == 2
    pixels = np.arange(32, dtype=np.uint8).reshape(1, 4, 4, 2) * 8
    (codes,) = run(proto.SerializeToString(), x=pixels)
    (real,) = run(model, x=(pixels - 128.0) * 0.5)
    np.testing.assert_array_equal(np.clip(np.rint(real / 0.25) + 128, 0, 255), codes)


def test_the_network_may_end_at_a_value_between() -> None:
    model = read(quantized(CONV, CONV_CONSTANTS), cut_at=["d"])
    assert [value.name for value in model.signature.outputs] == ["d"]


def test_a_network_that_ends_in_front_of_a_pair_keeps_its_scale() -> None:
    model = read(quantized(CONV, CONV_CONSTANTS), cut_at=["c"])
    assert [value.name for value in model.signature.outputs] == ["c"]
    assert model.scales.activations["c"] == stated(0.25, -128)


def test_it_does_so_where_exporters_cast_the_zero_point() -> None:
    nodes = "a = Relu(x) z = Cast<to = 3>(zero) q = QuantizeLinear(a, s, z) y = DequantizeLinear(q, s, z)"
    model = read(quantized(nodes, "float s = {0.5}, int64 zero = {3}"), cut_at=["a"])
    assert model.scales.activations == {"a": stated(0.5, 3)}


def test_what_is_cut_off_need_not_be_readable() -> None:
    nodes = f"{PAIR} a = Relu(d) q2 = QuantizeLinear(a, s, z) y = Cast<to = 1>(q2)"
    model = read(quantized(nodes, "float s = {0.5}, uint8 z = {0}"), cut_at=["a"])
    assert operators(model) == ["Relu"]
    assert set(model.scales.activations) == {"x", "a"}


def test_values_that_a_branch_reads_keep_their_names_in_an_order_that_no_hash_decides() -> None:
    names = [f"d{number}" for number in range(8)]
    pairs = " ".join(f"q{name} = QuantizeLinear(x, s, z) {name} = DequantizeLinear(q{name}, s, z)" for name in names)
    sums = f"total = Sum({', '.join(names)})"
    branch = f"then_branch = one () => (float[1,2] total) {{ {sums} }}"
    other = "else_branch = two () => (float[1,2] same) { same = Identity(x) }"
    proto = quantized(
        f"{pairs} y = If<{branch}, {other}>(c)", "float s = {0.5}, uint8 z = {128}", takes="float[1,2] x, bool c"
    )
    read_quantized(proto, {})
    assert [each.output[0] for each in proto.graph.node] == [*names, "y"]


def test_integers_that_stand_for_themselves_are_left_alone() -> None:
    proto = chain(node("Cast", ["x"], ["i"], to=onnx.TensorProto.UINT8), node("Cast", ["i"], ["y"], to=1))
    model = read(proto)
    assert operators(model) == ["Cast", "Cast"]
    assert model.scales == NOT_GIVEN
