"""What ONNX Runtime's own quantizer writes is read as the network that it computes, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from dlpuconv.passes import normalize
from tests.frontends.quantized.support import computes_the_same, with_scales
from tests.frontends.support import build, node, read, run, value

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "per channel": {"per_channel": True},
    "uint8": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QUInt8},
    "symmetric": {"extra_options": {"ActivationSymmetric": True, "WeightSymmetric": True}},
    "asymmetric weights": {"extra_options": {"WeightSymmetric": False}},
    "a pair for each reader": {"extra_options": {"DedicatedQDQPair": True}},
    "weights quantized on the fly": {"extra_options": {"AddQDQPairToWeight": True}},
    "bias in real numbers": {"extra_options": {"QuantizeBias": False}},
    "16 bits": {"activation_type": QuantType.QUInt16, "extra_options": {"UseQDQContribOps": True}},
}


class Samples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, shape: tuple[int, ...], count: int) -> None:
        random = np.random.default_rng(1)
        self._samples = iter([{name: random.standard_normal(shape).astype(np.float32)} for _ in range(count)])

    @override
    def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
        return next(self._samples, None)


def network() -> onnx.ModelProto:
    """Two convolutions with a removable Relu and ReLU6, a residual, a pool, a Concat, a Resize, a matrix product."""
    random = np.random.default_rng(0)
    weights = {
        "w1": random.standard_normal((8, 3, 3, 3)), "b1": random.standard_normal(8),
        "w2": random.standard_normal((8, 8, 1, 1)), "w3": random.standard_normal((16, 5)), "b3": np.ones(5),
        "low": np.array(0.0), "high": np.array(6.0), "twice": np.array([1.0, 1.0, 2.0, 2.0]),
    }  # fmt: skip
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], name="first", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"], name="relu"),
        node("Conv", ["r1", "w2"], ["c2"], name="second"),
        node("Clip", ["c2", "low", "high"], ["r2"], name="relu6"),
        node("Add", ["r1", "r2"], ["sum"], name="sum"),
        node("MaxPool", ["sum"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Resize", ["p", "", "twice"], ["big"], name="resize", mode="nearest"),
        node("Concat", ["big", "c2"], ["both"], name="both", axis=1),
        node("GlobalAveragePool", ["both"], ["mean"], name="mean"),
        node("Flatten", ["mean"], ["flat"], name="flat"),
        node("Gemm", ["flat", "w3", "b3"], ["y"], name="end"),
    ]
    tensors = {name: each.astype(np.float32) for name, each in weights.items()}
    return build(nodes, [value("x", (1, 3, 8, 8))], [value("y", (1, 5))], tensors, opset=17)


def quantize(model: Path, folder: Path, count: int = 3, **options: Any) -> onnx.ModelProto:
    """A model in a file, quantized with random samples."""
    (entry,) = read(model).signature.inputs
    made = folder / "quantized.onnx"
    quantize_static(model, made, Samples(entry.name, entry.shape, count), **options)
    return onnx.load(made)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_pairs_are_read_to_the_last_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    onnx.save(network(), tmp_path / "model.onnx")
    proto = quantize(tmp_path / "model.onnx", tmp_path, **options)
    computes_the_same(proto, x=np.random.default_rng(2).standard_normal((1, 3, 8, 8)).astype(np.float32))
    scales = read(proto).scales
    assert set(scales.weights) == {"first", "second", "end"}
    assert set(scales.activations) >= {"x", "y"}
    assert not scales.told


def test_the_normal_form_states_the_same_and_computes_it(tmp_path: Path) -> None:
    onnx.save(network(), tmp_path / "model.onnx")
    proto = quantize(tmp_path / "model.onnx", tmp_path, per_channel=True)
    model = read(proto)
    normal = normalize(model)[0]
    assert set(normal.scales.weights) == {"first", "second", "end"}
    for found, wanted in zip(run(with_scales(normal)), run(with_scales(model)), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("per_channel", [False, True])
def test_operators_of_codes_are_read_to_a_few_roundings(tmp_path: Path, *, per_channel: bool) -> None:
    onnx.save(network(), tmp_path / "model.onnx")
    options = {"quant_format": QuantFormat.QOperator, "activation_type": QuantType.QUInt8, "per_channel": per_channel}
    # weights of 7 bits: with 8, the sums of these kernels saturate where the processor has no VNNI
    proto = quantize(tmp_path / "model.onnx", tmp_path, reduce_range=True, **options)
    assert {each.op_type for each in proto.graph.node} >= {"QLinearConv", "QLinearAdd", "QLinearConcat"}
    model = read(proto)
    assert set(model.scales.weights) == {"first_quant", "second_quant", "end_quant"}
    step = model.scales.activations["y"].affine.scale
    (found,), (wanted,) = run(with_scales(model)), run(proto.SerializeToString())
    assert np.abs(found - wanted).max() <= 2.01 * step


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", ["cifar_mobilenetv2", "imagenet_mnv2_torch", "kws_kwt1", "det_yolov5n_axis"])
def test_networks_of_the_zoo_are_read_to_the_last_bit(
    zoo: Path, tmp_path: Path, name: str, *, per_channel: bool
) -> None:
    proto = quantize(zoo / name / "model.onnx", tmp_path, 2, per_channel=per_channel)
    (entry,) = read(proto).signature.inputs
    computes_the_same(proto, **{entry.name: np.random.default_rng(2).standard_normal(entry.shape).astype(np.float32)})
