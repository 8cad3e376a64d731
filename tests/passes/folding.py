"""Models, pixels and comparisons for the tests of folded normalizations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir
from onnx import helper, numpy_helper

from dlpuconv.calibration import Calibration, Preprocessing, make_preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import Model, Source
from dlpuconv.passes.editor import Editor
from dlpuconv.passes.fold_camera import Camera
from dlpuconv.passes.fold_first_convolutions import (
    FirstConvolutions,
    best_zero_point,
    first_convolutions,
    fold,
)
from dlpuconv.passes.fold_preprocessing import FoldResult
from dlpuconv.plugin import Normalization

if TYPE_CHECKING:
    from collections.abc import Mapping

CONV, OP, OFF = Normalization.CONV, Normalization.OP, Normalization.OFF
UNEQUAL = make_preprocessing(mean="10,20,30", std="2,3,4")
UNEQUAL_BGR = make_preprocessing(mean="10,20,30", std="2,3,4", color="bgr")
EQUAL = make_preprocessing(mean="128", std="64")
EQUAL_BGR = make_preprocessing(mean="128", std="64", color="bgr")


@dataclass
class Graph:
    """A few nodes on inputs; every other name that is read and not made is a constant."""

    nodes: list[onnx.NodeProto]
    constants: dict[str, npt.NDArray[np.float32]]
    inputs: dict[str, tuple[int, ...]] = field(default_factory=lambda: {"x": (1, 3, 6, 7)})
    outputs: tuple[str, ...] = ("y",)

    def model(self) -> Model:
        proto = helper.make_model(
            helper.make_graph(
                self.nodes,
                "g",
                [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, s) for name, s in self.inputs.items()],
                [helper.make_empty_tensor_value_info(name) for name in self.outputs if name not in self.inputs]
                + [
                    helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, self.inputs[n])
                    for n in self.outputs
                    if n in self.inputs
                ],
                [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
            ),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=8,
        )
        inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True)
        return Model(graph=onnx_ir.from_proto(inferred), source=Source(name="m", sha256="0" * 64))


def conv_model(weights: Any, bias: Any = None, shape: tuple[int, ...] = (1, 3, 6, 7), **attributes: Any) -> Model:
    constants = {"w": np.asarray(weights, np.float32)}
    if bias is not None:
        constants["b"] = np.asarray(bias, np.float32)
    node = helper.make_node("Conv", ["x", *constants], ["y"], name="conv", **attributes)
    return Graph([node], constants, {"x": shape}).model()


def random_weights(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def pixels_for(model: Model, seed: int = 0) -> dict[str, npt.NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    return {spec.name: rng.integers(0, 256, spec.shape).astype(np.uint8) for spec in model.signature.inputs}


def source_values(pixels: npt.NDArray[np.uint8], made: Preprocessing, axis: int = 1) -> npt.NDArray[np.float32]:
    """What the network was trained on for these RGB pixels."""
    return np.moveaxis(made.normalize(np.moveaxis(pixels, axis, -1)), -1, axis)


def run(model: Model, feed: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.float64]]:
    """Outputs in ONNX Runtime, widened."""
    return {name: value.astype(np.float64) for name, value in OrtRunner(model.to_bytes()).run(feed).items()}


def compare(model: Model, folded: FoldResult, made: Preprocessing, axis: int = 1) -> tuple[Any, Any]:
    """Outputs of the model and of the folded one; the latter gets raw pixels through its quantization."""
    onnx.checker.check_model(folded.model.to_proto(), full_check=True)
    feed, converted = {}, {}
    for name, pixels in pixels_for(model).items():
        values = source_values(pixels, made, axis)
        binding = folded.bindings[name]
        feed[name], converted[name] = values, binding.apply(values)
        if binding.raw_pixels and binding.quantization:
            fixed = binding.quantization
            raw = fixed.scale * (pixels.astype(np.float64) - fixed.zero_point)
            np.testing.assert_allclose(converted[name], raw, atol=1e-3, err_msg="the camera's pixels are the integers")
    wanted, found = run(model, feed), run(folded.model, converted)
    assert list(wanted) == list(found)
    return next(iter(wanted.values())), next(iter(found.values()))


def assert_equal(model: Model, folded: FoldResult, made: Preprocessing, axis: int = 1) -> None:
    wanted, found = compare(model, folded, made, axis)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-4 * max(1.0, float(np.abs(wanted).max())))


def operators(result: FoldResult) -> list[str]:
    return [node.op_type for node in result.model.graph.graph]


def constant(result: FoldResult, node: int, index: int) -> npt.NDArray[Any]:
    value = result.model.graph.graph[node].inputs[index]
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def method(result: FoldResult, name: str = "x") -> Any:
    facts = result.facts[name]
    assert isinstance(facts, dict)
    return facts["method"]


def fold_by_hand(model: Model, made: Preprocessing, zero_point: int | None = None) -> tuple[int, Model]:
    """The folded model, whatever it loses."""
    folded = model.copy()
    editor = Editor(folded.graph)
    camera = Camera.of(model.signature.inputs[0], made)
    found = first_convolutions(editor, editor.graph.inputs[0], camera.spec.layout)
    assert isinstance(found, FirstConvolutions)
    chosen = best_zero_point(editor, found, camera) if zero_point is None else zero_point
    fold(editor, found, camera, chosen)
    return chosen, folded


def samples_for(model: Model, made: Preprocessing) -> Calibration:
    arrays = {
        spec.name: np.concatenate([source_values(pixels_for(model, seed)[spec.name], made) for seed in range(10)])
        for spec in model.signature.inputs
    }
    found = open_calibration(arrays, signature=model.signature, preprocessing=made, progress=Silent())
    assert found is not None
    return found
