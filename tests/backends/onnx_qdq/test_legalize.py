"""Rewrites towards integer kernels keep the function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv_backends.onnx_qdq.legalize import legalize
from tests.backends.onnx_qdq.models import answers, model, operators, weights

if TYPE_CHECKING:
    from dlpuconv.ir import Model
    from dlpuconv.passes.contract import Declined


def legalized(source: Model) -> tuple[Model, dict[str, int], list[Declined]]:
    """The legal model, how often each rewrite fired, and what was left alone."""
    legal, reports = legalize(source)
    fired = {entry.name: entry.fired for entry in reports if entry.fired}
    return legal, fired, [left for entry in reports for left in entry.declined]


def same_answers(before: object, after: object) -> bool:
    pairs = zip(answers(before), answers(after), strict=True)  # type: ignore[arg-type] # models
    return all(np.allclose(one, other, rtol=1e-5, atol=1e-5) for one, other in pairs)


def test_a_mean_over_a_map_becomes_a_pool_of_it() -> None:
    source = model("(float[1,4,6,5] x) => (float[1,4,1,1] y) { y = ReduceMean<keepdims = 1>(x, a) }", {"a": [2, 3]})
    legal, fired, _ = legalized(source)
    assert operators(legal) == ["GlobalAveragePool"]
    assert fired == {"mean-to-pool": 1}
    assert same_answers(source, legal)


@pytest.mark.parametrize(("axis", "shape"), [(2, "1,4,1,5"), (3, "1,4,6,1")])
def test_a_mean_over_one_side_becomes_a_pool_of_that_length(axis: int, shape: str) -> None:
    source = model(f"(float[1,4,6,5] x) => (float[{shape}] y) {{ y = ReduceMean<keepdims = 1>(x, a) }}", {"a": [axis]})
    legal, _, _ = legalized(source)
    assert operators(legal) == ["AveragePool"]
    assert same_answers(source, legal)


@pytest.mark.parametrize(("axes", "shape"), [([1], "1,1,6,5"), ([1, 2, 3], "1,1,1,1")])
def test_a_mean_over_channels_stays(axes: list[int], shape: str) -> None:
    source = model(f"(float[1,4,6,5] x) => (float[{shape}] y) {{ y = ReduceMean<keepdims = 1>(x, a) }}", {"a": axes})
    assert operators(legalized(source)[0]) == ["ReduceMean"]


def test_the_mean_of_a_sequence_stays() -> None:
    source = model("(float[1,4,6] x) => (float[1,4,1] y) { y = ReduceMean<keepdims = 1>(x, a) }", {"a": [2]})
    assert operators(legalized(source)[0]) == ["ReduceMean"]


def test_the_dilations_of_a_pool_that_is_not_dilated_are_left_out() -> None:
    text = (
        "(float[1,4,6,6] x) => (float[1,4,3,3] y) { y = AveragePool<kernel_shape = [2, 2], strides = [2, 2], DIL>(x) }"
    )
    source = model(text.replace("DIL", "dilations = [1, 1]"))
    legal, fired, _ = legalized(source)
    assert fired == {"without-dilations": 1}
    assert same_answers(source, legal)


def test_a_product_of_a_turned_matrix_reads_it_turned() -> None:
    source = model(
        "(float[1,4,3] x) => (float[3,2] y) { m = Reshape(x, s) \n y = Gemm<transA = 1>(m, w, b) }",
        {"s": [4, 3], "w": weights(4, 2), "b": weights(2)},
    )
    legal, fired, _ = legalized(source)
    assert operators(legal) == ["Reshape", "Transpose", "Gemm"]
    assert fired == {"turn-first": 1}
    assert same_answers(source, legal)


def test_a_constant_is_added_instead_of_subtracted() -> None:
    source = model("(float[1,4] x) => (float[1,4] y) { y = Sub(x, c) }", {"c": np.arange(4, dtype=np.float32)})
    legal, _, _ = legalized(source)
    assert operators(legal) == ["Add"]
    assert same_answers(source, legal)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_becomes_one_over_phases(kernel: int, stride: int, groups: int) -> None:
    pad = min(1, kernel - 1)
    extra = 1 if stride > 1 and kernel > 2 else 0
    height, width = ((n - 1) * stride + kernel - 2 * pad + extra for n in (4, 5))
    attributes = (
        f"strides = [{stride}, {stride}], pads = [{pad}, {pad}, {pad}, {pad}], group = {groups}, "
        f"kernel_shape = [{kernel}, {kernel}], output_padding = [{extra}, {extra}]"
    )
    source = model(
        f"(float[1,4,4,5] x) => (float[1,6,{height},{width}] y) {{ y = ConvTranspose<{attributes}>(x, w, b) }}",
        {"w": weights(4, 6 // groups, kernel, kernel), "b": weights(6)},
    )
    legal, fired, declined = legalized(source)
    assert not declined
    assert "ConvTranspose" not in operators(legal)
    assert fired["transposed-to-convolution"] == 1
    assert same_answers(source, legal)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_a_transposed_convolution_of_any_strides_dilations_and_axes_becomes_one(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 3))
    extents, strides, dilations, kernel = (
        [data.draw(st.integers(1, most)) for _ in range(rank)] for most in (4, 3, 3, 4)
    )
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    pads = [data.draw(st.integers(0, (span - 1) // 2)) for span in spans * 2]
    more = [data.draw(st.integers(0, s - 1)) for s in strides]  # beyond, ONNX Runtime's own are no bias alone
    made = [
        (n - 1) * s + span - pads[at] - pads[rank + at] + more[at]
        for at, (n, s, span) in enumerate(zip(extents, strides, spans, strict=True))
    ]
    groups = data.draw(st.sampled_from([1, 2]))
    attributes = (
        f"strides = {strides}, dilations = {dilations}, kernel_shape = {kernel}, pads = {pads}, "
        f"output_padding = {more}, group = {groups}"
    )
    given_shape, made_shape = (",".join(map(str, shape)) for shape in ([1, 4, *extents], [1, 6, *made]))
    source = model(
        f"(float[{given_shape}] x) => (float[{made_shape}] y) {{ y = ConvTranspose<{attributes}>(x, w, b) }}",
        {"w": weights(4, 6 // groups, *kernel), "b": weights(6)},
    )
    legal, _, declined = legalized(source)
    assert not declined
    assert "ConvTranspose" not in operators(legal)
    assert same_answers(source, legal)


def test_a_dilated_transposed_convolution_without_strides_keeps_its_taps() -> None:
    source = model(
        "(float[1,4,4,5] x) => (float[1,3,8,9] y) {"
        " y = ConvTranspose<dilations = [2, 2], kernel_shape = [3, 3]>(x, w) }",
        {"w": weights(4, 3, 3, 3)},
    )
    (node,) = legalized(source)[0].graph.graph
    assert node.inputs[1] is not None
    assert node.inputs[1].shape == (3, 4, 3, 3)


def test_a_transposed_convolution_of_computed_weights_stays() -> None:
    source = model(
        "(float[1,1,4,5] x, float[1,3,3,3] w) => (float[1,3,6,7] y) { y = ConvTranspose<kernel_shape = [3, 3]>(x, w) }",
        {},
    )
    legal, _, declined = legalized(source)
    assert operators(legal) == ["ConvTranspose"]
    assert "its weights are computed" in declined[0].reason


def test_layers_get_a_bias_of_their_own() -> None:
    source = model(
        "(float[1,4,4,4] x) => (float[1,4,4,4] y) { a = Conv(x, w) \n y = Conv(a, w) }", {"w": weights(4, 4, 1, 1)}
    )
    legal, fired, _ = legalized(source)
    assert fired == {"add-bias": 2, "own-constants": 1}
    names = [value.name for node in legal.graph.graph for value in node.inputs[1:] if value is not None]
    assert len(names) == len(set(names)) == 4
    assert same_answers(source, legal)


def test_the_bias_of_a_product_of_matrices_becomes_one_number_a_column() -> None:
    source = model(
        "(float[1,4] x) => (float[1,3] y) { y = Gemm(x, w, b) }", {"w": weights(4, 3), "b": np.ones((1, 3), np.float32)}
    )
    legal, _, _ = legalized(source)
    (node,) = legal.graph.graph
    assert node.inputs[2] is not None
    assert node.inputs[2].shape == (3,)
    assert same_answers(source, legal)


def test_what_is_legal_stays_as_it_is() -> None:
    source = model(
        "(float[1,4,4,4] x) => (float[1,4,4,4] y) { a = Conv(x, w, b) \n y = Relu(a) }",
        {"w": weights(4, 4, 1, 1), "b": weights(4)},
    )
    legal, fired, declined = legalized(source)
    assert not fired
    assert not declined
    assert legal.to_bytes() == source.to_bytes()
