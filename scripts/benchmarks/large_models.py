"""Networks of any size with random weights, and samples for them, made on the fly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

if TYPE_CHECKING:
    from pathlib import Path

    type Array = np.ndarray[Any, np.dtype[Any]]

_SIDE = 8
"""Pixels on each side of the feature maps, so that little is computed."""

_SHARE_OF_CONVOLUTIONS = 0.6
_BYTES = 4
_OPSET = 13
_BLOCKS, _EXPANSION, _CLASSES = 6, 4, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """How wide the layers of a network are.

    Attributes:
        channels: of each convolution, of 3x3.
        features: of each fully connected layer.
    """

    channels: int
    features: int


NARROW = Width(channels=64, features=128)
WIDE = Width(channels=512, features=4096)


def large_network(weights_mb: float, width: Width) -> onnx.ModelProto:
    """Convolutions [C, C, 3, 3] with ReLU, a global average, and fully connected layers with ReLU; opset 13.

    Args:
        weights_mb: 10^6 bytes of weights, roughly.
        width: of the layers.
    """
    network = _Network(np.random.default_rng(0))
    wanted = weights_mb * 1e6 / _BYTES
    value = network.convolution("x", 3, width.channels)
    for _ in range(max(1, round(_SHARE_OF_CONVOLUTIONS * wanted / (9 * width.channels**2)))):
        value = network.convolution(value, width.channels, width.channels)
    value = network.node("Flatten", [network.node("GlobalAveragePool", [value])])
    value = network.product(value, width.channels, width.features)
    for _ in range(max(1, round((1 - _SHARE_OF_CONVOLUTIONS) * wanted / width.features**2))):
        value = network.product(value, width.features, width.features)
    return network.finished(value, [1, 3, _SIDE, _SIDE], axes=2)


def long_network(nodes: int, channels: int = 16) -> onnx.ModelProto:
    """Convolutions [C, C, 3, 3] with ReLU, every second pair bridged by an addition, until there are so many nodes."""
    network = _Network(np.random.default_rng(0))
    value = network.convolution("x", 3, channels)
    while len(network.nodes) < nodes:
        inner = network.convolution(value, channels, channels)
        # each adds little, so that values stay of one size however many there are
        value = network.node("Add", [value, network.convolution(inner, channels, channels, damping=nodes)])
    return network.finished(value, [1, 3, _SIDE, _SIDE])


def high_network(side: int) -> onnx.ModelProto:
    """A few convolutions with strides over a large picture [1, 3, side, side]."""
    network = _Network(np.random.default_rng(0))
    value, before = "x", 3
    for channels in (8, 16, 32, 32):
        value = network.convolution(value, before, channels, stride=2)
        before = channels
    return network.finished(value, [1, 3, side, side])


def separable_network(side: int, channels: int) -> tuple[onnx.ModelProto, int]:
    """Inverted residual blocks on a picture [1, 3, side, side], with a mean and a classifier behind them.

    Returns:
        The network and its multiplications.
    """
    network, half = _Network(np.random.default_rng(0)), side // 2
    value = network.convolution("x", 3, channels, stride=2)
    work = half**2 * 27 * channels
    for _ in range(_BLOCKS):
        inner = network.convolution(value, channels, _EXPANSION * channels, kernel=1)
        inner = network.convolution(inner, _EXPANSION * channels, _EXPANSION * channels, groups=_EXPANSION * channels)
        value = network.node("Add", [value, network.convolution(inner, _EXPANSION * channels, channels, kernel=1)])
        work += half**2 * _EXPANSION * channels * (2 * channels + 9)
    value = network.node("Flatten", [network.node("GlobalAveragePool", [value])])
    value = network.product(value, channels, _CLASSES)
    return network.finished(value, [1, 3, side, side], axes=2), work + channels * _CLASSES


def save_samples(folder: Path, count: int, side: int) -> Path:
    """Pictures [count, 3, side, side] float32, written without being in memory together."""
    path = folder / "samples.npy"
    shape, generator = (3, side, side), np.random.default_rng(1)
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, *shape)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call] # numpy's
        for _ in range(count):
            file.write(generator.uniform(-1, 1, shape).astype("<f4").tobytes())
    return path


def save(model: onnx.ModelProto, folder: Path, *, external: bool) -> Path:
    """Write the model, its weights inside or beside it."""
    path = folder / "model.onnx"
    onnx.save(model, path, save_as_external_data=external, location="model.data")
    return path


class _Network:
    """Nodes and weights of a network as it grows."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._generator = generator

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def convolution(  # noqa: PLR0913 - a convolution has as many properties
        self,
        value: str,
        before: int,
        after: int,
        *,
        stride: int = 1,
        kernel: int = 3,
        groups: int = 1,
        damping: int = 1,
    ) -> str:
        weights = self._random((after, before // groups, kernel, kernel), kernel**2 * before // groups * damping)
        inputs = [value, weights, self._random((after,), 100 * damping)]
        form = {"kernel_shape": [kernel] * 2, "pads": [kernel // 2] * 4, "strides": [stride] * 2, "group": groups}
        return self.node("Relu", [self.node("Conv", inputs, **form)])

    def product(self, value: str, before: int, after: int) -> str:
        inputs = [value, self._random((after, before), before), self._random((after,), 100)]
        return self.node("Relu", [self.node("Gemm", inputs, transB=1)])

    def finished(self, output: str, shape: list[int], axes: int = 4) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, [None] * axes)],
            self._weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)

    def _random(self, shape: tuple[int, ...], fan_in: int) -> str:
        values = self._generator.standard_normal(shape, np.float32)
        values *= np.float32((2 / fan_in) ** 0.5)
        name = f"weights_{len(self._weights)}"
        self._weights.append(onnx.numpy_helper.from_array(values, name))
        return name
