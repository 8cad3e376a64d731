"""TFLite's float operators by TensorFlow's: one function for each builtin.

Where TFLiteConverter recognises a pattern (HardSwish, PReLU, dilated convolutions), the function writes that pattern.
Source of the operators' meaning: tensorflow/lite/kernels; of the patterns: tensorflow/compiler/mlir/lite/transforms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv_backends.flatbuffer import Operator

    type Kernel = Callable[[Operator, list[Any]], Any]

_PADDING = {0: "SAME", 1: "VALID"}
_DTYPES = {0: tf.float32, 2: tf.int32, 4: tf.int64, 6: tf.bool}
_ACTIVATIONS: dict[int, Callable[[Any], Any]] = {
    0: lambda x: x,
    1: tf.nn.relu,
    2: lambda x: tf.clip_by_value(x, -1.0, 1.0),
    3: tf.nn.relu6,
    4: tf.tanh,
}


def _fused(op: Operator, value: Any) -> Any:
    return _ACTIVATIONS[op.options.fusedActivationFunction if op.options is not None else 0](value)


def _biased(op: Operator, value: Any, bias: Any) -> Any:
    return _fused(op, value if bias is None else tf.nn.bias_add(value, bias))


def _bias(x: list[Any], position: int) -> Any:
    return x[position] if len(x) > position else None


def conv_2d(op: Operator, x: list[Any]) -> Any:
    """Weights [O, H, W, I]; fewer input channels in the weights than in the input mean groups."""
    o = op.options
    weights = np.transpose(x[1], (1, 2, 3, 0))
    dilations = [o.dilationHFactor, o.dilationWFactor]
    result = tf.nn.conv2d(x[0], weights, [o.strideH, o.strideW], _PADDING[o.padding], dilations=dilations)
    return _biased(op, result, _bias(x, 2))


def depthwise_conv_2d(op: Operator, x: list[Any]) -> Any:
    """Weights [1, H, W, C * multiplier]."""
    o = op.options
    channels = op.input(0).shape[3]
    weights = np.reshape(x[1], (*x[1].shape[1:3], channels, x[1].shape[3] // channels))
    strides, dilations = [1, o.strideH, o.strideW, 1], [o.dilationHFactor, o.dilationWFactor]
    if dilations == [1, 1]:
        result = tf.raw_ops.DepthwiseConv2dNative(
            input=x[0], filter=weights, strides=strides, padding=_PADDING[o.padding]
        )
    else:
        result = tf.nn.depthwise_conv2d(x[0], weights, strides, _PADDING[o.padding], dilations=dilations)
    return _biased(op, result, _bias(x, 2))


def transpose_conv(op: Operator, x: list[Any]) -> Any:
    """Output shape, weights [O, H, W, I], input, perhaps bias."""
    o = op.options
    weights = np.transpose(x[1], (1, 2, 0, 3))
    shape = op.output.shape
    result = tf.nn.conv2d_transpose(x[2], weights, shape, [o.strideH, o.strideW], _PADDING[o.padding])
    return _biased(op, result, _bias(x, 3))


def fully_connected(op: Operator, x: list[Any]) -> Any:
    """Weights [O, I]; all leading axes of the input are rows."""
    rows = x[0] if len(op.input(0).shape) == 2 else tf.reshape(x[0], (-1, op.input(1).shape[1]))
    result = _biased(op, tf.matmul(rows, x[1], transpose_b=True), _bias(x, 2))
    return result if len(op.output.shape) == 2 else tf.reshape(result, op.output.shape)


def batch_matmul(op: Operator, x: list[Any]) -> Any:
    """Both operands may be transposed."""
    return tf.matmul(x[0], x[1], transpose_a=bool(op.options.adjX), transpose_b=bool(op.options.adjY))


def _pool(kind: str) -> Kernel:
    def pool(op: Operator, x: list[Any]) -> Any:
        o = op.options
        window, strides = [o.filterHeight, o.filterWidth], [o.strideH, o.strideW]
        return _fused(op, tf.nn.pool(x[0], window, kind, strides=strides, padding=_PADDING[o.padding]))

    return pool


def _resize(raw: Callable[..., Any]) -> Kernel:
    def resize(op: Operator, x: list[Any]) -> Any:
        o = op.options
        return raw(
            images=x[0],
            size=op.output.shape[1:3],
            align_corners=bool(o.alignCorners),
            half_pixel_centers=bool(o.halfPixelCenters),
        )

    return resize


def _reduce(function: Callable[..., Any]) -> Kernel:
    return lambda op, x: function(x[0], axis=[int(a) for a in np.ravel(x[1])], keepdims=bool(op.options.keepDims))


def _arg(function: Callable[..., Any]) -> Kernel:
    return lambda op, x: function(x[0], axis=int(np.ravel(x[1])[0]), output_type=_DTYPES[op.options.outputType])


def strided_slice(op: Operator, x: list[Any]) -> Any:
    """Begin, end and strides with their masks."""
    o = op.options
    return tf.raw_ops.StridedSlice(
        input=x[0],
        begin=x[1],
        end=x[2],
        strides=x[3],
        begin_mask=o.beginMask,
        end_mask=o.endMask,
        ellipsis_mask=o.ellipsisMask,
        new_axis_mask=o.newAxisMask,
        shrink_axis_mask=o.shrinkAxisMask,
    )


def prelu(op: Operator, x: list[Any]) -> Any:
    """As relu(x) + (-alpha) * relu(-x), which the converter makes PRELU again where alpha has no batch axis."""
    alpha = x[1].reshape(x[1].shape[1:]) if x[1].ndim == len(op.input(0).shape) and x[1].shape[0] == 1 else x[1]
    return tf.nn.relu(x[0]) + (-alpha) * tf.nn.relu(-x[0])


def hard_swish(_: Operator, x: list[Any]) -> Any:
    """As x * (relu6(x + 3) / 6), which the converter makes HARD_SWISH again."""
    return x[0] * (tf.nn.relu6(x[0] + np.float32(3)) * np.float32(1 / 6))


def l2_normalization(op: Operator, x: list[Any]) -> Any:
    """Over the last axis."""
    return _fused(op, tf.math.l2_normalize(x[0], axis=-1))


def softmax(op: Operator, x: list[Any]) -> Any:
    """Over the last axis; beta scales the logits."""
    beta = float(op.options.beta)
    return tf.nn.softmax(x[0] if beta == 1.0 else x[0] * np.float32(beta))


def reshape(op: Operator, x: list[Any]) -> Any:
    """To the shape that the graph declares."""
    return tf.reshape(x[0], op.output.shape)


def gather(op: Operator, x: list[Any]) -> Any:
    """Along one axis."""
    return tf.gather(x[0], x[1], axis=int(op.options.axis), batch_dims=int(op.options.batchDims or 0))


def _unary(function: Callable[[Any], Any]) -> Kernel:
    return lambda _, x: function(x[0])


def _binary(function: Callable[[Any, Any], Any]) -> Kernel:
    return lambda op, x: (
        _fused(op, function(x[0], x[1])) if hasattr(op.options, "fusedActivationFunction") else (function(x[0], x[1]))
    )


KERNELS: dict[str, Kernel] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
    "FULLY_CONNECTED": fully_connected,
    "BATCH_MATMUL": batch_matmul,
    "AVERAGE_POOL_2D": _pool("AVG"),
    "MAX_POOL_2D": _pool("MAX"),
    "RESIZE_BILINEAR": _resize(tf.raw_ops.ResizeBilinear),
    "RESIZE_NEAREST_NEIGHBOR": _resize(tf.raw_ops.ResizeNearestNeighbor),
    # Activations.
    "RELU": _unary(tf.nn.relu),
    "RELU6": _unary(tf.nn.relu6),
    "RELU_N1_TO_1": _unary(lambda x: tf.clip_by_value(x, -1.0, 1.0)),
    "LEAKY_RELU": lambda op, x: tf.nn.leaky_relu(x[0], alpha=float(op.options.alpha)),
    "PRELU": prelu,
    "ELU": _unary(tf.nn.elu),
    "GELU": lambda op, x: tf.nn.gelu(x[0], approximate=bool(op.options.approximate)),
    "HARD_SWISH": hard_swish,
    "LOGISTIC": _unary(tf.sigmoid),
    "TANH": _unary(tf.tanh),
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": _unary(tf.nn.log_softmax),
    "L2_NORMALIZATION": l2_normalization,
    # Arithmetic.
    "ADD": _binary(tf.add),
    "SUB": _binary(tf.subtract),
    "MUL": _binary(tf.multiply),
    "DIV": _binary(tf.divide),
    "MAXIMUM": _binary(tf.maximum),
    "MINIMUM": _binary(tf.minimum),
    "POW": _binary(tf.pow),
    "FLOOR_DIV": _binary(tf.math.floordiv),
    "FLOOR_MOD": _binary(tf.math.floormod),
    "SQUARED_DIFFERENCE": _binary(tf.math.squared_difference),
    "ADD_N": lambda _, x: tf.add_n(x),
    "ABS": _unary(tf.abs),
    "NEG": _unary(tf.negative),
    "EXP": _unary(tf.exp),
    "LOG": _unary(tf.math.log),
    "SQRT": _unary(tf.sqrt),
    "RSQRT": _unary(tf.math.rsqrt),
    "SQUARE": _unary(tf.square),
    "SIN": _unary(tf.sin),
    "COS": _unary(tf.cos),
    "FLOOR": _unary(tf.floor),
    "CEIL": _unary(tf.math.ceil),
    "ROUND": _unary(tf.round),
    "SIGN": _unary(tf.sign),
    # Comparisons.
    "EQUAL": _binary(tf.equal),
    "NOT_EQUAL": _binary(tf.not_equal),
    "LESS": _binary(tf.less),
    "LESS_EQUAL": _binary(tf.less_equal),
    "GREATER": _binary(tf.greater),
    "GREATER_EQUAL": _binary(tf.greater_equal),
    "LOGICAL_AND": _binary(tf.logical_and),
    "LOGICAL_OR": _binary(tf.logical_or),
    "LOGICAL_NOT": _unary(tf.logical_not),
    "SELECT": lambda _, x: tf.where(x[0], x[1], x[2]),
    "SELECT_V2": lambda _, x: tf.where(x[0], x[1], x[2]),
    # Reductions.
    "MEAN": _reduce(tf.reduce_mean),
    "SUM": _reduce(tf.reduce_sum),
    "REDUCE_MAX": _reduce(tf.reduce_max),
    "REDUCE_MIN": _reduce(tf.reduce_min),
    "REDUCE_PROD": _reduce(tf.reduce_prod),
    "REDUCE_ANY": _reduce(tf.reduce_any),
    "REDUCE_ALL": _reduce(tf.reduce_all),
    "ARG_MAX": _arg(tf.argmax),
    "ARG_MIN": _arg(tf.argmin),
    # Moves.
    "RESHAPE": reshape,
    "SQUEEZE": reshape,
    "EXPAND_DIMS": reshape,
    "TRANSPOSE": lambda _, x: tf.transpose(x[0], [int(a) for a in x[1]]),
    "CONCATENATION": lambda op, x: _fused(op, tf.concat(x, axis=int(op.options.axis))),
    "PACK": lambda op, x: tf.stack(x, axis=int(op.options.axis)),
    "UNPACK": lambda op, x: tf.unstack(x[0], num=len(op.outputs), axis=int(op.options.axis)),
    "SPLIT": lambda op, x: tf.split(x[1], len(op.outputs), axis=int(np.ravel(x[0])[0])),
    "SPLIT_V": lambda _, x: tf.split(x[0], [int(n) for n in x[1]], axis=int(np.ravel(x[2])[0])),
    "SLICE": lambda _, x: tf.slice(x[0], x[1], x[2]),
    "STRIDED_SLICE": strided_slice,
    "GATHER": gather,
    "GATHER_ND": lambda _, x: tf.gather_nd(x[0], x[1]),
    "PAD": lambda _, x: tf.pad(x[0], x[1]),
    "PADV2": lambda _, x: tf.pad(x[0], x[1], constant_values=float(np.ravel(x[2])[0])),
    "MIRROR_PAD": lambda op, x: tf.pad(x[0], x[1], mode=("REFLECT", "SYMMETRIC")[int(op.options.mode)]),
    "TILE": lambda _, x: tf.tile(x[0], x[1]),
    "BROADCAST_TO": lambda op, x: tf.broadcast_to(x[0], op.output.shape),
    "DEPTH_TO_SPACE": lambda op, x: tf.nn.depth_to_space(x[0], int(op.options.blockSize)),
    "SPACE_TO_DEPTH": lambda op, x: tf.nn.space_to_depth(x[0], int(op.options.blockSize)),
    "SPACE_TO_BATCH_ND": lambda _, x: tf.space_to_batch(x[0], x[1], x[2]),
    "BATCH_TO_SPACE_ND": lambda _, x: tf.batch_to_space(x[0], x[1], x[2]),
    "REVERSE_V2": lambda _, x: tf.reverse(x[0], [int(a) for a in np.ravel(x[1])]),
    "CAST": lambda op, x: tf.cast(x[0], op.output.dtype),
}
"""By builtin."""
