"""Facts about a layer that may explain its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.analysis import LayerFacts
from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.tflite.channel_statistics import channels_of
from dlpuconv_backends.tflite.numbers import ALL
from dlpuconv_backends.tflite.operators import SPECS, data_inputs
from dlpuconv_backends.tflite.saturation import distinguished

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv_backends.tflite.numbers import Range
    from dlpuconv_backends.tflite.quantizer import Quantized
    from dlpuconv_backends.tflite.tuning import Tuned
    from dlpuconv_backends.tflite.weights import LayerWeights

_MEETING = frozenset({"ADD", "SUB", "CONCATENATION", "PACK", "MAXIMUM", "MINIMUM"})


def facts_of(
    op: Operator, source: Operator | None, tuned: Tuned, quantized: Quantized, seen: Mapping[str, npt.NDArray[Any]]
) -> LayerFacts:
    """What is known of an integer operator.

    Args:
        op: of the integer graph.
        source: the float operator that it came from, where there is one.
        tuned: the float graph and its ranges.
        quantized: what became of it.
        seen: on one sample, the output's `expected` real values and the codes that were `made`; empty if unknown.
    """
    layer = quantized.layers.get(source) if source is not None else None
    output = op.outputs[0]
    scale = float(output.quantization.scale[0]) if output.quantization is not None else 0.0
    expected = seen.get("expected")
    steps = faint = None
    if expected is not None and scale:
        rms = np.sqrt(np.square(expected.reshape(-1, channels_of(output)), dtype=np.float64).mean(axis=0)) / scale
        steps, faint = float(np.sqrt(np.square(rms).mean())), float((rms < 1.0).mean())
    readers = tuned.graph.consumers().get(source.output, []) if source is not None else []
    needed = distinguished(tuned.graph, {}).get(source.output, ALL) if source is not None else ALL
    return LayerFacts(
        per_tensor=None if layer is None else not layer.affine.per_channel,
        weight_imbalance=None if source is None or layer is None else _imbalance(source),
        dead_channels=layer.dead / max(output.shape[-1], 1) if layer is not None else None,
        widened_channels=layer.repaired if layer is not None else 0,
        steps_per_rms=steps,
        saturated=_saturated(output, needed, expected, seen.get("made")),
        faint_channels=faint,
        narrowest_operand=_narrowest(source, tuned) if source is not None else None,
        read_by=tuple(sorted({reader.kind for reader in readers})),
    )


def float_weights(op: Operator, layer: LayerWeights) -> Operator:
    """The float layer with its rounded weights and bias."""
    at = SPECS[op.kind].weights
    assert at is not None
    inputs = list(op.inputs)
    inputs[at.weights] = _dequantized(op.input(at.weights), layer.weights, layer.affine.scale, at.axis)
    if layer.bias is not None and layer.bias_affine is not None:
        inputs[at.bias] = _dequantized(op.input(at.bias), layer.bias, layer.bias_affine.scale, 0)
    return Operator(op.kind, inputs, op.outputs, op.options, op.source_name)


def _dequantized(tensor: Tensor, codes: npt.NDArray[Any], scale: npt.NDArray[np.float32], axis: int) -> Tensor:
    along = scale.reshape([-1 if i == axis else 1 for i in range(codes.ndim)]) if scale.size > 1 else scale
    values = (codes.astype(np.float64) * along).astype(np.float32).reshape(tensor.shape)
    return Tensor(tensor.name, tensor.shape, tensor.dtype, values)


def _imbalance(op: Operator) -> float | None:
    """Largest over median weight range of the output channels that are not dead."""
    at = SPECS[op.kind].weights
    data = op.input(at.weights).data if at is not None else None
    if at is None or data is None:
        return None
    peaks = np.abs(np.moveaxis(data, at.axis, 0).reshape(data.shape[at.axis], -1)).max(axis=1)
    alive = peaks[peaks > 0]
    return float(alive.max() / np.median(alive)) if alive.size else None


def _saturated(
    output: Tensor, needed: Range, expected: npt.NDArray[Any] | None, codes: npt.NDArray[Any] | None
) -> float | None:
    """Share of the values that lie at an end of the codes, and that readers would tell apart from it."""
    if expected is None or codes is None or output.quantization is None:
        return None
    limits = np.iinfo(codes.dtype)
    scale, zero_point = float(output.quantization.scale[0]), int(output.quantization.zero_point[0])
    wanted = np.clip(expected, needed.low, needed.high) / scale + zero_point
    lost = ((codes == limits.max) & (wanted > limits.max + 1)) | ((codes == limits.min) & (wanted < limits.min - 1))
    return float(lost.mean())


def _narrowest(op: Operator, tuned: Tuned) -> float | None:
    if op.kind not in _MEETING or op.output.name not in tuned.ranges:
        return None
    whole = tuned.ranges[op.output.name].width
    widths = [tuned.ranges[t.name].width for _, t in data_inputs(op) if t.name in tuned.ranges]
    return min(widths) / whole if len(widths) > 1 and whole else None
