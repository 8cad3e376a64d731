"""Layers with weights: convolutions, transposed and depthwise ones among them, and products of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dlpuconv.frontends.tflite.dilated import PADS
from dlpuconv.frontends.tflite.graph import UnreadError
from dlpuconv.frontends.tflite.step import static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.frontends.tflite.step import Step

_MATRIX: Final = (1, 0)
"""Transposes weights."""
_AUTO_PAD: Final = {"SAME": "SAME_UPPER", "VALID": "VALID"}
"""TFLite puts the odd row or column of SAME at the end, as ONNX's SAME_UPPER does."""


def conv_2d(step: Step) -> None:
    """Weights [C_out, KH, KW, C_in / groups] become [C_out, C_in / groups, KH, KW]."""
    channels, of_a_group = step.image(0)[-1], step.image(1)[-1]
    if of_a_group < 1 or channels % of_a_group:
        raise UnreadError(f"its input has {channels} channels, and its weights are for {of_a_group}")
    _convolution(step, step.permuted(1, 0, 3, 1, 2), channels // of_a_group)


def depthwise_conv_2d(step: Step) -> None:
    """Weights [1, KH, KW, C * M], of which the filters of one channel lie side by side, become [C * M, 1, KH, KW]."""
    _convolution(step, step.permuted(1, 3, 0, 1, 2), step.image(0)[-1])


def _convolution(step: Step, weights: str, groups: int) -> None:
    kernel = static(step.tensor(1))[1:3]
    strides = (step.option("stride_h", 1), step.option("stride_w", 1))
    dilations = (step.option("dilation_h_factor", 1), step.option("dilation_w_factor", 1))
    pads: dict[str, Any] = {"auto_pad": padding(step)}
    if PADS in step.layer.options:
        pads = {"pads": step.option(PADS)}
    elif pads["auto_pad"] != "VALID" and max(dilations) > 1:  # ONNX Runtime has no such kernel
        pads = {"pads": _same(kernel, strides, dilations)}
    step.give(
        "Conv",
        [step.first(0), weights, *_bias(step, 2)],
        first=True,
        group=groups,
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        **pads,
    )


def _same(kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> tuple[int, ...]:
    """What SAME adds to each side for steps of one pixel, whatever the size."""
    if max(strides) > 1:
        raise UnreadError("it has both strides and dilations")
    more = [(extent - 1) * apart for extent, apart in zip(kernel, dilations, strict=True)]
    return (*(total // 2 for total in more), *(total - total // 2 for total in more))


def transpose_conv(step: Step) -> None:
    """Weights [C_out, KH, KW, C_in] become [C_in, C_out, KH, KW]; pads are what the size of the output asks for.

    Formula: `ComputePaddingHeightWidth` of tensorflow/lite/kernels/padding.h, with input and output in each other's
    place.
    """
    step.image(1)
    kernel = static(step.tensor(1))[1:3]
    strides = (step.option("stride_h", 1), step.option("stride_w", 1))
    before, behind, more = [], [], []
    if len(step.output().shape) != len(step.image(2)):
        raise UnreadError("its output has another number of axes than its input")
    sizes = zip(step.image(2)[1:3], step.output().shape[1:3], kernel, strides, strict=True)
    for given, wanted, extent, stride in sizes:
        if min(given, wanted) < 1:
            raise UnreadError("it needs a static size")
        surplus = (given - 1) * stride + extent - wanted
        before.append(0 if padding(step) == "VALID" else max(surplus, 0) // 2)
        behind.append(max(surplus, 0) - before[-1])
        more.append(max(-surplus, 0))
    step.give(
        "ConvTranspose",
        [step.first(2), step.permuted(1, 3, 0, 1, 2), *_bias(step, 3)],
        first=True,
        kernel_shape=kernel,
        strides=strides,
        pads=(*before, *behind),
        output_padding=more,
    )


def fully_connected(step: Step) -> None:
    """Weights [C_out, C_in]; whatever shape the input has, it is rows of C_in values."""
    if step.option("weights_format", "DEFAULT") != "DEFAULT":
        raise UnreadError("its weights are shuffled for one kind of processor")
    if step.rank(1) != len(_MATRIX):
        raise UnreadError("its weights would have to have two axes")
    shape, axes, depth = step.tensor(0).shape, len(step.output().shape), step.tensor(1).shape[1]
    if axes == len(_MATRIX):
        rows = step.last(0)
        if len(shape) != axes or shape[1] != depth:
            rows = step.node("Reshape", [rows, step.constant([-1, depth])])
        step.give("Gemm", [rows, step.last(1), *_bias(step, 2)], transB=1)
    elif axes != len(shape):
        raise UnreadError("its output has another number of axes than its input")
    elif step.has(2):
        product = step.node("MatMul", [step.last(0), step.permuted(1, *_MATRIX)])
        step.give("Add", [product, step.last(2)])
    else:
        step.give("MatMul", [step.last(0), step.permuted(1, *_MATRIX)])


def batch_matmul(step: Step) -> None:
    """A product of the last two axes, either of whose operands may be transposed."""
    operands = [_adjoint(step, 0, "adj_x"), _adjoint(step, 1, "adj_y")]
    step.give("MatMul", operands)


def _adjoint(step: Step, position: int, option: str) -> str:
    if not step.option(option, default=False):
        return step.last(position)
    rank = len(step.tensor(position).shape)
    return step.permuted(position, *range(rank - 2), rank - 1, rank - 2)


def _bias(step: Step, position: int) -> Sequence[str]:
    return [step.last(position)] if step.has(position) else []


def padding(step: Step) -> str:
    """What ONNX calls the padding of a window.

    Raises:
        UnreadError: there is no such padding.
    """
    name = str(step.option("padding", "SAME"))
    if name not in _AUTO_PAD:
        raise UnreadError(f"its padding {name} does not exist")
    return _AUTO_PAD[name]
