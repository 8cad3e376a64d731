"""Facts about a layer that may explain its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.network import ALL, Constants
from dlpuconv.quantization.blame.result import LayerFacts
from dlpuconv.quantization.ranges.distinguished import distinguished
from dlpuconv.quantization.scales.segments import is_join

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Layer, Node, Range, Value
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.tuned import Tuned
    from dlpuconv.quantization.weights.layer import LayerWeights


def facts_of(
    node: Node, source: Node | None, tuned: Tuned, quantized: Quantized, seen: Mapping[str, npt.NDArray[Any]]
) -> LayerFacts:
    """What is known of an integer node.

    Args:
        node: of the integer network.
        source: the float node that it came from, where there is one.
        tuned: the float network and its ranges.
        quantized: what became of it.
        seen: on one sample, the output's `expected` real values and the codes that were `made`; empty if unknown.
    """
    layer = quantized.layers.get(source) if source is not None else None
    output = node.output
    scale = 0.0 if output.affine is None else output.affine.scale
    expected = seen.get("expected")
    steps = faint = None
    if expected is not None and scale:
        rms = np.sqrt(np.square(expected.reshape(-1, output.channels), dtype=np.float64).mean(axis=0)) / scale
        steps, faint = float(np.sqrt(np.square(rms).mean())), float((rms < 1.0).mean())
    readers = tuned.network.consumers().get(source.output, []) if source is not None else []
    codes = quantized.scheme.activation_codes.type
    needed = distinguished(tuned.network, {}, codes).get(source.output, ALL) if source is not None else ALL
    return LayerFacts(
        per_tensor=None if layer is None else not layer.affine.per_channel,
        weight_imbalance=None if source is None or source.layer is None else _imbalance(source.layer),
        dead_channels=layer.dead / max(output.shape[-1], 1) if layer is not None else None,
        widened_channels=layer.repaired if layer is not None else 0,
        steps_per_rms=steps,
        saturated=_saturated(output, needed, expected, seen.get("made")),
        faint_channels=faint,
        narrowest_operand=_narrowest(source, tuned) if source is not None else None,
        read_by=tuple(sorted({reader.kind for reader in readers})),
    )


def decoded(layer: LayerWeights) -> Constants:
    """A layer's rounded weights and bias as real values."""
    bias = None
    if layer.bias is not None and layer.bias_affine is not None:
        bias = layer.bias_affine.decode(layer.bias).astype(np.float32)
    return Constants(weights=layer.affine.decode(layer.weights).astype(np.float32), bias=bias)


def _imbalance(layer: Layer) -> float | None:
    """Largest over median weight range of the output channels that are not dead."""
    if layer.weights is None:
        return None
    peaks = np.abs(layer.weights.reshape(layer.rows, -1)).max(axis=1)
    alive = peaks[peaks > 0]
    return float(alive.max() / np.median(alive)) if alive.size else None


def _saturated(
    output: Value, needed: Range, expected: npt.NDArray[Any] | None, codes: npt.NDArray[Any] | None
) -> float | None:
    """Share of the values that lie at an end of the codes, and that readers would tell apart from it."""
    if expected is None or codes is None or output.affine is None:
        return None
    limits = np.iinfo(codes.dtype)
    wanted = np.clip(expected, needed.low, needed.high) / output.affine.scale + output.affine.zero_point
    lost = ((codes == limits.max) & (wanted > limits.max + 1)) | ((codes == limits.min) & (wanted < limits.min - 1))
    return float(lost.mean())


def _narrowest(node: Node, tuned: Tuned) -> float | None:
    """The narrowest range of what meets in a sum or under one scale, as a share of the whole."""
    if not (node.meaning.signs or is_join(node)) or node.output.name not in tuned.ranges:
        return None
    whole = tuned.ranges[node.output.name].width
    widths = [tuned.ranges[v.name].width for _, v in node.data_inputs if v.name in tuned.ranges]
    return min(widths) / whole if len(widths) > 1 and whole else None
