"""Quantized TFLite files as sources: the real numbers that their integers stand for, and the scales that they state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import dlpuconv
from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.formats.tflite_file import parse_tflite, read_tflite
from dlpuconv.ir.affine import INT8, INT16, UINT8, Affine
from dlpuconv.verification.original_runner import OriginalRunner
from dlpuconv.verification.source_runner import as_it_computes
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.error_ids import raises_error
from tests.frontends.tflite.files import imported
from tests.verification.tflite_models import activation, constant, conv, edited, file_of, options, plain, tensor_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.ir import Model

X = (1, 6, 8, 4)
SCALES = [0.01, 0.02, 0.004, 0.01, 0.03]


def codes(name: str, values: Any, scale: float | Sequence[float], zero_point: int = 0, dtype: str = "int8") -> Tensor:
    """Quantized constants, along the first axis where there are several scales."""
    array = np.asarray(values, dtype)
    affine = Affine.along(0, np.atleast_1d(np.asarray(scale, np.float32)), zero_point)
    return Tensor(name, array.shape, array.dtype, array, affine)


def dense(x: Tensor, w: Tensor, y: Tensor) -> bytes:
    return file_of([x], [y], Operator("FULLY_CONNECTED", [x, w], [y], options("FullyConnected")))


def network() -> bytes:
    """x -> convolution per channel 'a', and a sum of it with itself pooled; int8 inside, uint8 at the ends."""
    x, inner = activation("x", X, "uint8", scale=0.02, zero_point=130), activation("in", X, scale=0.02, zero_point=2)
    layer = conv(inner, "a", 5, scale=SCALES)
    a, pooled = layer.output, activation("p", (1, 6, 8, 5))
    total = activation("t", (1, 6, 8, 5), scale=0.09, zero_point=-7)
    y = activation("y", (1, 6, 8, 5), "uint8", scale=0.09, zero_point=121)
    window = options("Pool2D", strideH=1, strideW=1, filterHeight=2, filterWidth=2)
    return file_of(
        [x],
        [y],
        Operator("QUANTIZE", [x], [inner]),
        layer,
        Operator("MAX_POOL_2D", [a], [pooled], window),
        Operator("ADD", [a, pooled], [total], options("Add")),
        Operator("QUANTIZE", [total], [y]),
    )


def initializers(model: Model) -> list[npt.NDArray[Any]]:
    proto = model.to_proto()
    return [onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer]


def kinds(model: Model) -> list[str]:
    return [node.op_type for node in model.graph.graph]


def test_weights_become_real_numbers_and_state_a_scale_for_each_channel() -> None:
    x, y = activation("x", (1, 2), scale=0.5, zero_point=-1), activation("y", (1, 3), scale=0.25, zero_point=4)
    model = imported(dense(x, codes("w", [[1, -2], [3, 4], [-127, 0]], [0.5, 0.25, 2.0]), y))
    assert [array.tolist() for array in initializers(model) if array.ndim == 2] == [[[0.5, -1], [0.75, 1], [-254, 0]]]
    (stated,) = model.scales.weights.values()
    assert (stated.affine.scales, stated.codes) == ((0.5, 0.25, 2.0), INT8)
    assert {name: (each.affine, each.codes) for name, each in model.scales.activations.items()} == {
        "x": (Affine.of(0.5, -1), INT8),
        "y": (Affine.of(0.25, 4), INT8),
    }
    assert all(spec.dtype == "float32" for spec in (*model.signature.inputs, *model.signature.outputs))


@pytest.mark.parametrize(
    ("values", "affine", "kind"),
    [([[100, 255, 180]], Affine.of(0.5, 0), INT8), ([[0, 255, 180]], Affine.of(0.5, 130), UINT8)],
)
def test_asymmetric_weights_state_no_zero_point_where_their_codes_without_it_are_int8(
    values: list[list[int]], affine: Affine, kind: object
) -> None:
    x, y = activation("x", (1, 3), "uint8"), activation("y", (1, 1), "uint8")
    model = imported(dense(x, codes("w", values, 0.5, 130, "uint8"), y))
    (stated,) = model.scales.weights.values()
    assert (stated.affine, stated.codes) == (affine, kind)
    assert (np.array(values[0]) - 130).tolist() in [(array.ravel() * 2).tolist() for array in initializers(model)]


def test_activations_of_16_bits_are_stated_as_such() -> None:
    x, y = activation("x", (1, 2), "int16"), activation("y", (1, 1), "int16")
    model = imported(dense(x, codes("w", [[1, 2]], 0.5), y))
    assert {each.codes for each in model.scales.activations.values()} == {INT16}


def test_weights_alone_are_stated_where_activations_are_float() -> None:
    real = plain("real", (1, 2))
    operators = [
        Operator("DEQUANTIZE", [codes("w", [[1, 2]], 0.5)], [real]),
        Operator(
            "FULLY_CONNECTED", [x := plain("x", (1, 2)), real], [y := plain("y", (1, 1))], options("FullyConnected")
        ),
    ]
    scales = imported(file_of([x], [y], *operators)).scales
    assert not scales.activations
    assert [each.affine.scales for each in scales.weights.values()] == [(0.5,)]


def test_what_saturation_cuts_off_below_zero_is_cut_off_by_a_relu() -> None:
    x, y = activation("x", (1, 2)), activation("y", (1, 3), zero_point=-128)
    assert "Relu" in kinds(imported(dense(x, codes("w", [[1, 2], [3, 4], [5, 6]], 0.5), y)))


def test_what_is_read_is_at_most_a_step_from_what_litert_computes() -> None:
    content = network()
    model, file = imported(content), LiteRtRunner(content)
    pixels = np.random.default_rng(0).integers(0, 256, X).astype(np.uint8)
    (expected,) = file.run({"x": pixels}).values()
    real = ((pixels.astype(np.float64) - 130) * np.float64(np.float32(0.02))).astype(np.float32)
    (got,) = OrtRunner(as_it_computes(model).split(), optimize=False).run({"x": real}).values()
    steps = np.rint(np.asarray(got, np.float32) / 0.09) + 121
    assert np.abs(steps - np.asarray(expected, np.float32)).max() <= 1
    assert (steps == expected).mean() > 0.98


def test_the_file_itself_is_run_with_real_numbers() -> None:
    content = network()
    model, file = imported(content), LiteRtRunner(content)
    assert model.original is not None
    real = np.random.default_rng(0).uniform(-2, 2, X).astype(np.float32)
    pixels = np.clip(np.rint(real / 0.02) + 130, 0, 255).astype(np.uint8)
    (expected,) = file.run({"x": pixels}).values()
    (got,) = OriginalRunner(model, model.original).run({"x": real}).values()
    wanted = (np.asarray(expected, np.float32) - 121) * np.float32(0.09)
    np.testing.assert_allclose(np.asarray(got, np.float32), wanted, rtol=1e-6)


def test_codes_taken_for_numbers_are_refused() -> None:
    x, y = activation("x", (1, 2)), plain("y", (1, 2))
    with raises_error("operator-no-conversion"):
        imported(file_of([x], [y], Operator("CAST", [x], [y])))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan])
def test_a_scale_that_cannot_be_is_refused(scale: float) -> None:
    x, y = activation("x", (1, 2)), activation("y", (1, 1))
    with raises_error("quantization-invalid", "scale"):
        imported(dense(x, codes("w", [[1, 2]], scale), y))


def test_more_scales_than_channels_are_refused() -> None:
    x, y = activation("x", (1, 2)), activation("y", (1, 1))
    with raises_error("quantization-invalid", "3 scales along axis 0"):
        imported(dense(x, codes("w", [[1, 2]], [1, 2, 3]), y))


@pytest.mark.parametrize("zero_point", [128, -129, 1 << 62])
def test_a_zero_point_that_is_no_code_is_refused(zero_point: int) -> None:
    x, y = activation("x", (1, 2)), activation("y", (1, 1))
    with raises_error("quantization-invalid", "zero point", "int8"):
        imported(dense(x, codes("w", [[1, 2]], 0.1, zero_point), y))
    with raises_error("quantization-invalid", "zero point", "int8"):
        imported(dense(activation("x", (1, 2), zero_point=zero_point), codes("w", [[1, 2]], 0.1), y))


def test_a_step_back_to_real_numbers_without_inputs_or_outputs_states_nothing() -> None:
    w, y = codes("w", [[1, 2]], 0.1), plain("y", (1, 2))
    with raises_error("operator-no-conversion", "DEQUANTIZE"):
        imported(file_of([], [y], Operator("DEQUANTIZE", [], [y])))
    with raises_error("operator-no-conversion", "DEQUANTIZE"):
        imported(file_of([], [y], Operator("DEQUANTIZE", [w], []), Operator("DEQUANTIZE", [], [y])))


def test_codes_that_are_stored_sparse_are_refused() -> None:
    def thin(model: Any) -> None:
        import ai_edge_litert.schema_py_generated as schema

        tensor_named(model, "a/w").sparsity = schema.SparsityParametersT()

    with raises_error("operator-no-conversion", "'a/w'", "sparse"):
        imported(edited(network(), thin))


def test_weights_that_no_float_holds_are_refused_as_such() -> None:
    x, y = activation("x", (1, 2)), activation("y", (1, 1))
    with raises_error("weights-not-finite", "'w'", "infinity", "1 of 2"):
        imported(dense(x, codes("w", [[1, 120]], 3e38), y))


def test_tensors_that_are_called_like_a_scale_of_another_are_no_others() -> None:
    x, between, y = (activation(name, (1, 2)) for name in ("x", "x/scale", "x/dequantized"))
    model = imported(file_of([x], [y], Operator("RELU", [x], [between]), Operator("RELU6", [between], [y])))
    assert kinds(model) == ["Relu", "Clip"]
    assert set(model.scales.activations) == {"x", "x/scale", "x/dequantized"}


def test_indices_stay_integers() -> None:
    x, y = activation("x", (1, 2, 3)), activation("y", (1, 3, 2))
    model = imported(file_of([x], [y], Operator("TRANSPOSE", [x, constant("p", [0, 2, 1])], [y])))
    assert kinds(model) == ["Transpose"]
    assert set(model.scales.activations) >= {"x", "y"}


@pytest.mark.slow  # it converts for two chips
def test_a_chip_with_the_same_scales_gets_the_same_codes_and_another_one_a_file_alike(tmp_path: Path) -> None:
    source = parse_tflite(content := network())
    (kept,) = dlpuconv.convert(content, target="artpec7", cache=False).save(tmp_path / "kept")[:1]
    file = read_tflite(kept)
    assert [layer.op for layer in file.layers] == [layer.op for layer in source.layers]
    ours, theirs = (next(layer for layer in view.layers if layer.op == "CONV_2D") for view in (file, source))
    for position in (1, 2):
        one, other = file.tensors[ours.inputs[position]], source.tensors[theirs.inputs[position]]
        assert one.quantization == other.quantization
        np.testing.assert_array_equal(one.data, other.data)
    made = dlpuconv.convert(content, target="artpec8", cache=False)
    recipe, parity = made.artifacts[0].provenance.recipe, made.report.parity
    assert recipe is not None
    assert recipe.equalize
    assert parity is not None
    assert parity.min_sqnr > 25


@pytest.mark.slow  # it converts
def test_a_float_file_of_a_quantized_one_is_compared_with_the_real_numbers_that_were_read() -> None:
    parity = dlpuconv.convert(network(), target="cv25", cache=False).report.parity
    assert parity is not None
    assert parity.min_sqnr >= 90
