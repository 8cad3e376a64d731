"""Small float models as ONNX text, and what ONNX Runtime makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.parser

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import SourceOptions, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.ir import Model


def model(text: str, constants: Mapping[str, Any] | None = None, *, opset: int = 20) -> Model:
    """A model of one graph.

    Args:
        text: from its inputs on: `(float[1,3] x) => (float[1,3] y) { y = Relu(x) }`.
        constants: arrays by name.
        opset: of the default domain.
    """
    proto = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : {opset}]> g {text}')
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items())
    for name, node in enumerate(proto.graph.node):
        node.name = node.name or f"{node.op_type}_{name}"
    return load(proto, SourceOptions())


def weights(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """About as large as a trained layer's."""
    deviation = 1 / max(float(np.prod(shape[1:])), 1.0) ** 0.5
    return np.random.default_rng(seed).normal(0, deviation, shape).astype(np.float32)


def answers(of: Model, seed: int = 0) -> list[npt.NDArray[Any]]:
    """Its outputs for random inputs."""
    random = np.random.default_rng(seed)
    feed: dict[str, Any] = {v.name: random.normal(size=v.shape).astype(v.dtype) for v in of.signature.inputs}
    return list(OrtRunner(of.split()).run(feed).values())


def operators(of: Model) -> list[str]:
    """In their order."""
    return [node.op_type for node in of.graph.graph]
