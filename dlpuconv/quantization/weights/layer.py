"""Weights and biases of layers: float -> integers, with accumulators that cannot overflow.

A bias is int32 and has the scale input x weight. With activations of 8 bits a layer's accumulator is taken for int32:
it holds at most sum |w - zero point| * |x - zero point| + |bias|, all in integers. Where that could leave int32 (a long
sum, or a channel of tiny weights beside a large bias), the weights get the smallest coarser scale that keeps it inside.
With 16 bits runtimes sum in 64 bits, or in float32 as ONNX Runtime does: there only the bias has to fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.affine import Affine
from dlpuconv.quantization.recipe import WeightScale
from dlpuconv.quantization.scales.choice import reach
from dlpuconv.quantization.stated.weights import NOT_STATED, StatedWeights
from dlpuconv.quantization.techniques.bias_correction import mean_shift
from dlpuconv.quantization.weights.scale import blocks, weight_scales

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.network import Layer
    from dlpuconv.scheme import Coding, Granularity, Scheme

_INT32 = 2**31 - 1
_NARROW = 8
"""Bits of activations with which sums are int32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWeights:
    """A layer's integers.

    Attributes:
        weights: [O, taps..., I] of the scheme's type.
        affine: one scale, or one for each of the first axis.
        bias: [O] int32, or None.
        bias_affine: scale input x weight, as many as weight scales; None without bias.
        repaired: output channels whose scale was widened for the accumulator's sake.
        dead: output channels whose weights are all zero.
        stated: what the source states of the weights.
    """

    weights: npt.NDArray[Any]
    affine: Affine
    bias: npt.NDArray[np.int32] | None
    bias_affine: Affine | None
    repaired: int = 0
    dead: int = 0
    stated: StatedWeights = NOT_STATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """What a recipe asks for in one layer beyond rounding to the nearest code.

    Attributes:
        weight_scale: how the weights get their scale.
        stated: the scales that the source states of them.
        mean: [C] of the layer's input by channel, for a corrected bias; None for the bias as it is.
        moved: [C] by how much that mean differs in the quantized network; None where that is not known.
    """

    weight_scale: WeightScale = WeightScale.MAX
    stated: StatedWeights = NOT_STATED
    mean: npt.NDArray[np.float64] | None = None
    moved: npt.NDArray[np.float64] | None = None


def quantize_layer(
    layer: Layer, data: Affine, chosen: Granularity, scheme: Scheme, refinement: Refinement | None = None
) -> LayerWeights:
    """Integers for a layer.

    Args:
        layer: its weights and bias are float32 constants.
        data: of the activation that it reads.
        chosen: one scale, or one for each output channel.
        scheme: what the chip wants.
        refinement: what a recipe asks for beyond rounding; None for nothing.
    """
    refinement = refinement or Refinement()
    weights = layer.weights
    assert weights is not None
    bias = None if layer.bias is None else layer.bias.astype(np.float64)
    floor = _accumulator_floor(layer, bias, data, scheme)
    stated = refinement.stated.above(floor, weights)
    affine, repaired = (
        (stated.affine, 0)
        if stated.affine
        else weight_scales(weights, chosen, scheme.weight_codes, refinement.weight_scale, floor)
    )
    codes = _codes(weights, affine, scheme.weight_codes)
    dead = int((~weights.reshape(len(weights), -1).any(axis=1)).sum())
    found = LayerWeights(weights=codes, affine=affine, bias=None, bias_affine=None, repaired=repaired, dead=dead)
    found = replace(found, stated=stated)
    if bias is None:
        return found
    if refinement.mean is not None:
        bias -= mean_shift(layer, _error(codes, affine, weights), refinement.mean)
        if refinement.moved is not None:
            bias -= mean_shift(layer, affine.decode(codes), refinement.moved)
    # kernels compare with a float32 product (TFLite's kernel_util.cc), so it is computed as one
    scale = (np.float32(data.scale) * np.asarray(affine.scales, np.float32)).astype(np.float64)
    bias_codes = np.clip(np.rint(bias / scale), -_INT32, _INT32).astype(np.int32)
    return replace(found, bias=bias_codes, bias_affine=Affine.along(0, scale))


def with_codes(
    layer: LayerWeights,
    codes: npt.NDArray[np.float64],
    bias: npt.NDArray[np.float64] | None,
    data: Affine,
    scheme: Scheme,
) -> LayerWeights:
    """A layer with other codes under the same scales; channels that could then leave int32 keep what they have.

    Args:
        layer: its integers.
        codes: whole numbers, in the weights' shape, as far from their zero points as weights may be.
        bias: [O] in real units, where the layer has one.
        data: of the activation that it reads.
        scheme: what the chip wants.
    """
    reached = np.zeros(len(codes))
    if scheme.activation_codes.type.bits <= _NARROW:
        reached = np.abs(codes.reshape(len(codes), -1)).sum(axis=1) * reach(data, scheme.activation_codes.type)
    bias_codes = None
    if bias is not None:
        assert layer.bias_affine is not None
        bias_codes = np.rint(bias / np.asarray(layer.bias_affine.scales))
        reached = reached + np.abs(bias_codes)
    fits = reached <= _INT32
    coding = scheme.weight_codes
    moved = np.clip(codes + _along(np.asarray(layer.affine.zero_points), codes.ndim), coding.lowest, coding.highest)
    weights = np.where(_along(fits, codes.ndim), moved, layer.weights).astype(layer.weights.dtype)
    if bias_codes is None or layer.bias is None:
        return replace(layer, weights=weights)
    return replace(layer, weights=weights, bias=np.where(fits, bias_codes, layer.bias).astype(np.int32))


def _along(numbers: npt.NDArray[Any], rank: int) -> npt.NDArray[Any]:
    """[1] or [O], to be broadcast against weights."""
    return numbers.reshape(-1, *[1] * (rank - 1))


def _codes(weights: npt.NDArray[Any], affine: Affine, coding: Coding) -> npt.NDArray[Any]:
    """Weights in steps of their scales."""
    codes = np.empty(weights.shape, coding.type.dtype)
    for block in blocks(weights):
        found = affine.part(block).encode(weights[block], coding.type)
        np.clip(found, coding.lowest, coding.highest, out=codes[block])
    return codes


def _error(codes: npt.NDArray[Any], affine: Affine, weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Quantized minus float weights."""
    error = np.empty(weights.shape, np.float64)
    for block in blocks(weights):
        quantized = affine.part(block).decode(codes[block])
        np.subtract(quantized, weights[block].astype(np.float64), out=error[block])
    return error


def _accumulator_floor(
    layer: Layer, bias: npt.NDArray[np.float64] | None, data: Affine, scheme: Scheme
) -> npt.NDArray[np.float64]:
    """[O] the smallest weight scale with which each channel's accumulator stays in int32.

    sum|w|/s * reach + |b|/(s * s_in) <= 2^31 - 1, solved for s; rounding adds half a code to every weight, and that of
    a zero point, which is not a whole number, another half.
    """
    assert layer.weights is not None
    rows = layer.weights.reshape(layer.rows, -1)
    magnitude: npt.NDArray[np.float64] = np.zeros(layer.rows)
    rounding = 1.0
    if scheme.activation_codes.type.bits <= _NARROW:
        far = reach(data, scheme.activation_codes.type)
        sums = np.concatenate([np.abs(rows[block].astype(np.float64)).sum(axis=1) for block in blocks(rows)])
        magnitude = sums * far
        rounding += (0.5 if scheme.weight_codes.symmetric else 1.0) * rows.shape[1] * far
    if bias is not None:
        magnitude = magnitude + np.abs(bias) / data.scale
    return np.asarray(magnitude / max(_INT32 - rounding, 1.0))
