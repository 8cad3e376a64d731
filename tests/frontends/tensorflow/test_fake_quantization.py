"""Networks that were trained with TensorFlow's fake quantization keep the ranges that they were trained to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dlpuconv
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir.affine import INT8, Affine
from dlpuconv.verification.source_runner import as_it_computes
from dlpuconv_backends.flatbuffer import decode
from tests.error_ids import raises_error
from tests.frontends.tensorflow.test_models import run
from tests.frontends.tensorflow.wrapped import SIDE, network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv_backends.flatbuffer import Operator

pytestmark = [
    pytest.mark.slow,  # TensorFlow takes seconds to load
    pytest.mark.usefixtures("keras"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected:UserWarning"),
]

SPELLINGS: dict[str, dict[str, Any]] = {
    "asymmetric": {"min": -1.0, "max": 3.0},
    "without_the_lowest_code": {"min": -2.0, "max": 2.0, "narrow_range": True},
    "of_four_bits": {"min": -1.0, "max": 1.5, "num_bits": 4},
    "of_twelve_bits": {"min": -1.0, "max": 1.5, "num_bits": 12},
    "of_sixteen_bits": {"min": -2.0, "max": 3.0, "num_bits": 16},
    "above_zero": {"min": 1.0, "max": 3.0},
    "below_zero": {"min": -3.0, "max": -1.0},
    "empty": {"min": 0.0, "max": 0.0},
}
WEIGHTS = np.array([[-0.3, 0.4, 0.0], [1.2, -2.7, 0.0]], np.float32)


def test_it_rounds_as_tensorflow_does(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")

    class Rounding(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[tf.TensorSpec((1, 64, 2), tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            made = {
                name: tf.quantization.fake_quant_with_min_max_vars(x + 0.1 * n, **said)  # each of another value
                for n, (name, said) in enumerate(SPELLINGS.items(), 1)
            }
            made["fixed"] = tf.quantization.fake_quant_with_min_max_args(x - 0.1, -6.0, 6.5)
            ends = (tf.constant([-1.0, -3.0, 0.0]), tf.constant([1.25, 0.5, 0.0]))
            weights = tf.quantization.fake_quant_with_min_max_vars_per_channel(tf.constant(WEIGHTS), *ends)
            made["of_weights"] = tf.matmul(x, weights)
            return made

    module = Rounding()
    tf.saved_model.save(module, str(tmp_path / "net"), signatures=module.__call__)
    values = np.random.default_rng(2).uniform(-4, 4, (1, 64, 2)).astype(np.float32)
    expected = {name: np.asarray(made) for name, made in module(values).items()}
    model = as_it_computes(load(tmp_path / "net", SourceOptions()))
    for name, got in zip((port.name for port in model.signature.outputs), run(model, x=values), strict=True):
        np.testing.assert_allclose(got, expected[name], atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SavedModel `net`, `net.h5`, and the `net.tflite` that TFLiteConverter makes."""
    tf, keras = pytest.importorskip("tensorflow"), pytest.importorskip("tf_keras")
    folder = tmp_path_factory.mktemp("trained")
    model = network(keras, tf)
    model.save(folder / "net.h5")
    model.save(folder / "net")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    (folder / "net.tflite").write_bytes(converter.convert())
    values = np.random.default_rng(0).uniform(-1, 0.9, (8, SIDE, SIDE, 3)).astype(np.float32)
    np.savez(folder / "values.npz", image=values, scores=np.asarray(model(values, training=False)))
    return folder


def test_a_saved_model_states_the_ranges_of_its_variables(trained: Path) -> None:
    scales = load(trained / "net", SourceOptions()).scales
    # (0.9 + 1) / 255 a step, of which 134 are below zero; 128 is taken from TensorFlow's codes, which begin at 0
    assert scales.activations["image"].affine == Affine.of(float(np.float32(1.9) / np.float32(255)), 6)
    assert scales.activations["image"].codes == INT8
    stated = [each.affine for each in scales.activations.values()]
    assert [affine.scale * 255 for affine in stated] == pytest.approx([1.9, 6.0, 2.5, 1.7, 4.2])
    assert [affine.zero_point for affine in stated] == [6, -128, -128, -128, 12]
    assert {name: len(each.affine.scales) for name, each in scales.weights.items()} == {
        "quant_stem": 8, "quant_depthwise": 1, "quant_scores": 1,
    }  # fmt: skip


def test_a_chips_file_has_these_ranges_and_needs_no_samples(trained: Path) -> None:
    (made,) = dlpuconv.convert(trained / "net", target="artpec7", cache=False).artifacts
    with np.load(trained / "values.npz") as stored:
        image, expected = stored["image"], stored["scores"]
    (trained / "made.tflite").write_bytes(made.content)
    with dlpuconv.load(trained / "made.tflite") as file:
        got = np.concatenate([next(iter(file(image[n : n + 1]).values())) for n in range(len(image))])
    step = 4.2 / 255
    assert np.abs(got - expected).max() < 2.5 * step


def test_the_converters_file_of_it_becomes_the_same_integers(trained: Path) -> None:
    ours, theirs = (
        decode(bytes(dlpuconv.convert(trained / name, target="artpec7", cache=False).artifacts[0].content)).operators
        for name in ("net", "net.tflite")
    )
    assert [op.kind for op in ours] == [op.kind for op in theirs]
    for mine, other in zip(_tensors(ours), _tensors(theirs), strict=True):
        assert _codes(mine) == _codes(other)
        # the converter computes scales in another order
        assert mine.quantization.scales == pytest.approx(other.quantization.scales, rel=1e-6)


def _tensors(operators: Sequence[Operator]) -> list[Any]:
    return [tensor for op in operators for tensor in (*op.inputs, *op.outputs) if tensor and tensor.quantization]


def _codes(tensor: Any) -> tuple[object, ...]:
    data = None if tensor.data is None else tensor.data.tolist()
    return tensor.shape, tensor.dtype, tensor.quantization.zero_points, data


def test_its_hdf5_file_says_where_the_ranges_can_be_read(trained: Path) -> None:
    with raises_error("keras-python-code", "tensorflow-model-optimization", "SavedModel"):
        load(trained / "net.h5", SourceOptions())
