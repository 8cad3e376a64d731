"""QDQ graphs: what ONNX Runtime makes of them, how exact they are, and that the integer network is the file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.formats.onnx_graph import optimized, view_of
from dlpuconv.ir.affine import Affine
from dlpuconv.ir.source_names import UNKNOWN
from dlpuconv.quantization.draft import quantize_blindly
from dlpuconv.quantization.recipe import BiasCorrection, Rounding
from dlpuconv_backends.onnx_qdq.emission import cell_of, emit
from dlpuconv_backends.onnx_qdq.integer_network import IntegerNetwork
from dlpuconv_backends.onnx_qdq.network import Session
from dlpuconv_targets.onnxruntime import ONNXRUNTIME
from dlpuconv_targets.onnxruntime.rules import nothing_around_nothing
from tests.backends.onnx_qdq.examples import (
    PLAIN,
    SCHEME,
    attention,
    branches,
    emitted,
    exactness,
    network,
    separable,
)
from tests.backends.onnx_qdq.models import model, weights
from tests.network.contract import made_up, values_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.ir import Model
    from dlpuconv_backends.onnx_qdq.emission import Emitted

EXAMPLES = [separable, branches, attention]
every_example = pytest.mark.parametrize("make", EXAMPLES)


def operators(made: Emitted) -> dict[str, int]:
    """What ONNX Runtime runs."""
    return optimized(made.graph.split()).op_counts


def test_convolutions_sums_pools_and_products_run_on_codes() -> None:
    found = operators(emitted(separable()))
    assert found.pop("QuantizeLinear") == 1  # at the input; a product of matrices gives floats itself
    assert found == {
        "QLinearConv": 3, "QLinearAdd": 1, "QLinearGlobalAveragePool": 1, "Reshape": 1, "QGemm": 1,
    }  # fmt: skip


def test_products_of_matrices_and_softmax_run_on_codes() -> None:
    found = operators(emitted(attention()))
    assert found["QLinearMatMul"] == 3
    assert found["MatMulIntegerToFloat"] == 1  # in front of the normalization
    assert found["QGemm"] == 1
    assert found["QLinearSoftmax"] == 1
    assert not found.keys() & {"MatMul", "Gemm", "Softmax"}


@every_example
def test_a_file_is_about_as_exact_as_eight_bits_are(make: Callable[[], Model]) -> None:
    assert min(exactness(make(), emitted(make()))) > 30


@every_example
@pytest.mark.parametrize(
    "recipe",
    [
        replace(PLAIN, bias_correction=BiasCorrection.EMPIRICAL),
        replace(PLAIN, rounding=Rounding.LEARNED),
        pytest.param(replace(PLAIN, rounding=Rounding.TRAINED), marks=pytest.mark.slow),
    ],
    ids=["empirical", "learned", "trained"],
)
def test_techniques_that_run_integers_work_on_it(make: Callable[[], Model], recipe: object) -> None:
    assert min(exactness(make(), emitted(make(), recipe=recipe))) > 30  # type: ignore[arg-type] # a Recipe


@every_example
def test_the_integer_network_makes_what_the_file_makes(make: Callable[[], Model]) -> None:
    exact, made = network(make()), emitted(make())
    integer = IntegerNetwork(made)
    (feed,) = made_up(exact, 1)
    values = {v.name: feed[v.name] for v in integer.inputs}
    for node in integer.nodes:
        read = {v.name: values[v.name] for v in node.activations}
        outputs = next(integer.run_one(node, [read]))
        values.update({v.name: np.array(made) for v, made in zip(node.outputs, outputs, strict=True)})
    file = Session(made.graph, exact.inputs, exact.outputs)(feed)
    for value, codes, reals in zip(integer.outputs, (values[v.name] for v in integer.outputs), file, strict=True):
        found = codes if value.affine is None else value.affine.decode(codes)
        step = 0.0 if value.affine is None else value.affine.scale
        assert np.abs(found - reals).max() <= 1.01 * step + 1e-5


def test_other_constants_make_another_integer_network() -> None:
    integer = IntegerNetwork(emitted(separable()))
    node = next(n for n in integer.nodes if n.layer is not None)
    assert node.layer is not None
    assert node.layer.weights is not None
    from dlpuconv.network import Constants

    edited = integer.with_constants({node: Constants(weights=np.zeros_like(node.layer.weights))})
    (feed,) = made_up(network(separable()), 1)
    assert (
        np.ptp(values_of(edited, feed, [edited.nodes[integer.nodes.index(node)].output])[0].reshape(-1, 6), 0).max()
        == 0
    )
    assert integer.graph.constants[cell_of(node).weights].any()


def test_floats_read_floats_as_they_are() -> None:
    """HardSwish -> (Tanh, Conv): only the convolution reads codes."""
    source = model(
        """(float[1,4,4,4] x) => (float[1,4,4,4] y, float[1,4,4,4] z) {
            h = HardSwish(x) \n y = Tanh(h) \n z = Conv(h, w) }""",
        {"w": weights(4, 4, 1, 1)},
    )
    found = operators(emitted(source))
    assert found["QuantizeLinear"] == 1
    assert found["QLinearConv"] == found["Tanh"] == found["DequantizeLinear"] == 1


def test_a_sum_in_front_of_a_clip_has_the_name_that_it_has_in_the_source() -> None:
    """Under the clip's, a comparison by names would hold it against what is clipped."""
    made = emitted(separable()).graph
    assert "a" in made.makers
    assert "b" not in made.makers
    assert [n.op_type for n in made.readers["a"]] == ["QuantizeLinear"]


@pytest.mark.parametrize("behind", ["y = Gelu(b)", "y = Identity(b)"], ids=["a float operator", "an output"])
def test_a_product_that_floats_alone_read_is_not_rounded(behind: str) -> None:
    source = model(
        f"(float[1,3,4] x) => (float[1,3,2] y) {{ a = MatMul(x, w) \n b = Add(a, c) \n {behind} }}",
        {"w": weights(4, 2), "c": weights(2)},
    )
    found = operators(emitted(source))
    assert found["QGemm"] == found["QuantizeLinear"] == 1
    assert "DequantizeLinear" not in found


def test_a_product_that_is_computed_with_in_codes_is_rounded() -> None:
    source = model(
        "(float[1,4] x) => (float[1,4] y, float[1,4] z) { a = Gemm(x, w) \n y = Gelu(a) \n z = Gemm(a, v) }",
        {"w": weights(4, 4), "v": weights(4, 4, seed=1)},
    )
    found = operators(emitted(source))
    assert found["QGemm"] == 2
    assert found["DequantizeLinear"] == 1  # in front of Gelu
    assert "Gemm" not in found


def test_a_choice_between_values_runs_on_codes() -> None:
    source = model(
        """(float[1,4,4,4] x) => (float[1,4,4,4] y) {
            a = Conv(x, w) \n b = Conv(x, v) \n c = Where(mask, a, b)
            d = Where(mask, c, zero) \n y = Conv(d, w) }""",
        {"w": weights(4, 4, 1, 1), "v": weights(4, 4, 1, 1, seed=1), "mask": np.eye(4) > 0, "zero": np.float32(0)},
    )
    found = operators(emitted(source))
    assert found["QLinearWhere"] == 2
    assert found["QuantizeLinear"] == found["DequantizeLinear"] == 1
    assert min(exactness(source, emitted(source))) > 30


def test_a_clip_that_saturation_does_is_left_out() -> None:
    nodes = [node.op_type for node in emitted(separable()).graph.nodes]
    assert "Clip" not in nodes
    assert "Relu" not in nodes


ALONE = "(float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Relu(x) }"
BESIDE_ITS_INPUT = """(float[1,4,8,8] x) => (float[1,4,8,8] c, float[1,4,8,8] r, float[1,4,8,8] y) {
    c = Conv(x, w) \n r = Relu(c) \n y = Conv(r, w) }"""
AMONG_FLOATS = """(float[1,4,8,8] x) => (float[1,4,8,8] y, float[1,4,8,8] z) {
    h = HardSwish(x) \n r = Relu(h) \n y = Tanh(r) \n z = Conv(r, w) }"""
BEHIND_WHAT_OTHERS_READ = """(float[1,4,8,8] x) => (float[1,4,8,8] y, float[1,4,8,8] z) {
    c = Conv(x, w) \n r = Clip(c, low) \n y = Tanh(r) \n z = Conv(c, w) }"""
CLIPS = [ALONE, BESIDE_ITS_INPUT, AMONG_FLOATS, BEHIND_WHAT_OTHERS_READ]


@pytest.mark.parametrize("text", CLIPS, ids=["alone", "beside its input", "among floats", "behind what others read"])
@pytest.mark.parametrize("drafted", [False, True], ids=["measured", "drafted"])
def test_no_clip_is_a_reason_to_round(text: str, drafted: bool) -> None:
    source = model(text, {"w": weights(4, 4, 1, 1), "low": np.float32(0)} if "w)" in text else {})
    if drafted:
        made = emit(quantize_blindly(network(source), SCHEME, {}, UNKNOWN), drafted=True)
    else:
        made = emitted(source)
        assert min(exactness(source, made)) > 30
    split = made.graph.split()
    view = replace(view_of(split.proto, split.weights), optimizer=partial(optimized, split))
    assert not list(nothing_around_nothing(view, ONNXRUNTIME.context))


@pytest.mark.parametrize(
    ("attributes", "before", "after"),
    [
        ("strides = [2, 1]", "4,5", "9,7"),
        ("strides = [2, 1], output_padding = [1, 0], pads = [1, 1, 1, 1]", "4,5", "8,5"),
        ("dilations = [2, 2], pads = [2, 2, 2, 2]", "4,5", "4,5"),
        ("strides = [2], pads = [1, 0]", "7", "14"),
    ],
    ids=["one axis", "one axis, padded", "dilated", "one dimension"],
)
def test_transposed_convolutions_of_every_kind_run_on_codes(attributes: str, before: str, after: str) -> None:
    space = [3] * (before.count(",") + 1)
    source = model(
        f"""(float[1,4,{before}] x) => (float[1,4,{after}] y) {{
            a = Conv(x, v) \n b = ConvTranspose<{attributes}, kernel_shape = {space}>(a, w, c) \n y = Conv(b, v) }}""",
        {"v": weights(4, 4, *[1] * len(space)), "w": weights(4, 4, *space, seed=1), "c": weights(4, seed=2)},
    )
    found = operators(emitted(source))
    assert found["QLinearConv"] == 3
    assert found["QuantizeLinear"] == found["DequantizeLinear"] == 1
    assert not found.keys() & {"Conv", "ConvTranspose"}
    assert min(exactness(source, emitted(source))) > 30


def test_a_float_resize_keeps_its_exactness_between_equal_scales() -> None:
    """ONNX Runtime would resize bytes instead, and cut averages off half a step too low."""
    source = model(
        """(float[1,4,4,4] x) => (float[1,4,8,8] y) {
            a = Conv(x, w) \n r = Relu(a) \n u = Resize<mode = "linear">(r, , f) \n y = Conv(u, v) }""",
        {"w": weights(4, 4, 1, 1), "v": weights(4, 4, 1, 1, seed=1), "f": np.array([1, 1, 2, 2], np.float32)},
    )
    made = emitted(source)
    read, written = (next(n for n in made.nodes if n.kind == "Resize").activations[0], "u")
    scale = read.affine
    assert scale is not None
    recoded = next(n.output for n in made.nodes if n.kind == "QuantizeLinear" and n.input(0).name == written)
    assert recoded.affine != scale
    assert operators(made)["Resize"] == 1


def test_the_same_network_gives_the_same_bytes() -> None:
    one, other = (b"".join(emitted(branches()).graph.split().serialized()) for _ in range(2))
    assert one == other


def test_a_score_has_the_scale_of_the_interval_from_zero_to_one() -> None:
    made = emitted(branches())
    sigmoid = next(node for node in made.nodes if node.kind == "Sigmoid")
    assert sigmoid.output.affine == Affine.of(float(np.float32(1 / 255)), 0)
