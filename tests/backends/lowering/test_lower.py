"""Lowering keeps names and order, records layouts, and proves them on values."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import Layout
from dlpuconv.isolation.messages import file_of
from dlpuconv_backends.cleanup import CleanUp, clean
from dlpuconv_backends.flatbuffer.codec import encode
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.measure import random_values, run_graph
from tests.backends.lowering.models import convolution, model
from tests.error_ids import raises_error, refused_by

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.ir import Model
    from dlpuconv_backends.flatbuffer.graph import Graph
    from dlpuconv_backends.lowering import Lowered


def check(source: Model, result: Lowered) -> None:
    """Names, order, shapes, and numbers in the recorded layouts."""
    signature = source.signature
    assert [t.name for t in result.graph.inputs] == [s.name for s in signature.inputs]
    assert [t.name for t in result.graph.outputs] == [s.name for s in signature.outputs]
    sample = {s.name: random_values(s, 2.0) for s in signature.inputs}
    want = OrtRunner(source.to_bytes(), optimize=False).run(sample)
    given = {k: v.transpose(result.input_permutations[k]) for k, v in sample.items()}
    have = run_graph(result.graph, given)
    for spec in signature.outputs:
        expected = want[spec.name].transpose(result.output_permutations[spec.name])
        np.testing.assert_allclose(have[spec.name], np.asarray(expected, np.float32), rtol=1e-4, atol=1e-4)


def test_an_image_network_takes_and_gives_channels_last(tmp_path: Path) -> None:
    source = convolution()
    result = lower(source, layouts={})
    check(source, result)
    assert result.graph.inputs[0].shape == (1, 6, 8, 3)
    assert result.input_permutations == {"x": (0, 2, 3, 1)} == {"x": result.output_permutations["y"]}
    assert [(op.kind, op.source_name) for op in result.graph.operators] == [("CONV_2D", "the conv")]
    assert result.sqnr_db["y"] > 90
    assert list(tmp_path.iterdir()) == []


def test_an_input_may_keep_the_sources_layout() -> None:
    source = convolution()
    result = lower(source, layouts={"x": Layout.NCHW})
    check(source, result)
    assert result.graph.inputs[0].shape == (1, 3, 6, 8)
    assert [op.kind for op in result.graph.operators] == ["TRANSPOSE", "CONV_2D"]


@pytest.mark.parametrize("size", [4, 5])
def test_cubes_are_decided_by_values(size: int) -> None:
    shape = (1, size, size, size)
    weights = np.random.default_rng(1).normal(0, 1, (size, size, 3, 3)).astype(np.float32)
    source = model(
        [
            helper.make_node("Conv", ["x", "w"], ["y"], "conv", pads=[1, 1, 1, 1]),
            helper.make_node("Transpose", ["y"], ["z"], "own", perm=[0, 2, 1, 3]),
        ],
        {"x": shape},
        {"y": shape, "z": shape},
        {"w": weights},
    )
    check(source, lower(source, layouts={}))


def test_batch_normalization_on_a_cube_meets_its_channels() -> None:
    parameters = {k: np.random.default_rng(i).uniform(0.5, 2, 4).astype(np.float32) for i, k in enumerate("smbv")}
    source = model(
        [helper.make_node("BatchNormalization", ["x", *"smbv"], ["y"], "norm")],
        {"x": (1, 4, 4, 4)},
        {"y": (1, 4, 4, 4)},
        parameters,
    )
    check(source, lower(source, layouts={}))


@pytest.mark.parametrize("counted", [0, 1])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1)])
def test_averages_with_ceil_mode_count_the_right_pixels(pads: tuple[int, ...], counted: int) -> None:
    options: dict[str, Any] = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": pads, "count_include_pad": counted}
    node = helper.make_node("AveragePool", ["x"], ["y"], "pool", ceil_mode=1, **options)
    out = 4 if not any(pads) else 5
    source = model([node], {"x": (1, 3, 8, 8)}, {"y": (1, 3, out, out)}, opset=19)
    check(source, lower(source, layouts={}))


@pytest.mark.parametrize("shape", [(2, 5), (1, 4, 6), (1, 2, 3, 4, 5)])
def test_inputs_that_are_no_images_keep_their_layout(shape: tuple[int, ...]) -> None:
    source = model([helper.make_node("Sigmoid", ["x"], ["y"], "s")], {"x": shape}, {"y": shape})
    result = lower(source, layouts={})
    check(source, result)
    assert result.graph.inputs[0].shape == shape


def test_several_inputs_and_outputs_keep_their_order() -> None:
    shape = (1, 2, 3, 5)
    source = model(
        [
            helper.make_node("Sub", ["b", "a"], ["d"], "sub"),
            helper.make_node("Neg", ["a"], ["first"], "neg"),
            helper.make_node("Relu", ["d"], ["last"], "relu"),
        ],
        {"a": shape, "b": shape},
        {"last": shape, "d": shape, "first": shape},
    )
    check(source, lower(source, layouts={"b": Layout.NCHW}))


def test_an_output_that_is_an_input_is_copied() -> None:
    source = model(
        [helper.make_node("Identity", ["x"], ["same"], "i"), helper.make_node("Abs", ["x"], ["y"], "a")],
        {"x": (1, 3)},
        {"same": (1, 3), "y": (1, 3)},
    )
    check(source, lower(source, layouts={}))


@pytest.mark.parametrize("kind", ["ReduceMean", "ReduceMax", "ReduceL1"])
def test_an_output_may_be_a_single_number_without_axes(kind: str) -> None:
    random = np.random.default_rng(5)
    weights = {"w": random.normal(0, 1, (4, 3, 3, 3)).astype(np.float32)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], "conv"), helper.make_node(kind, ["c"], ["y"], "r", keepdims=0)]
    source = model(nodes, {"x": (1, 3, 8, 8)}, {"y": ()}, weights)
    result = lower(source, layouts={})
    check(source, result)
    assert result.output_permutations == {"y": ()}


def test_an_output_may_be_a_constant() -> None:
    nodes = [helper.make_node("Identity", ["k"], ["anchors"], "i"), helper.make_node("Relu", ["x"], ["y"], "r")]
    values = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    source = model(nodes, {"x": (1, 3, 8, 8)}, {"anchors": (1, 2, 3, 4), "y": (1, 3, 8, 8)}, {"k": values})
    check(source, lower(source, layouts={}))


def test_a_last_transpose_of_the_model_stays() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], "r"),
        helper.make_node("Transpose", ["r"], ["y"], "t", perm=[0, 2, 1]),
    ]
    source = model(nodes, {"x": (1, 4, 6)}, {"y": (1, 6, 4)})
    result = lower(source, layouts={})
    check(source, result)
    assert result.output_permutations == {"y": (0, 1, 2)}


@pytest.mark.parametrize("approximate", ["tanh", "none"])
def test_which_gelu_it_is_survives(approximate: str) -> None:
    nodes = [helper.make_node("Gelu", ["x"], ["y"], "g", approximate=approximate)]
    source = model(nodes, {"x": (1, 64)}, {"y": (1, 64)}, opset=20)
    result = lower(source, layouts={})
    assert result.sqnr_db["y"] > 90


def test_source_names_follow_values_through_fusion() -> None:
    result = lower(convolution(), layouts={})
    assert result.graph.outputs[0].source_names == ("y",)


def test_the_model_is_not_changed_and_equal_models_give_equal_graphs() -> None:
    source = convolution()
    before = source.to_bytes()
    first = lower(source, layouts={})
    second = lower(source, layouts={})
    assert source.to_bytes() == before
    assert encode(first.graph) == encode(second.graph)


def test_a_wrong_permutation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def lying(graph: Graph, transposes: frozenset[str]) -> CleanUp:
        done = clean(graph, transposes)
        return CleanUp(output_permutations=dict.fromkeys(done.output_permutations, (0, 3, 1, 2)), fired=done.fired)

    monkeypatch.setattr(import_module("dlpuconv_backends.lowering.lower"), "clean", lying)
    with raises_error("operator-lowered-wrongly", "fault of dlpuconv", "Conv 'the conv'"):
        lower(convolution((1, 4, 4, 4)), layouts={})


def test_a_convolution_that_computes_its_weights_is_refused_by_name() -> None:
    """As trackers do, which search one image for what another one shows."""
    node = helper.make_node("Conv", ["search", "template"], ["y"], "the correlation")
    source = model([node], {"search": (1, 3, 9, 9), "template": (1, 3, 3, 3)}, {"y": (1, 1, 7, 7)})
    with raises_error("operator-weights-computed", "Conv 'the correlation'") as caught:
        lower(source, layouts={})
    assert refused_by(caught) == ("y",)


def test_an_output_that_is_an_input_is_refused_by_name() -> None:
    shape = (1, 3, 8, 8)
    source = model([helper.make_node("Relu", ["x"], ["y"])], {"x": shape}, {"y": shape, "x": shape})
    with raises_error("output-is-input", "'x'"):
        lower(source, layouts={})


def integers(operator: str, dtype: int) -> Model:
    """y = Cast(operator(Cast(x), Cast(x)))."""
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], to=dtype),
        helper.make_node(operator, ["i", "i"], ["j"], "the culprit"),
        helper.make_node("Cast", ["j"], ["y"], to=TensorProto.FLOAT),
    ]
    return model(nodes, {"x": (1, 4)}, {"y": (1, 4)})


@pytest.mark.parametrize("dtype", [TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16])
def test_arithmetic_in_small_integers_is_refused_and_does_not_end_the_process(dtype: int) -> None:
    with raises_error("operator-value-types", "Add 'the culprit'") as caught:
        lower(integers("Add", dtype), layouts={})
    assert refused_by(caught) == ("j",)


def test_a_model_that_fails_on_the_proofs_sample_is_one_error() -> None:
    source = integers("Div", TensorProto.INT32)  # of numbers between -1 and 1
    with raises_error("artifact-refused", "division by zero"):
        lower(source, layouts={})


def test_what_rounding_alone_does_to_a_model_is_no_fault_of_its_lowering() -> None:
    """z -> 4 z (1 - z) doubles an error each time, and no two libraries round tanh alike."""
    nodes = [helper.make_node("Tanh", ["x"], ["t"]), helper.make_node("Abs", ["t"], ["z0"])]
    for step in range(16):
        nodes += [
            helper.make_node("Sub", ["one", f"z{step}"], [f"rest{step}"]),
            helper.make_node("Mul", [f"z{step}", f"rest{step}"], [f"product{step}"]),
            helper.make_node("Mul", [f"product{step}", "four"], [f"z{step + 1}"]),
        ]
    source = model(nodes, {"x": (1, 64)}, {"z16": (1, 64)}, {"one": np.float32(1), "four": np.float32(4)})
    assert 30 < lower(source, layouts={}).sqnr_db["z16"] < 60


def test_an_output_that_is_a_number_is_proven_as_one() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["z"]), helper.make_node("Identity", ["five"], ["y"])]
    source = model(nodes, {"x": (1, 4)}, {"z": (1, 4), "y": ()}, {"five": np.float32(5)})
    assert lower(source, layouts={}).sqnr_db["y"] > 90


def test_large_constants_come_back_as_they_were() -> None:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((20_000, 8)).astype(np.float32)
    offsets = rng.standard_normal(20_000).astype(np.float32)
    source = model(
        [helper.make_node("Gemm", ["x", "weights", "offsets"], ["y"], transB=1)],
        {"x": [1, 8]},
        {"y": [1, 20_000]},
        {"weights": weights, "offsets": offsets},
    )
    result = lower(source.copy(), layouts={})
    check(source, result)
    (found,) = (t.data for t in result.graph.tensors() if t.data is not None and t.shape == weights.shape)
    np.testing.assert_array_equal(found, weights)
    assert file_of(found) is not None
