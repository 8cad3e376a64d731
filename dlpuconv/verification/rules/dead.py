"""A rule about outputs that are the same for every input, as the file alone tells.

Whether a layer stands still follows from interval arithmetic: no input can drive an accumulator beyond what the weights
times the ends of the activation's type allow. Where all of that rounds to one value, the layer is constant.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv.formats.names import port_names
from dlpuconv.verification.advice import try_next
from dlpuconv.verification.granularity import weighted_layers
from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv.verification.rules.graph import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.view import FileView, LayerView, TensorView
    from dlpuconv.verification.granularity import WeightedLayer
    from dlpuconv.verification.rule import Context

_UPPER = {"RELU6": 6.0, "RELU_N1_TO_1": 1.0}
_LOWER = {"RELU": 0.0, "RELU6": 0.0, "RELU_N1_TO_1": -1.0}


def moves(view: FileView, _: Context) -> Iterator[Hit]:
    """Every output that no input reaches, or only through a layer that stands still."""
    weighted = {found.layer.index: found for found in weighted_layers(view)}
    still: dict[int, str] = {tensor.index: "a constant" for tensor in view.tensors if tensor.constant}
    for layer in view.layers:
        found = weighted.get(layer.index)
        if all(index in still for index in layer.inputs if index >= 0):
            origin = _origin(still, layer)
        elif found is not None and stands_still(found):
            origin = f"{layer.name}, whose weights are too small to move it by half a step"
        else:
            continue
        still.update(dict.fromkeys(layer.outputs, origin))
    for name, index in zip(port_names(view, view.outputs), view.outputs, strict=True):
        if index in still and index not in view.inputs:
            yield Hit(f"it comes from {still[index]}", name)


def _origin(still: dict[int, str], layer: LayerView) -> str:
    """What holds a layer: the first of its inputs that is no plain constant."""
    origins = [still[index] for index in layer.inputs if index >= 0]
    return next((origin for origin in origins if origin != "a constant"), "a constant")


def stands_still(weighted: WeightedLayer) -> bool:
    """Whether every channel gives one value, whatever the activations are; False where the file does not tell."""
    import numpy as np

    bounds = _accumulators(weighted)
    source, kernels, made = weighted.activation, weighted.weights, weighted.output
    if bounds is None or source.quantization is None or kernels.quantization is None or made.quantization is None:
        return False
    scale, zero_point = made.quantization.scale, made.quantization.zero_point
    factor = source.quantization.scale * np.asarray(kernels.quantization.scales) / (scale or math.nan)
    low, high = _clip(weighted, scale, zero_point)
    with np.errstate(all="ignore"):
        ends = [np.clip(np.rint(bound * factor) + zero_point, low, high) for bound in bounds]
    return bool(np.all(ends[0] == ends[1]))  # NaN equals nothing: such scales are another rule's


def _accumulators(
    weighted: WeightedLayer,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Least and greatest accumulator of every output channel, [C_out] each; None where the file does not tell."""
    import numpy as np

    source, kernels = weighted.activation, weighted.weights
    axis = weighted.form.axis
    if kernels.data is None or kernels.quantization is None or source.quantization is None:
        return None
    if not {source.dtype, kernels.dtype, weighted.output.dtype} <= LIMITS.keys() or axis >= len(kernels.shape):
        return None
    zero_points = np.asarray(kernels.quantization.zero_points, np.int64)
    bias = _bias(weighted.bias, kernels.shape[axis])
    if bias is None or len(zero_points) not in (1, kernels.shape[axis]) or abs(zero_points).max() > LIMITS["uint8"][1]:
        return None
    stored = np.moveaxis(kernels.data, axis, 0).reshape(kernels.shape[axis], -1).astype(np.int16)
    channels = stored - zero_points.astype(np.int16)[:, None]
    up = np.maximum(channels, 0).sum(axis=1, dtype=np.float64)
    down = np.minimum(channels, 0).sum(axis=1, dtype=np.float64)
    low, high = (limit - source.quantization.zero_point for limit in LIMITS[source.dtype])
    return up * low + down * high + bias, up * high + down * low + bias


def _bias(bias: TensorView | None, channels: int) -> npt.NDArray[np.float64] | None:
    import numpy as np

    if bias is None:
        return np.zeros(1)
    if bias.data is None or bias.is_float or bias.size not in (1, channels):
        return None
    return np.asarray(bias.data, np.float64).reshape(-1)


def _clip(weighted: WeightedLayer, scale: float, zero_point: int) -> tuple[float, float]:
    """The ends of the output's type, or of its fused activation."""
    low, high = LIMITS[weighted.output.dtype]
    fused = str(weighted.layer.options.get("fused_activation_function", "NONE"))
    if fused in _UPPER:
        high = min(high, zero_point + _steps(_UPPER[fused], scale))
    if fused in _LOWER:
        low = max(low, zero_point + _steps(_LOWER[fused], scale))
    return low, high


def _steps(real: float, scale: float) -> int:
    steps = real / scale if scale else math.inf
    return round(steps) if abs(steps) < LIMITS["int32"][1] else LIMITS["int32"][1]


DEAD_RULES: tuple[Rule, ...] = (
    Rule(
        id="TFL-DEAD",
        severity=Severity.FAIL,
        sentence="No output may be the same for every input.",
        source="acap-native-sdk-examples issue 360: per-tensor weights made an output constant",
        check=moves,
        fix=try_next,
    ),
)
