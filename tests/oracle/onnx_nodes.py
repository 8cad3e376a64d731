"""One small ONNX model for each operator that the tflite backend converts; images are NCHW, as ONNX has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

IMAGE, ROWS, VECTOR = (1, 4, 8, 8), (1, 6, 8), (1, 12)
_OPSET = 20
_RANDOM = np.random.default_rng(5)


@dataclass(frozen=True, slots=True)
class Case:
    """A node with its inputs: shapes of activations, arrays of constants.

    Attributes:
        kind: of the node.
        inputs: in order; None for an absent one.
        attributes: of the node.
        outputs: how many.
        positive: its values are.
    """

    kind: str
    inputs: tuple[Any, ...] = (IMAGE,)
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    positive: bool = False

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the model's inputs."""
        return [given for given in self.inputs if isinstance(given, tuple)]

    def model(self) -> onnx.ModelProto:
        """The model."""
        names = ["" if given is None else f"x{n}" for n, given in enumerate(self.inputs)]
        outputs = [f"y{n}" for n in range(self.outputs)]
        given = list(zip(names, self.inputs, strict=True))
        graph = helper.make_graph(
            [helper.make_node(self.kind, names, outputs, "node", **self.attributes)],
            "case",
            [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, v) for n, v in given if isinstance(v, tuple)],
            [],
            [numpy_helper.from_array(v, n) for n, v in given if isinstance(v, np.ndarray)],
        )
        graph.output.extend(helper.make_empty_tensor_value_info(name) for name in outputs)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)
        inferred = {v.name: v for v in onnx.shape_inference.infer_shapes(made).graph.output}
        del made.graph.output[:]
        made.graph.output.extend(inferred[name] for name in outputs)
        onnx.checker.check_model(made)
        return made


def _f(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return _RANDOM.standard_normal(shape).astype(np.float32)


def _s(value: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(value, np.float32)


def _i(*values: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(values, np.int64)


def _convolution(weights: tuple[int, ...], **attributes: Any) -> Case:
    return Case("Conv", (IMAGE, _f(*weights), _f(weights[0])), attributes)


_UNARY = (
    "Relu", "Sigmoid", "Tanh", "Elu", "Selu", "Softplus", "Softsign", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish",
    "Abs", "Neg", "Exp", "Erf", "Celu", "ThresholdedRelu", "Identity",
)  # fmt: skip
_BINARY = ("Add", "Sub", "Mul", "Max", "Min")

NODES: dict[str, Case] = {
    "Conv": _convolution((6, 4, 3, 3)),
    "Conv padded": _convolution((6, 4, 3, 3), pads=[1, 1, 1, 1]),
    "Conv strided, padded": _convolution((6, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2]),
    "Conv 1x1": _convolution((6, 4, 1, 1)),
    "Conv depthwise": _convolution((4, 1, 3, 3), group=4, pads=[1, 1, 1, 1]),
    "Conv dilated": _convolution((6, 4, 3, 3), dilations=[2, 2], pads=[2, 2, 2, 2]),
    "Conv groups": _convolution((6, 2, 3, 3), group=2),
    "Conv of rows": Case("Conv", (ROWS, _f(5, 6, 3), _f(5))),
    "ConvTranspose": Case("ConvTranspose", (IMAGE, _f(4, 6, 2, 2), _f(6)), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "ConvTranspose cropped": Case(
        "ConvTranspose",
        (IMAGE, _f(4, 6, 4, 4), _f(6)),
        {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    ),
    "Gemm": Case("Gemm", (VECTOR, _f(5, 12), _f(5)), {"transB": 1}),
    "MatMul": Case("MatMul", (ROWS, _f(8, 5))),
    "MatMul of activations": Case("MatMul", (ROWS, (1, 8, 5))),
    "BatchNormalization": Case(
        "BatchNormalization", (IMAGE, _f(4), _f(4), _f(4), np.array([0.5, 1, 2, 3], np.float32))
    ),
    "InstanceNormalization": Case("InstanceNormalization", (IMAGE, _f(4), _f(4))),
    "LayerNormalization": Case("LayerNormalization", (ROWS, _f(8), _f(8))),
    **{kind: Case(kind) for kind in _UNARY},
    "Sqrt": Case("Sqrt", positive=True),
    "Log": Case("Log", positive=True),
    "Gelu": Case("Gelu"),
    "Gelu by tanh": Case("Gelu", attributes={"approximate": "tanh"}),
    "PRelu": Case("PRelu", (IMAGE, _f(4, 1, 1))),
    "Clip to 6": Case("Clip", (IMAGE, _s(0.0), _s(6.0))),
    "Clip to 1": Case("Clip", (IMAGE, _s(-1.0), _s(1.0))),
    "Clip": Case("Clip", (IMAGE, _s(-0.5), _s(2.0))),
    "Softmax": Case("Softmax", (ROWS,)),
    "Softmax of channels": Case("Softmax", attributes={"axis": 1}),
    "LogSoftmax": Case("LogSoftmax", (ROWS,)),
    "Pow": Case("Pow", (IMAGE, _s(2.0))),
    "Div by a constant": Case("Div", (IMAGE, _f(4, 1, 1))),
    **{kind: Case(kind, (IMAGE, IMAGE)) for kind in _BINARY},
    "Add of a channel": Case("Add", (IMAGE, _f(4, 1, 1))),
    "Mul by a channel": Case("Mul", (IMAGE, (1, 4, 1, 1))),
    "Mean": Case("Mean", (IMAGE, IMAGE)),
    "Sum": Case("Sum", (IMAGE, IMAGE, IMAGE)),
    "MaxPool": Case("MaxPool", attributes={"kernel_shape": [2, 2], "strides": [2, 2]}),
    "MaxPool padded": Case("MaxPool", attributes={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "AveragePool": Case("AveragePool", attributes={"kernel_shape": [2, 2], "strides": [2, 2]}),
    "AveragePool padded": Case(
        "AveragePool", attributes={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}
    ),
    "GlobalAveragePool": Case("GlobalAveragePool"),
    "GlobalMaxPool": Case("GlobalMaxPool"),
    "ReduceMean": Case("ReduceMean", (IMAGE, _i(2, 3)), {"keepdims": 0}),
    "ReduceSum": Case("ReduceSum", (IMAGE, _i(1))),
    "ReduceMax": Case("ReduceMax", (IMAGE, _i(2, 3))),
    "ReduceMin": Case("ReduceMin", (IMAGE, _i(2, 3))),
    "ReduceL2": Case("ReduceL2", (ROWS, _i(2))),
    "ArgMax": Case("ArgMax", attributes={"axis": 1, "keepdims": 0}),
    "Resize nearest": Case(
        "Resize",
        (IMAGE, None, np.array([1, 1, 2, 2], np.float32)),
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    ),
    "Resize linear": Case("Resize", (IMAGE, None, np.array([1, 1, 2, 2], np.float32)), {"mode": "linear"}),
    "Resize linear, corners": Case(
        "Resize", (IMAGE, None, None, _i(1, 4, 15, 15)),
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    ),
    "DepthToSpace": Case("DepthToSpace", attributes={"blocksize": 2}),
    "DepthToSpace CRD": Case("DepthToSpace", attributes={"blocksize": 2, "mode": "CRD"}),
    "SpaceToDepth": Case("SpaceToDepth", attributes={"blocksize": 2}),
    "Pad": Case("Pad", (IMAGE, _i(0, 0, 1, 1, 0, 0, 1, 2))),
    "Pad reflect": Case("Pad", (IMAGE, _i(0, 0, 1, 1, 0, 0, 1, 1)), {"mode": "reflect"}),
    "Concat": Case("Concat", (IMAGE, IMAGE), {"axis": 1}),
    "Split": Case("Split", attributes={"axis": 1, "num_outputs": 2}, outputs=2),
    "Slice": Case("Slice", (IMAGE, _i(1, 1), _i(7, 8), _i(2, 3))),
    "Slice strided": Case("Slice", (IMAGE, _i(0), _i(8), _i(2), _i(2))),
    "Gather": Case("Gather", (IMAGE, _i(2, 0))  , {"axis": 1}),
    "Reshape": Case("Reshape", (ROWS, _i(1, 48))),
    "Flatten": Case("Flatten", (IMAGE,)),
    "Transpose": Case("Transpose", (ROWS,), {"perm": [0, 2, 1]}),
    "Squeeze": Case("Squeeze", ((1, 4, 1, 1), _i(2, 3))),
    "Unsqueeze": Case("Unsqueeze", (ROWS, _i(1))),
    "Tile": Case("Tile", (IMAGE, _i(1, 1, 2, 1))),
    "Expand": Case("Expand", ((1, 4, 1, 1), _i(1, 4, 3, 3))),
    "Einsum": Case("Einsum", (ROWS, (1, 5, 8)), {"equation": "bik,bjk->bij"}),
    "LpNormalization": Case("LpNormalization", (ROWS,), {"axis": 2}),
}  # fmt: skip
"""By title."""
