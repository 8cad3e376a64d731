"""A small convolutional network and samples for it, the same on every machine: what contracts convert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx

INPUT, OUTPUT = "pixels", "scores"
SHAPE = (1, 3, 16, 16)
FIRST, SECOND = "first activation", "second activation"
"""Names of two nodes that a test may turn into something that no backend knows."""
_CLASSES = 10
_SAMPLES = 24


def network() -> onnx.ModelProto:
    """Two convolutions around a residual one, a pool over all pixels, a classifier."""
    import numpy as np
    from onnx import TensorProto, helper

    draw = np.random.default_rng(7)
    weights: dict[str, npt.NDArray[np.float32]] = {}

    def drawn(name: str, *shape: int) -> str:
        spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        weights[name] = (spread * draw.standard_normal(shape)).astype(np.float32)
        return name

    def conv(source: str, made: str, shape: tuple[int, ...], **options: Any) -> onnx.NodeProto:
        inputs = [source, drawn(f"{made} weights", *shape), drawn(f"{made} bias", shape[0])]
        return helper.make_node("Conv", inputs, [made], made, pads=[1, 1, 1, 1], **options)

    nodes = [
        conv(INPUT, "a", (16, 3, 3, 3)),
        helper.make_node("Relu", ["a"], ["b"], FIRST),
        conv("b", "c", (16, 16, 3, 3)),
        helper.make_node("Add", ["b", "c"], ["d"], "residual"),
        helper.make_node("Relu", ["d"], ["e"], SECOND),
        conv("e", "f", (32, 16, 3, 3), strides=[2, 2]),
        helper.make_node("Relu", ["f"], ["g"], "third activation"),
        helper.make_node("GlobalAveragePool", ["g"], ["h"], "pool"),
        helper.make_node("Flatten", ["h"], ["i"], "flatten"),
        helper.make_node("Gemm", ["i", drawn("k", 32, _CLASSES), drawn("k bias", _CLASSES)], [OUTPUT], "classifier"),
    ]
    graph = helper.make_graph(
        nodes,
        "contract",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, (1, _CLASSES))],
        [helper.make_tensor(name, TensorProto.FLOAT, values.shape, values) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def samples() -> npt.NDArray[np.float32]:
    """[N, C, H, W]: waves of different lengths and directions, with a little noise, around zero."""
    import numpy as np

    draw = np.random.default_rng(8)
    rows, columns = np.mgrid[: SHAPE[2], : SHAPE[3]]
    waves = draw.uniform(0.1, 0.9, (_SAMPLES, SHAPE[1], 3, 1, 1))
    pictures = np.sin(waves[:, :, 0] * rows + waves[:, :, 1] * columns + 6 * waves[:, :, 2])
    return np.asarray(pictures + 0.1 * draw.standard_normal(pictures.shape), np.float32)
