"""Float TFLite files as sources: what becomes of a file as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.frontends.tflite.names import Names
from dlpuconv.passes.normal_form import normalize
from dlpuconv.verification.original_runner import OriginalRunner
from dlpuconv.verification.source_runner import source_runner
from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.lowering import lower
from tests.error_ids import raises_error, refused_by
from tests.frontends.tflite.files import both, imported, real
from tests.verification.tflite_models import constant, edited, file_of, options, plain, tensor_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.ir import Model

X = (1, 6, 8, 4)


def conv(x: Tensor, y: Tensor, **fields: Any) -> Operator:
    weights = [real(f"{y.name}/w", y.shape[-1], 3, 3, x.shape[-1]), real(f"{y.name}/b", y.shape[-1])]
    return Operator("CONV_2D", [x, *weights], [y], options("Conv2D", **{"strideH": 1, "strideW": 1, **fields}))


def network() -> bytes:
    """x -> convolution 'a' -> convolution 'b', plus 'a' -> softmax 'y'."""
    x, a, b, c, y = plain("x", X), *(plain(name, (1, 6, 8, 5)) for name in "abcy")
    return file_of(
        [x],
        [y],
        conv(x, a, fusedActivationFunction=1),
        conv(a, b),
        Operator("ADD", [a, b], [c], options("Add")),
        Operator("SOFTMAX", [c], [y], options("Softmax", beta=1.0)),
    )


def kinds(model: Model) -> list[str]:
    return [node.op_type for node in model.graph.graph]


def dilated(crops: Sequence[Sequence[int]] = ((0, 0), (0, 0)), **fields: Any) -> bytes:
    x, parts = plain("x", X), plain("parts", (4, 5, 6, 4))
    inner, y = plain("inner", (4, 3, 4, 5)), plain("y", (1, 6 - sum(crops[0]), 8 - sum(crops[1]), 5))
    block, pads = constant("block", [2, 2]), constant("pads", [[2, 2], [2, 2]])
    return file_of(
        [x],
        [y],
        Operator("SPACE_TO_BATCH_ND", [x, block, pads], [parts]),
        conv(parts, inner, padding=1, **fields),
        Operator("BATCH_TO_SPACE_ND", [inner, block, constant("crops", crops)], [y]),
    )


def assert_close(got: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()))


def test_the_layout_is_the_files_and_no_transposition_is_left_within() -> None:
    model, _ = normalize(imported(network()))
    assert [spec.shape for spec in (*model.signature.inputs, *model.signature.outputs)] == [X, (1, 6, 8, 5)]
    assert kinds(model) == ["Transpose", "Conv", "Relu", "Conv", "Add", "Softmax", "Transpose"]


@pytest.mark.slow  # onnx2tf lowers it
def test_the_network_that_a_file_becomes_again_has_the_same_operators() -> None:
    model, _ = normalize(imported(network()))
    again = lower(model, layouts={})
    assert [op.kind for op in again.graph.operators] == [layer.op for layer in parse_tflite(network()).layers]
    assert again.input_permutations == {"x": (0, 1, 2, 3)}


def test_values_and_nodes_are_called_as_the_file_calls_its_tensors() -> None:
    model = imported(network())
    assert [node.name for node in model.graph.graph if node.op_type == "Conv"] == ["a", "b"]
    assert [spec.shape for spec in imported(network(), cut_at=("a",)).signature.outputs] == [(1, 6, 8, 5)]


def test_the_names_of_what_was_fused_are_shortened_to_the_first() -> None:
    x, y = plain("serving_default_image:0", (1, 4)), plain("m/Relu;m/BiasAdd;m/MatMul", (1, 4))
    model = imported(file_of([x], [y], Operator("RELU", [x], [y])))
    assert (model.signature.inputs[0].name, model.signature.outputs[0].name) == ("image", "m/Relu")


def test_tensors_of_one_name_are_told_apart() -> None:
    x, inner, y = plain("t", (1, 4)), plain("t", (1, 4)), plain("t", (1, 4))
    model = imported(file_of([x], [y], Operator("RELU", [x], [inner]), Operator("ABS", [inner], [y], options("Abs"))))
    assert (model.signature.inputs[0].name, model.signature.outputs[0].name) == ("t", "t_1")


def test_names_are_unique_at_a_cost_that_does_not_grow_with_how_often_one_was_asked_for() -> None:
    names = Names()
    assert [names.unique(name) for name in ("a", "a_1", "a", "a", "a_1")] == ["a", "a_1", "a_2", "a_3", "a_1_1"]
    assert [names.unique("b") for _ in range(50_000)][-1] == "b_49999"  # minutes, if each began at 1


def test_weights_in_half_precision_are_read() -> None:
    x, y, full = plain("x", (1, 6)), plain("y", (1, 3)), plain("full", (3, 6))
    half = Tensor.constant("half", real("w", 3, 6).data.astype(np.float16))  # type: ignore[union-attr]
    content = file_of(
        [x],
        [y],
        Operator("DEQUANTIZE", [half], [full], options("Dequantize")),
        Operator("FULLY_CONNECTED", [x, full, real("b", 3)], [y], options("FullyConnected")),
    )
    (expected,), (got,) = both(content)
    assert_close(got, expected)
    assert kinds(imported(content)) == ["Gemm"]


def test_a_batch_that_is_dynamic_is_one() -> None:
    def open_batch(model: Any) -> None:
        for name in ("x", "y"):
            tensor = tensor_named(model, name)
            tensor.shapeSignature = np.array([-1, *tensor.shape[1:]], np.int32)

    content = edited(network(), open_batch)
    assert imported(content).signature == imported(network()).signature
    assert isinstance(source_runner(imported(content)), OriginalRunner)


def test_a_dilated_convolution_in_parts_is_one_convolution() -> None:
    content = dilated()
    assert [kind for kind in kinds(imported(content)) if kind != "Transpose"] == ["Conv"]
    (expected,), (got,) = both(content)
    assert_close(got, expected)


def test_what_is_cropped_behind_a_dilated_convolution_is_not_padded_in_front() -> None:
    content = dilated(((0, 1), (2, 0)), fusedActivationFunction=3)
    assert [kind for kind in kinds(imported(content)) if kind != "Transpose"] == ["Conv", "Clip"]
    (expected,), (got,) = both(content)
    assert_close(got, expected)


def test_an_operator_without_reader_is_refused_with_where_to_cut() -> None:
    x, a, b, y = (plain(name, (1, 4)) for name in "xaby")
    content = file_of(
        [x], [b, y], Operator("RELU", [x], [a]), Operator("RFFT2D", [a], [b]), Operator("RFFT2D", [a], [y])
    )
    with raises_error("operator-no-conversion") as caught:
        imported(content)
    assert str(caught.value) == "tflite.RFFT2D 'b', tflite.RFFT2D 'y': there is no conversion for this operator"
    assert refused_by(caught) == ("b", "y")
    assert kinds(imported(content, cut_at=("a",))) == ["Relu"]


@pytest.mark.parametrize(
    ("kind", "table", "fields", "told"),
    [
        ("WHILE", "While", {}, ("operator-no-conversion", "tflite.WHILE 'y'")),
        ("ADD", "Add", {"fusedActivationFunction": 4}, ("operator-no-conversion", "TANH")),
        ("GATHER", "Gather", {"batchDims": 1}, ("operator-no-conversion", "batch")),
        ("RESHAPE", "Reshape", {}, ""),
    ],
)
def test_what_an_operator_is_not_read_for_is_a_sentence(
    kind: str, table: str, fields: dict[str, Any], told: tuple[str, ...]
) -> None:
    x, y, numbers = plain("x", (1, 4)), plain("y", (1, 4)), constant("n", [1, 4])
    inputs = {"ADD": [x, x], "GATHER": [x, numbers], "RESHAPE": [x, numbers]}.get(kind, [x])
    content = file_of([x], [y], Operator(kind, list(inputs), [y], options(table, **fields)))
    if not told:
        assert kinds(imported(content)) == ["Reshape"]
        return
    with raises_error(*told):
        imported(content)


def test_an_operator_of_somebody_elses_is_refused_by_its_own_name() -> None:
    x, y = plain("x", (1, 4)), plain("y", (1, 4))
    content = file_of([x], [y], Operator("CUSTOM", [x], [y]))

    def name_it(model: Any) -> None:
        model.operatorCodes[0].customCode = b"TFLite_Detection_PostProcess"

    with raises_error("operator-no-conversion", "TFLite_Detection_PostProcess 'y'"):
        imported(edited(content, name_it))


def test_weights_that_are_stored_sparse_are_refused() -> None:
    def thin(model: Any) -> None:
        import ai_edge_litert.schema_py_generated as schema

        tensor_named(model, "a/w").sparsity = schema.SparsityParametersT()

    with raises_error("operator-no-conversion", "'a/w'", "sparse"):
        imported(edited(network(), thin))


def test_a_damaged_file_is_a_model_error() -> None:
    with raises_error("tflite-unreadable"):
        imported(network()[:400])


def test_a_file_is_read_by_its_content_whatever_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "net.bin"
    file.write_bytes(network())
    model = load(file, SourceOptions())
    assert (model.source.name, model.source.path) == ("net", str(file))
    with raises_error("option-not-for-source", "input_names"):
        load(file, SourceOptions(input_names=("q",)))


def test_the_source_is_run_in_litert_and_not_as_it_was_read() -> None:
    model = imported(network())
    (spec,) = model.signature.inputs
    x = {spec.name: np.random.default_rng(0).standard_normal(spec.shape).astype(np.float32)}
    runner = source_runner(model)
    assert isinstance(runner, OriginalRunner)
    assert_close(runner.run(x)["y"], OrtRunner(model.split()).run(x)["y"])


def test_inner_values_of_the_source_are_told_by_litert_too() -> None:
    model = imported(network(), cut_at=("b", "a"))
    x = {"x": np.random.default_rng(0).standard_normal(X).astype(np.float32)}
    runner, graph = source_runner(model), OrtRunner(model.split())
    assert isinstance(runner, OriginalRunner)
    for name, values in graph.run(x).items():
        assert_close(runner.run(x)[name], values)


def test_another_size_than_the_files_is_run_in_onnx_runtime() -> None:
    model = imported(network(), input_shapes={"x": (1, 12, 16, 4)})
    assert isinstance(source_runner(model), OrtRunner)
