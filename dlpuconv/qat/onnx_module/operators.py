"""ONNX operators of the normal form as functions of torch, in one table.

Formulas are those of the ONNX operators' specification (https://onnx.ai/onnx/operators/).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from dlpuconv.passes import attributes as attrs
from dlpuconv.qat.onnx_module import moves, windows
from dlpuconv.qat.onnx_module.facts import NotInTorchError, constant, known_if_given, shape_read

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import onnx_ir

    type Tensor = Any
    type Function = Callable[..., Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchOperator:
    """How the nodes of one kind are computed.

    Attributes:
        make: the function of a node.
        operands: how many of the node's inputs the function takes, the others are known when it is made; None for all.
        weights: whether constants that it takes are what a training changes.
    """

    make: Callable[[onnx_ir.Node], Function]
    operands: int | None = None
    weights: bool = False


def arranged(node: onnx_ir.Node, index: int, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A constant as the function of its node takes it: matrices as [out, in], slopes as [C], places from the start."""
    if node.op_type == "Gemm":
        factor = attrs.number(node, "alpha" if index == 1 else "beta", 1.0)
        array = array if factor == 1 else array * np.asarray(factor, array.dtype)
        turned = index == 1 and not attrs.integer(node, "transB", 0)
        return array.T if turned else array.reshape(-1) if index == 2 else array
    if node.op_type == "MatMul":
        return array.T if index == 1 and array.ndim == 2 else array
    if node.op_type == "PRelu":
        return array.reshape(-1) if _slope_by_channel(node) else array
    if node.op_type == "Gather":
        return array % shape_read(node)[attrs.integer(node, "axis", 0)]
    return array


def _cast(node: onnx_ir.Node) -> Function:
    made = node.outputs[0].dtype
    if made is None:
        raise NotInTorchError("its type is unknown")
    return functools.partial(torch.Tensor.to, dtype=torch.from_numpy(np.empty(0, made.numpy())).dtype)


def _clip(node: onnx_ir.Node) -> Function:
    low, high = (
        None if bound is None else bound.item() for bound in (known_if_given(node, 1), known_if_given(node, 2))
    )
    if (low, high) == (0, 6):
        return functional.relu6  # which quantizers look for
    return functools.partial(torch.clamp, min=low, max=high)


def _gemm(node: onnx_ir.Node) -> Function:
    if constant(node, 1) is None or attrs.integer(node, "transA", 0):
        raise NotInTorchError("a product without constant weights")
    return functional.linear


def _matmul(node: onnx_ir.Node) -> Function:
    weights = constant(node, 1)
    return torch.matmul if weights is None or weights.ndim != 2 else functional.linear


def _gelu(node: onnx_ir.Node) -> Function:
    return functools.partial(functional.gelu, approximate=attrs.text(node, "approximate", "none"))


def _hard_sigmoid(node: onnx_ir.Node) -> Function:
    slope, shift = attrs.number(node, "alpha", 0.2), attrs.number(node, "beta", 0.5)
    if math.isclose(slope, 1 / 6, rel_tol=1e-5) and shift == 0.5:
        return functional.hardsigmoid
    return lambda x: torch.clamp(slope * x + shift, 0.0, 1.0)


def _prelu(node: onnx_ir.Node) -> Function:
    return functional.prelu if _slope_by_channel(node) else lambda x, slope: torch.where(x < 0, x * slope, x)


def _slope_by_channel(node: onnx_ir.Node) -> bool:
    """Whether the slope is one number for each channel of a map, or one for all."""
    slope, shape = constant(node, 1), shape_read(node)
    if slope is None or len(shape) < 2:
        return False
    of_channels = (shape[1], *[1] * (len(shape) - 2))
    return slope.size == 1 or (slope.size == shape[1] and slope.shape[1 - len(shape) :] == of_channels)


def _reduced(reduce: Function) -> TorchOperator:
    def make(node: onnx_ir.Node) -> Function:
        shape, given = shape_read(node), known_if_given(node, 1)
        axes = attrs.integers(node, "axes") if given is None else [int(axis) for axis in given]
        kept = bool(attrs.integer(node, "keepdims", 1))
        if not axes and not attrs.integer(node, "noop_with_empty_axes", 0):
            axes = list(range(len(shape)))
        if kept:  # of an axis of one it does nothing, and the batch may be longer than that
            axes = [axis for axis in axes or () if axis % len(shape) or shape[0] != 1]
        return functools.partial(reduce, dim=axes, keepdim=kept) if axes else torch.clone

    return TorchOperator(make=make, operands=1)


def _whole_map(reduce: Function) -> TorchOperator:
    """A reduction over all pixels of each channel."""
    return TorchOperator(
        make=lambda node: functools.partial(reduce, dim=list(range(2, len(shape_read(node)))), keepdim=True)
    )


def _with_alpha(function: Function, option: str, default: float) -> TorchOperator:
    """An activation whose attribute `alpha` is this option of torch's."""
    return TorchOperator(
        make=lambda node: functools.partial(function, **{option: attrs.number(node, "alpha", default)})
    )


def _along_axis(function: Function) -> TorchOperator:
    return TorchOperator(make=lambda node: functools.partial(function, dim=attrs.integer(node, "axis", -1)))


def _several(function: Function) -> TorchOperator:
    """An operator of any number of operands, applied to two at a time."""
    return TorchOperator(make=lambda _: lambda *values: functools.reduce(function, values))


def _plain(function: Function) -> TorchOperator:
    return TorchOperator(make=lambda _: function)


_RESHAPE = TorchOperator(make=moves.reshape, operands=1)

OPERATORS: dict[str, TorchOperator] = {
    # layers
    "Conv": TorchOperator(make=windows.convolution, weights=True),
    "ConvTranspose": TorchOperator(make=windows.transposed_convolution, weights=True),
    "Gemm": TorchOperator(make=_gemm, weights=True),
    "MatMul": TorchOperator(make=_matmul, weights=True),
    "PRelu": TorchOperator(make=_prelu, weights=True),
    # neighbours
    "AveragePool": TorchOperator(make=windows.average_pool),
    "GlobalAveragePool": _whole_map(torch.mean),
    "GlobalMaxPool": _whole_map(torch.amax),
    "MaxPool": TorchOperator(make=windows.maximum_pool),
    "Resize": TorchOperator(make=windows.resize, operands=1),
    # arithmetic
    "Add": _plain(torch.add), "Sub": _plain(torch.sub), "Mul": _plain(torch.mul), "Div": _plain(torch.div),
    "Pow": _plain(torch.pow), "Max": _several(torch.maximum), "Min": _several(torch.minimum),
    "Sum": _several(torch.add),
    "Abs": _plain(torch.abs), "Ceil": _plain(torch.ceil), "Cos": _plain(torch.cos), "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp), "Floor": _plain(torch.floor), "Log": _plain(torch.log), "Neg": _plain(torch.neg),
    "Reciprocal": _plain(torch.reciprocal), "Round": _plain(torch.round), "Sign": _plain(torch.sign),
    "Sin": _plain(torch.sin), "Sqrt": _plain(torch.sqrt), "Tanh": _plain(torch.tanh),
    "Equal": _plain(torch.eq), "Greater": _plain(torch.gt), "GreaterOrEqual": _plain(torch.ge),
    "Less": _plain(torch.lt), "LessOrEqual": _plain(torch.le), "Where": _plain(torch.where),
    "And": _plain(torch.logical_and), "Not": _plain(torch.logical_not), "Or": _plain(torch.logical_or),
    # activations
    "Clip": TorchOperator(make=_clip, operands=1),
    "Elu": _with_alpha(functional.elu, "alpha", 1.0),
    "Gelu": TorchOperator(make=_gelu),
    "HardSigmoid": TorchOperator(make=_hard_sigmoid),
    "HardSwish": _plain(functional.hardswish),
    "LeakyRelu": _with_alpha(functional.leaky_relu, "negative_slope", 0.01),
    "LogSoftmax": _along_axis(torch.log_softmax),
    "Mish": _plain(functional.mish),
    "Relu": _plain(functional.relu),
    "Sigmoid": _plain(torch.sigmoid),
    "Softmax": _along_axis(torch.softmax),
    "Softplus": _plain(functional.softplus),
    "Softsign": _plain(functional.softsign),
    # reductions
    "ReduceMax": _reduced(torch.amax), "ReduceMean": _reduced(torch.mean), "ReduceMin": _reduced(torch.amin),
    "ReduceSum": _reduced(torch.sum),
    # moves
    "Cast": TorchOperator(make=_cast),
    "Concat": TorchOperator(make=moves.concat),
    "DepthToSpace": TorchOperator(make=moves.depth_to_space),
    "Expand": TorchOperator(make=moves.expand, operands=1),
    "Flatten": _RESHAPE, "Reshape": _RESHAPE, "Squeeze": _RESHAPE, "Unsqueeze": _RESHAPE,
    "Gather": TorchOperator(make=moves.gather),
    "Identity": _plain(torch.clone),
    "Pad": TorchOperator(make=moves.pad, operands=1),
    "Slice": TorchOperator(make=moves.cut, operands=1),
    "SpaceToDepth": TorchOperator(make=moves.space_to_depth),
    "Transpose": TorchOperator(make=moves.transpose),
}  # fmt: skip
