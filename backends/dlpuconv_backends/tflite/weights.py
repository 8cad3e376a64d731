"""Weights and biases of layers: float -> int8 and int32, with accumulators that cannot overflow.

Weights are symmetric in [-127, 127]; a bias has the scale input x weight. A layer's accumulator holds at most
sum |w| * |x - zero point| + |bias|, all in integers. Where that could leave int32 (a long sum, or a channel of
tiny weights beside a large bias), the weights get the smallest coarser scale that keeps it inside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.quantization import WeightScale
from dlpuconv.quantization.weight_scale import mse_scales
from dlpuconv.scheme import Granularity
from dlpuconv_backends.flatbuffer import Affine
from dlpuconv_backends.tflite.bias_correction import mean_shift
from dlpuconv_backends.tflite.operators import SPECS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.flatbuffer import Operator, Tensor
    from dlpuconv_backends.tflite.numbers import Parameters

_LARGEST_WEIGHT = 127
_INT32 = 2**31 - 1
_BLOCK = 1 << 20  # elements that are widened to float64 at a time
_SMALLEST_SCALE = 1e-20
"""Far below any trained weight, and its product with an input's scale is still a normal float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWeights:
    """A layer's integers.

    Attributes:
        weights: int8, in the float weights' shape.
        affine: scale [1] or [C], zero points 0, axis of the output channels.
        bias: [C] int32, or None.
        bias_affine: scale input x weight, as many as weight scales; None without bias.
        repaired: output channels whose scale was widened for the accumulator's sake.
        dead: output channels whose weights are all zero.
    """

    weights: npt.NDArray[np.int8]
    affine: Affine
    bias: npt.NDArray[np.int32] | None
    bias_affine: Affine | None
    repaired: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """What a recipe asks for in one layer beyond rounding to the nearest code.

    Attributes:
        weight_scale: how the weights get their scale.
        mean: [C] of the layer's input by channel, for a corrected bias; None for the bias as it is.
        moved: [C] by how much that mean differs in the quantized network; None where that is not known.
    """

    weight_scale: WeightScale = WeightScale.MAX
    mean: npt.NDArray[np.float64] | None = None
    moved: npt.NDArray[np.float64] | None = None


def granularity(op: Operator, recipe: Recipe, names: LayerNames) -> Granularity:
    """What the recipe says of a layer with weights, which has these names."""
    weights = SPECS[op.kind].weights
    default = recipe.granularity if weights and weights.by_default else Granularity.PER_TENSOR
    return recipe.granularity_of(names) or default


def quantize_layer(
    op: Operator, data: Parameters, chosen: Granularity, refinement: Refinement | None = None
) -> LayerWeights:
    """Integers for a layer with weights.

    Args:
        op: its weights and bias are float32 constants.
        data: of the activation that it reads.
        chosen: one scale, or one for each output channel.
        refinement: what a recipe asks for beyond rounding; None for nothing.
    """
    refinement = refinement or Refinement()
    at = SPECS[op.kind].weights
    assert at is not None
    weights, axis = op.input(at.weights).data, at.axis
    assert weights is not None
    bias_tensor = op.inputs[at.bias] if at.bias < len(op.inputs) else None
    bias = None if bias_tensor is None else _values(bias_tensor).reshape(-1)
    wanted = _wanted(weights, axis, chosen, refinement)
    scale, repaired = _scales(wanted, _accumulator_floor(weights, bias, axis, data))
    along = scale.reshape([-1 if i == axis else 1 for i in range(weights.ndim)]) if scale.size > 1 else scale
    codes = _codes(weights, along)
    zeros = np.zeros(scale.size, np.int64)
    dead = int((_peaks(weights, axis) == 0).sum())
    affine = Affine(scale, zeros, axis if scale.size > 1 else 0)
    if bias is None:
        return LayerWeights(weights=codes, affine=affine, bias=None, bias_affine=None, repaired=repaired, dead=dead)
    if refinement.mean is not None:
        bias -= mean_shift(op, _error(codes, along, weights), refinement.mean)
        if refinement.moved is not None:
            bias -= mean_shift(op, codes.astype(np.float64) * along, refinement.moved)
    # the kernels compare with a float32 product (kernel_util.cc), so it is computed as one
    bias_scale = (np.float32(data.scale) * scale).astype(np.float32)
    bias_codes = np.clip(np.rint(bias / bias_scale.astype(np.float64)), -_INT32, _INT32).astype(np.int32)
    return LayerWeights(
        weights=codes,
        affine=affine,
        bias=bias_codes,
        bias_affine=Affine(bias_scale, zeros),
        repaired=repaired,
        dead=dead,
    )


def with_codes(
    op: Operator,
    layer: LayerWeights,
    codes: npt.NDArray[np.float64],
    bias: npt.NDArray[np.float64] | None,
    data: Parameters,
) -> LayerWeights:
    """A layer with other codes under the same scales; channels that could then leave int32 keep what they have.

    Args:
        op: the float layer.
        layer: its integers.
        codes: whole numbers in [-127, 127], in the weights' shape.
        bias: [C] in real units, where the layer has one.
        data: of the activation that it reads.
    """
    at = SPECS[op.kind].weights
    assert at is not None
    reached = np.abs(_per_channel(codes, at.axis)).sum(axis=1) * data.reach
    bias_codes = None
    if bias is not None:
        assert layer.bias_affine is not None
        bias_codes = np.rint(bias / layer.bias_affine.scale.astype(np.float64))
        reached = reached + np.abs(bias_codes)
    fits = reached <= _INT32
    along = fits.reshape([-1 if i == at.axis else 1 for i in range(codes.ndim)])
    weights = np.where(along, codes, layer.weights).astype(np.int8)
    if bias_codes is None or layer.bias is None:
        return replace(layer, weights=weights)
    return replace(layer, weights=weights, bias=np.where(fits, bias_codes, layer.bias).astype(np.int32))


def _values(constant: Tensor) -> npt.NDArray[np.float64]:
    assert constant.data is not None
    return constant.data.astype(np.float64)


def _codes(weights: npt.NDArray[Any], along: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """Weights in steps of their scales, which have the same rank or are one."""
    codes = np.empty(weights.shape, np.int8)
    for block in _blocks(weights):
        steps = weights[block].astype(np.float64) / _of_block(along, block)
        codes[block] = np.clip(np.rint(steps), -_LARGEST_WEIGHT, _LARGEST_WEIGHT).astype(np.int8)
    return codes


def _error(
    codes: npt.NDArray[np.int8], along: npt.NDArray[np.float32], weights: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Quantized minus float weights."""
    error = np.empty(weights.shape, np.float64)
    for block in _blocks(weights):
        quantized = codes[block].astype(np.float64) * _of_block(along, block)
        np.subtract(quantized, weights[block].astype(np.float64), out=error[block])
    return error


def _blocks(values: npt.NDArray[Any]) -> Iterator[slice]:
    """Parts along the first axis that are small enough to be widened: a layer may be most of a network."""
    rows = max(1, _BLOCK // max(1, values[:1].size))
    return (slice(start, start + rows) for start in range(0, len(values), rows))


def _of_block(along: npt.NDArray[np.float32], block: slice) -> npt.NDArray[np.float32]:
    return along[block] if len(along) > 1 else along


def _per_channel[Number: np.generic](values: npt.NDArray[Number], axis: int) -> npt.NDArray[Number]:
    """[C, everything else]."""
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def _peaks(weights: npt.NDArray[Any], axis: int) -> npt.NDArray[np.float64]:
    """[C] largest magnitude of each output channel."""
    rows = _per_channel(weights, axis)
    peaks = np.maximum(rows.max(axis=1, initial=0.0), -rows.min(axis=1, initial=0.0))
    return np.asarray(peaks, np.float64)


def _wanted(
    weights: npt.NDArray[Any], axis: int, chosen: Granularity, refinement: Refinement
) -> npt.NDArray[np.float64]:
    """[1] or [C] the scales that the weights ask for."""
    peaks = _peaks(weights, axis)
    whole = chosen is Granularity.PER_TENSOR or peaks.size == 1
    if refinement.weight_scale is WeightScale.MSE:
        wide = weights.astype(np.float64)
        return mse_scales(wide.reshape(1, -1) if whole else _per_channel(wide, axis))
    # a dead channel takes its neighbours' scale: its own would be 0, and its bias needs some
    wanted = np.where(peaks > 0, peaks, peaks.max(initial=0.0) or 1.0) / _LARGEST_WEIGHT
    return wanted.max(keepdims=True) if whole else wanted


def _scales(wanted: npt.NDArray[np.float64], floor: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float32], int]:
    """[1] or [C] weight scales, and how many channels asked for a wider one than their weights need."""
    floor = np.maximum(floor, _SMALLEST_SCALE)
    repaired = int((floor > wanted).sum())
    scale = np.maximum(wanted, floor if wanted.size > 1 else floor.max(keepdims=True))
    return scale.astype(np.float32), repaired


def _accumulator_floor(
    weights: npt.NDArray[Any], bias: npt.NDArray[np.float64] | None, axis: int, data: Parameters
) -> npt.NDArray[np.float64]:
    """[C] the smallest weight scale with which each channel's accumulator stays in int32.

    sum|w|/s * reach + |b|/(s * s_in) <= 2^31 - 1, solved for s; rounding adds half a code to every weight.
    """
    rows = _per_channel(weights, axis)
    sums = np.concatenate([np.abs(rows[block].astype(np.float64)).sum(axis=1) for block in _blocks(rows)])
    rounding = 0.5 * rows.shape[1] * data.reach + 1.0
    magnitude = sums * data.reach
    if bias is not None:
        magnitude = magnitude + np.abs(bias) / data.scale
    return np.asarray(magnitude / max(_INT32 - rounding, 1.0))
