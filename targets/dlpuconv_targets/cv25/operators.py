"""The operators that CVflow's tools are known to take.

There is no list by Axis. This one is from a public compiler front end for CV22, of the same family, from 2021
(https://github.com/Ambarella-Inc/amba-tvm, python/tvm/relay/op/contrib/cv22.py), by ONNX names. Newer tools take more:
it is advice.
"""

from __future__ import annotations

_COMPUTE = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LRN", "LpNormalization")
_ACTIVATIONS = ("Relu", "PRelu", "Sigmoid", "HardSigmoid", "Tanh", "Softmax", "LogSoftmax", "Clip")
_ARITHMETIC = (
    "Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Sum", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Sign",
    "Round", "Abs", "Neg",
)  # fmt: skip
_POOLS = ("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "Resize", "Upsample", "Pad")
_REDUCTIONS = ("ArgMax", "ArgMin", "ReduceSum", "ReduceMean", "ReduceProd", "ReduceMax", "ReduceMin")
_MOVES = (
    "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Concat", "Split", "Slice", "Gather", "GatherND", "Tile",
    "Cast", "Expand", "Identity", "Constant",
)  # fmt: skip

KNOWN = frozenset((*_COMPUTE, *_ACTIVATIONS, *_ARITHMETIC, *_POOLS, *_REDUCTIONS, *_MOVES))
"""On the list; HardSigmoid and Reciprocal become Clip and Div on the way to it."""

WITHDRAWN = frozenset(("Exp", "LeakyRelu", "Mod"))
"""In the source of the list, but commented out."""
