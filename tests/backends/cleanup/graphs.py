"""A small builder of TFLite graphs, and the checks of a rewrite: how often it fired, structure, LiteRT, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from dlpuconv_backends.flatbuffer.codec import encode
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
NONE, RELU, RELU6 = (getattr(schema.ActivationFunctionType, name) for name in ("NONE", "RELU", "RELU6"))
_OPTIONS = {
    "CONV_2D": {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "padding": SAME},
    "DEPTHWISE_CONV_2D": {
        "strideH": 1,
        "strideW": 1,
        "dilationHFactor": 1,
        "dilationWFactor": 1,
        "padding": SAME,
        "depthMultiplier": 1,
    },
    "TRANSPOSE_CONV": {"strideH": 2, "strideW": 2, "padding": VALID},
    "MAX_POOL_2D": {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2, "padding": VALID},
    "AVERAGE_POOL_2D": {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2, "padding": VALID},
    "CONCATENATION": {"axis": 3},
    "GATHER": {"axis": 3},
    "FULLY_CONNECTED": {},
    "BATCH_MATMUL": {},
    "SPLIT": {"numSplits": 2},
    "MEAN": {"keepDims": False},
    "LEAKY_RELU": {"alpha": 0.1},
    "DEPTH_TO_SPACE": {"blockSize": 2},
    "SPACE_TO_DEPTH": {"blockSize": 2},
    "RESIZE_BILINEAR": {"halfPixelCenters": True},
}
_CLASSES = {
    "CONV_2D": "Conv2DOptionsT",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptionsT",
    "TRANSPOSE_CONV": "TransposeConvOptionsT",
    "MAX_POOL_2D": "Pool2DOptionsT",
    "AVERAGE_POOL_2D": "Pool2DOptionsT",
    "FULLY_CONNECTED": "FullyConnectedOptionsT",
    "BATCH_MATMUL": "BatchMatMulOptionsT",
    "MEAN": "ReducerOptionsT",
    "SUM": "ReducerOptionsT",
    "STRIDED_SLICE": "StridedSliceOptionsT",
    "RESIZE_BILINEAR": "ResizeBilinearOptionsT",
    "DEPTH_TO_SPACE": "DepthToSpaceOptionsT",
    "SPACE_TO_DEPTH": "SpaceToDepthOptionsT",
    "LEAKY_RELU": "LeakyReluOptionsT",
    "MAXIMUM": "MaximumMinimumOptionsT",
    "MINIMUM": "MaximumMinimumOptionsT",
    "PADV2": "PadV2OptionsT",
    "EXPAND_DIMS": "ExpandDimsOptionsT",
    "BROADCAST_TO": "BroadcastToOptionsT",
}


class Builder:
    """Grows a graph operator by operator; arrays become constants."""

    def __init__(self, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self._inputs: list[Tensor] = []
        self._operators: list[Operator] = []
        self._count = 0

    def input(self, *shape: int) -> Tensor:
        tensor = Tensor(f"input{len(self._inputs)}", shape, np.dtype(np.float32))
        self._inputs.append(tensor)
        return tensor

    def values(self, *shape: int) -> npt.NDArray[np.float32]:
        return self._random.normal(0, 1, shape).astype(np.float32)

    def op(
        self, kind: str, operands: list[Any], shape: tuple[int, ...], dtype: Any = np.float32, **options: Any
    ) -> Tensor:
        """Append an operator; its output."""
        self._count += 1
        name = f"{kind.lower()}_{self._count}"
        inputs = [
            x if isinstance(x, Tensor) or x is None else Tensor.constant(f"{name}_{i}", np.asarray(x))
            for i, x in enumerate(operands)
        ]
        output = Tensor(name, tuple(shape), np.dtype(dtype), source_names=(f"onnx_{name}",))
        self._operators.append(Operator(kind, inputs, [output], _options(kind, options), f"node_{name}"))
        return output

    def conv(self, x: Tensor, channels: int, kernel: int = 1, **options: Any) -> Tensor:
        """A convolution with random weights and bias; VALID ones shrink the map."""
        stride = options.setdefault("strideH", 1)
        options["strideW"] = stride
        shape = _output_shape(x, kernel, stride, options.get("padding", SAME), channels)
        weights = self.values(channels, kernel, kernel, x.shape[-1])
        return self.op("CONV_2D", [x, weights, self.values(channels)], shape, **options)

    def depthwise(self, x: Tensor, kernel: int = 3, **options: Any) -> Tensor:
        stride = options.setdefault("strideH", 1)
        options["strideW"] = stride
        channels = x.shape[-1]
        shape = _output_shape(x, kernel, stride, options.get("padding", SAME), channels)
        weights = self.values(1, kernel, kernel, channels)
        return self.op("DEPTHWISE_CONV_2D", [x, weights, self.values(channels)], shape, **options)

    def transpose(self, x: Tensor, *order: int) -> Tensor:
        return self.op("TRANSPOSE", [x, np.array(order, np.int32)], tuple(x.shape[a] for a in order))

    def reshape(self, x: Tensor, *shape: int) -> Tensor:
        return self.op("RESHAPE", [x, np.array(shape, np.int32)], shape, newShape=np.array(shape, np.int32))

    def pad(self, x: Tensor, before: int = 1, after: int = 1) -> Tensor:
        """Zeros above and left, below and right."""
        rows = np.array([[0, 0], [before, after], [before, after], [0, 0]], np.int32)
        n, h, w, c = x.shape
        return self.op("PAD", [x, rows], (n, h + before + after, w + before + after, c))

    def slice(self, x: Tensor, begin: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
        return self.op("SLICE", [x, np.array(begin, np.int32), np.array(size, np.int32)], size)

    def graph(self, *outputs: Tensor) -> Graph:
        return Graph(list(self._inputs), list(outputs), list(self._operators))


def _output_shape(x: Tensor, kernel: int, stride: int, padding: int, channels: int) -> tuple[int, ...]:
    n, h, w, _ = x.shape
    if padding == SAME:
        return (n, -(-h // stride), -(-w // stride), channels)
    return (n, (h - kernel) // stride + 1, (w - kernel) // stride + 1, channels)


def _options(kind: str, changes: dict[str, Any]) -> Any:
    usual = "".join(part.capitalize() for part in kind.split("_")) + "OptionsT"
    cls = getattr(schema, _CLASSES.get(kind, usual), None)
    if cls is None:
        return None
    options = cls()
    for key, value in {**_OPTIONS.get(kind, {}), **changes}.items():
        setattr(options, key, value)
    return options


def run(graph: Graph, seed: int = 2) -> list[npt.NDArray[Any]]:
    """The outputs on random inputs, on LiteRT's plain kernels."""
    random = np.random.default_rng(seed)
    interpreter = Interpreter(
        model_content=encode(graph), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    details = {d["name"]: d["index"] for d in interpreter.get_input_details()}
    for tensor in graph.inputs:
        interpreter.set_tensor(details[tensor.name], random.normal(0, 2, tensor.shape).astype(np.float32))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()]


def kinds(graph: Graph) -> list[str]:
    """Kinds of the operators, in execution order."""
    return [op.kind for op in graph.operators]


def rewritten(graph: Graph, rewrite: Callable[[Graph], int], fires: int) -> list[str]:
    """Run a rewrite, assert that it fired this often and that all numbers stayed; the kinds that are left."""
    before = run(graph)
    assert rewrite(graph) == fires
    graph.drop_dead()
    after = run(graph)
    for old, new in zip(before, after, strict=True):
        assert old.shape == new.shape
        np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(old).max())))
    return kinds(graph)
