"""Operators with weights as the quantizer sees them: weights [O, taps..., I], whatever the file's layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin.quantization import Activation, Geometry, Layer
from dlpuconv.plugin.views import WEIGHTED
from dlpuconv_backends.flatbuffer.edit import fused_activation
from dlpuconv_backends.tflite.operators import SPECS

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Operator

    type Array = npt.NDArray[Any]

_DEPTHWISE = (3, 1, 2, 0)
"""[1, KH, KW, O] <-> [O, KH, KW, 1]: the permutation is its own inverse."""
_SAME_PADDING = 0
_ACTIVATIONS = {
    0: Activation(),
    1: Activation(rectifies=True),
    2: Activation(clip=1.0),
    3: Activation(rectifies=True, clip=6.0),
}
"""By ActivationFunctionType: none, RELU, RELU_N1_TO_1, RELU6."""
_CURVE = Activation(is_homogeneous=False)


def layer_of(op: Operator) -> Layer | None:
    """The layer that an operator is; None for one without weights."""
    spec = SPECS.get(op.kind)
    if spec is None or not spec.weighted:
        return None
    form = WEIGHTED[op.kind]
    bias = op.inputs[form.bias] if form.bias < len(op.inputs) else None
    weights = op.input(form.weights).data
    return Layer(
        data=form.activation,
        weights=None if weights is None else channels_first(op, weights),
        bias=None if bias is None or bias.data is None else bias.data.reshape(-1),
        groups=_groups(op),
        geometry=None if op.kind == "FULLY_CONNECTED" else _geometry(op),
        activation=fused_behind(op),
        weights_at=form.weights,
        bias_at=form.bias,
        by_default=spec.by_default,
    )


def fused_behind(op: Operator) -> Activation:
    """What an operator does to its result at the end."""
    return _ACTIVATIONS.get(fused_activation(op), _CURVE)


def channels_first(op: Operator, weights: Array) -> Array:
    """A file's weights as [O, taps..., I], or those as a file's; a view."""
    return weights.transpose(_DEPTHWISE) if op.kind == "DEPTHWISE_CONV_2D" else weights


def _groups(op: Operator) -> int:
    if op.kind == "FULLY_CONNECTED":
        return 1
    form = WEIGHTED[op.kind]
    channels = op.input(form.activation).shape[-1]
    return channels if op.kind == "DEPTHWISE_CONV_2D" else channels // op.input(form.weights).shape[-1]


def _geometry(op: Operator) -> Geometry:
    """Kernels conv.cc and transpose_conv.cc; padding.h: SAME pads half of what is missing in front."""
    form = WEIGHTED[op.kind]
    options, transposed = op.options, op.kind == "TRANSPOSE_CONV"
    stride = (int(options.strideH), int(options.strideW))
    dilation = (1, 1) if transposed else (int(options.dilationHFactor), int(options.dilationWFactor))
    kernel = op.input(form.weights).shape[1:3]
    extent, out = op.input(form.activation).shape[1:3], op.output.shape[1:3]
    long, short = (extent, out) if transposed else (out, extent)
    reach = [(count - 1) * s + (k - 1) * d + 1 for count, s, k, d in zip(long, stride, kernel, dilation, strict=True)]
    missing = np.maximum(np.subtract(reach, short), 0) // 2 if options.padding == _SAME_PADDING else (0, 0)
    return Geometry(
        stride=stride,
        dilation=dilation,
        before=(int(missing[0]), int(missing[1])),
        extent=tuple(extent),
        out=tuple(out),
        transposed=transposed,
    )
