"""Small models in ONNX's text form, and what every test of a rewrite asserts about the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.parser
import onnx_ir
import onnxruntime
from onnx import numpy_helper

from dlpuconv.ir import Model, Source
from dlpuconv.passes import fold_constants, tidy, unify_opset
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.passes.contract import Pass

type Array = npt.NDArray[Any]

PREPARE: tuple[Pass, ...] = (fold_constants.PASS, unify_opset.PASS)


def random(*shape: int) -> Array:
    """Normal numbers that depend on the shape alone."""
    return np.random.default_rng(list(shape)).standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> Array:
    """Numbers in 0.5..2 that depend on the shape alone."""
    return np.random.default_rng(list(shape)).uniform(0.5, 2, shape).astype(np.float32)


def ints(*values: int) -> Array:
    """A vector of int64."""
    return np.asarray(values, np.int64)


def floats(*values: float) -> Array:
    """A vector of float32."""
    return np.asarray(values, np.float32)


def scalar(value: float) -> Array:
    """A float32 of rank 0."""
    return np.asarray(value, np.float32)


def model(graph: str, opset: int = 20, /, **constants: Array) -> Model:
    """A model from text such as `(float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Relu(x) }`, and its constants."""
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> g {graph}')
    for index, node in enumerate(proto.graph.node):  # as the frontends do
        node.name = node.name or f"{node.op_type}_{index}"
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    return Model(graph=onnx_ir.from_proto(proto), source=Source(name="model", sha256=""))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A model after some passes.

    Attributes:
        model: the result.
        fired: how often each pass did something.
        reasons: why the last pass left candidates alone.
    """

    model: Model
    fired: tuple[int, ...]
    reasons: tuple[str, ...]

    @property
    def operators(self) -> list[str]:
        """In the order of the graph."""
        return [node.op_type for node in self.model.graph.graph]

    def node(self, operator: str) -> onnx_ir.Node:
        """The only node of this operator."""
        (node,) = [node for node in self.model.graph.graph if node.op_type == operator]
        return node

    def attribute(self, operator: str, name: str) -> Any:
        """Of the only node of this operator; lists as lists."""
        value = self.node(operator).attributes[name].value
        return list(value) if isinstance(value, (list, tuple)) else value

    def constant(self, operator: str, index: int) -> Array:
        """What the only node of this operator reads at this position."""
        value = self.node(operator).inputs[index]
        assert value is not None
        assert value.const_value is not None
        return np.asarray(value.const_value.numpy())


def rewrite(source: Model, *passes: Pass, decibels: float = 110) -> Rewritten:
    """Run passes on a copy, each once, and assert what holds for every rewrite.

    The result is valid, all its values are named and shaped, its inputs and outputs are the source's, and it computes
    the same numbers.
    """
    copy = source.copy()
    editor = Editor(copy.graph)
    for entry in PREPARE:
        entry.run(editor)
    editor.graph.sort()
    firings = [entry.run(editor) for entry in passes]
    tidy.UNUSED.run(editor)
    editor.graph.sort()
    assert_valid(source, copy)
    assert_equal(source, copy, samples(source), decibels)
    reasons = tuple(d.reason for d in firings[-1].declined) if firings else ()
    return Rewritten(copy, tuple(f.fired for f in firings), reasons)


def assert_valid(source: Model, result: Model) -> None:
    """The checker accepts the result, every value has a static shape, and the signature is the source's."""
    onnx.checker.check_model(result.to_proto(), full_check=True)
    names = [output.name for node in result.graph.graph for output in node.outputs if output.name]
    assert len(names) == len(set(names))
    for node in result.graph.graph:
        assert node.name
        for output in node.outputs:
            assert not output.name or static_shape(output) is not None, f"{output.name} has no static shape"
            assert not output.name or output.dtype is not None
    assert result.signature == source.signature


def samples(source: Model) -> dict[str, Array]:
    """One random value for each input."""
    rng = np.random.default_rng(7)
    return {v.name: rng.standard_normal(v.shape).astype(v.dtype) for v in source.signature.inputs}


def run(source: Model, feed: Mapping[str, Array]) -> list[Array]:
    """Outputs in ONNX Runtime, with no optimization of its own."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(source.to_bytes(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(y) for y in session.run(None, dict(feed))]


def assert_equal(source: Model, result: Model, feed: Mapping[str, Array], decibels: float) -> None:
    """Both models compute the same; a signal-to-noise ratio of 110 dB is what float32 keeps over a few operators."""
    for spec, wanted, got in zip(source.signature.outputs, run(source, feed), run(result, feed), strict=True):
        assert got.shape == wanted.shape == spec.shape
        assert signal_to_noise(wanted, got) >= decibels, f"{spec.name}: {signal_to_noise(wanted, got):.1f} dB"


def signal_to_noise(wanted: Array, got: Array) -> float:
    """Decibels; 300 for equal numbers."""
    signal = float(np.square(wanted.astype(np.float64)).mean())
    noise = float(np.square(wanted.astype(np.float64) - got.astype(np.float64)).mean())
    return 10 * float(np.log10(signal / noise)) if noise > 0 and signal > 0 else (300.0 if noise == 0 else -300.0)
