"""One small float TFLite graph for each operator; run as a script, it replays them in TensorFlow beside LiteRT.

TensorFlow stays out of the test process: it takes seconds to import and warns about itself.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode

X = (1, 6, 6, 4)
RNG = np.random.default_rng(5)


def f32(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return RNG.standard_normal(shape).astype(np.float32)


def i32(*values: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array(values[0] if len(values) == 1 and isinstance(values[0], list) else values, np.int32)


def graph(
    kind: str,
    output: tuple[int, ...],
    *inputs: Any,
    options: str = "",
    count: int = 1,
    dtype: Any = np.float32,
    **set_: Any,
) -> Graph:
    """One operator; "x" among its inputs is the graph's input, arrays are constants."""
    x = Tensor("x", X, np.dtype(np.float32))
    given = [x if isinstance(i, str) else Tensor.constant(f"c{n}", i) for n, i in enumerate(inputs or ("x",))]
    outputs = [Tensor(f"y{n}", output, np.dtype(dtype)) for n in range(count)]
    chosen = None
    if options:
        chosen = getattr(schema, f"{options}OptionsT")()
        for name, value in set_.items():
            setattr(chosen, name, value)
    return Graph([x], outputs, [Operator(kind, list(given), outputs, chosen)])


def same(kind: str, *more: Any, options: str = "", **set_: Any) -> Graph:
    return graph(kind, X, *more, options=options, **set_)


CONV: dict[str, Any] = {"options": "Conv2D", "dilationHFactor": 1, "dilationWFactor": 1, "fusedActivationFunction": 3}
POOL: dict[str, Any] = {"options": "Pool2D", "filterHeight": 3, "filterWidth": 2, "padding": 0}
RESIZE: dict[str, Any] = {"alignCorners": False, "halfPixelCenters": True}

GRAPHS: dict[str, Graph] = {
    "CONV_2D": graph("CONV_2D", (1, 3, 6, 5), "x", f32(5, 3, 3, 4), f32(5), padding=0, strideH=2, strideW=1, **CONV),
    "CONV_2D dilated": graph(
        "CONV_2D", (1, 2, 4, 5), "x", f32(5, 3, 2, 4), f32(5), padding=1, strideH=1, strideW=1,
        **{**CONV, "dilationHFactor": 2, "dilationWFactor": 2},
    ),
    "DEPTHWISE_CONV_2D": graph(
        "DEPTHWISE_CONV_2D", (1, 3, 3, 8), "x", f32(1, 3, 3, 8), f32(8), padding=0, strideH=2, strideW=2,
        **{**CONV, "options": "DepthwiseConv2D"}, depthMultiplier=2,
    ),
    "DEPTHWISE_CONV_2D dilated": graph(
        "DEPTHWISE_CONV_2D", (1, 2, 2, 4), "x", f32(1, 3, 3, 4), f32(4), padding=1, strideH=1, strideW=1,
        **{**CONV, "options": "DepthwiseConv2D", "dilationHFactor": 2, "dilationWFactor": 2}, depthMultiplier=1,
    ),
    "TRANSPOSE_CONV": graph(
        "TRANSPOSE_CONV", (1, 12, 12, 2), i32(1, 12, 12, 2), f32(2, 3, 3, 4), "x", f32(2), options="TransposeConv",
        padding=0, strideH=2, strideW=2, fusedActivationFunction=1,
    ),
    "FULLY_CONNECTED": graph(
        "FULLY_CONNECTED", (1, 6, 6, 3), "x", f32(3, 4), f32(3), options="FullyConnected", keepNumDims=True,
        fusedActivationFunction=0,
    ),
    "BATCH_MATMUL": graph("BATCH_MATMUL", (1, 6, 6, 6), "x", "x", options="BatchMatMul", adjY=True),
    "AVERAGE_POOL_2D": graph("AVERAGE_POOL_2D", (1, 3, 3, 4), "x", strideH=2, strideW=2, **POOL),
    "MAX_POOL_2D": graph("MAX_POOL_2D", X, "x", strideH=1, strideW=1, fusedActivationFunction=1, **POOL),
    "RESIZE_BILINEAR": graph("RESIZE_BILINEAR", (1, 12, 9, 4), "x", i32(12, 9), options="ResizeBilinear", **RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": graph(
        "RESIZE_NEAREST_NEIGHBOR", (1, 12, 9, 4), "x", i32(12, 9), options="ResizeNearestNeighbor", **RESIZE
    ),
    **{kind: same(kind) for kind in ("RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "LOG_SOFTMAX", "ELU")},
    **{kind: same(kind) for kind in ("ABS", "NEG", "EXP", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND")},
    "LEAKY_RELU": same("LEAKY_RELU", options="LeakyRelu", alpha=0.3),
    "PRELU": same("PRELU", "x", f32(1, 1, 4)),
    "GELU": same("GELU", options="Gelu", approximate=True),
    "HARD_SWISH": same("HARD_SWISH"),
    "SOFTMAX": same("SOFTMAX", options="Softmax", beta=2.0),
    "L2_NORMALIZATION": same("L2_NORMALIZATION", options="L2Norm"),
    "ADD": same("ADD", "x", f32(4), options="Add", fusedActivationFunction=1),
    "SUB": same("SUB", f32(1), "x", options="Sub", fusedActivationFunction=0),
    "MUL": same("MUL", "x", "x", options="Mul", fusedActivationFunction=3),
    "DIV": same("DIV", "x", np.array([3], np.float32), options="Div", fusedActivationFunction=0),
    "MAXIMUM": same("MAXIMUM", "x", f32(4)),
    "MINIMUM": same("MINIMUM", "x", f32(4)),
    "POW": same("POW", "x", np.array([2], np.float32)),
    "SQUARED_DIFFERENCE": same("SQUARED_DIFFERENCE", "x", f32(4)),
    "GREATER": graph("GREATER", X, "x", f32(4), dtype=np.bool_),
    "MEAN": graph("MEAN", (1, 1, 1, 4), "x", i32(1, 2), options="Reducer", keepDims=True),
    "REDUCE_MAX": graph("REDUCE_MAX", (1, 6, 6), "x", i32(3), options="Reducer", keepDims=False),
    "ARG_MAX": graph("ARG_MAX", (1, 6, 6), "x", i32(3), options="ArgMax", outputType=2, dtype=np.int32),
    "RESHAPE": graph("RESHAPE", (1, 36, 4), "x", i32(1, 36, 4), options="Reshape", newShape=i32(1, 36, 4)),
    "TRANSPOSE": graph("TRANSPOSE", (1, 4, 6, 6), "x", i32(0, 3, 1, 2)),
    "CONCATENATION": graph("CONCATENATION", (1, 6, 6, 8), "x", "x", options="Concatenation", axis=3),
    "PACK": graph("PACK", (1, 2, 6, 6, 4), "x", "x", options="Pack", axis=1, valuesCount=2),
    "UNPACK": graph("UNPACK", (1, 6, 4), "x", options="Unpack", axis=2, num=6, count=6),
    "SPLIT": graph("SPLIT", (1, 6, 3, 4), i32([2]).reshape(()), "x", options="Split", numSplits=2, count=2),
    "SLICE": graph("SLICE", (1, 2, 6, 3), "x", i32(0, 1, 0, 1), i32(1, 2, 6, 3)),
    "STRIDED_SLICE": graph(
        "STRIDED_SLICE", (1, 3, 6, 2), "x", i32(0, 0, 0, 1), i32(1, 6, 6, 3), i32(1, 2, 1, 1), options="StridedSlice",
        beginMask=2, endMask=4,
    ),
    "GATHER": graph("GATHER", (1, 6, 2, 4), "x", i32(5, 0), options="Gather", axis=2),
    "PAD": graph("PAD", (1, 8, 9, 4), "x", i32([[0, 0], [1, 1], [0, 3], [0, 0]])),
    "MIRROR_PAD": graph(
        "MIRROR_PAD", (1, 8, 8, 4), "x", i32([[0, 0], [1, 1], [1, 1], [0, 0]]), options="MirrorPad", mode=0
    ),
    "TILE": graph("TILE", (1, 12, 6, 4), "x", i32(1, 2, 1, 1)),
    "DEPTH_TO_SPACE": graph("DEPTH_TO_SPACE", (1, 12, 12, 1), options="DepthToSpace", blockSize=2),
    "SPACE_TO_DEPTH": graph("SPACE_TO_DEPTH", (1, 3, 3, 16), options="SpaceToDepth", blockSize=2),
    "CAST": graph("CAST", X, "x", options="Cast", inDataType=0, outDataType=2, dtype=np.int32),
}  # fmt: skip


def largest_differences() -> dict[str, float | str]:
    """By case: how far TensorFlow and LiteRT are apart, of the largest value; or what one of them said."""
    from ai_edge_litert.interpreter import Interpreter

    from dlpuconv_backends.savedmodel.replay import replay

    x = RNG.standard_normal(X).astype(np.float32) * 2
    found: dict[str, float | str] = {}
    for name, case in GRAPHS.items():
        try:
            interpreter = Interpreter(model_content=encode(case))
            interpreter.allocate_tensors()
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
            interpreter.invoke()
            expected = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
            got = [np.asarray(value) for value in replay(case, [x])]
            shapes = [(a.shape, b.shape) for a, b in zip(expected, got, strict=True) if a.shape != b.shape]
            found[name] = f"shapes {shapes}" if shapes else max(
                float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max() / max(1.0, np.abs(a).max()))
                for a, b in zip(expected, got, strict=True)
            )  # fmt: skip
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    json.dump(largest_differences(), sys.stdout)
