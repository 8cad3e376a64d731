"""The scale and zero point of one QuantizeLinear or DequantizeLinear, checked: the file is a stranger's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ModelError, UnsupportedModelError
from dlpuconv.frontends.quantized.constants import CODES
from dlpuconv.frontends.weights import type_name
from dlpuconv.ir.affine import UINT8, Affine
from dlpuconv.ir.given_scales import StatedScale
from dlpuconv.ir.nodes import label

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from dlpuconv.frontends.quantized.constants import GraphConstants
    from dlpuconv.ir.affine import IntegerType

_OPERANDS = (2, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """What one node says of its codes.

    Attributes:
        scales: [] or [C], or as many axes as the tensor where it is scaled in blocks.
        zero_points: of the same shape.
        codes: their type.
        axis: of the tensor that the scales lie along, as the node says it; it may count from the end.
        block: extent of a block along the axis; 0 without blocks.
    """

    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    codes: IntegerType
    axis: int
    block: int

    @property
    def per_tensor(self) -> bool:
        """One scale for all."""
        return self.scales.size == 1

    def stated(self, rank: int | None = None) -> StatedScale:
        """As a model states it; not of a tensor that is scaled in blocks.

        Args:
            rank: of the tensor, where it is known.
        """
        axis = self.axis + (rank or 0) if self.axis < 0 else self.axis
        affine = Affine.along(axis, self.scales, self.zero_points)
        return StatedScale(affine=affine, codes=self.codes)


def parameters_of(node: onnx.NodeProto, constants: GraphConstants, codes: IntegerType | None = None) -> Parameters:
    """What a node says of its codes.

    Args:
        node: a QuantizeLinear or DequantizeLinear.
        constants: of its graph.
        codes: the type of those that it reads; a QuantizeLinear says it itself.

    Raises:
        ModelError: the node, its scale or its zero point cannot be.
        UnsupportedModelError: the scale is computed, or the codes are none of integers.
    """
    if len(node.input) not in _OPERANDS or not node.input[0] or len(node.output) != 1:
        raise ModelError(
            f"{label(node)} has {len(node.input)} inputs and {len(node.output)} outputs, which no such operator has",
            id="quantization-invalid",
        )
    scales = constants.reals(node.input[1])
    if scales is None:
        raise UnsupportedModelError(
            f"{label(node)}: its scale {node.input[1]!r} is not a constant, and only constant scales can be read",
            id="quantization-not-constant",
        )
    if not np.isfinite(scales).all() or not (scales > 0).all() or not scales.size:
        raise ModelError(
            f"{label(node)} has a scale {node.input[1]!r} that is not above zero throughout", id="quantization-invalid"
        )
    said = {attribute.name: attribute.i for attribute in node.attribute}
    given, zero_points = _zero_points(node, constants, scales.shape)
    found = given or codes or _output_type(node, said.get("output_dtype", 0))
    if codes is not None and found != codes:
        raise ModelError(
            f"{label(node)} reads {codes.name} and has a zero point of type {found.name}", id="quantization-invalid"
        )
    if scales.size == 1:
        scales, zero_points = scales.reshape(()), zero_points.reshape(())
    block = max(0, said.get("block_size", 0)) if scales.ndim else 0
    if scales.ndim > 1 and not block:
        raise ModelError(
            f"{label(node)} has a scale of shape {list(scales.shape)}, and no block_size", id="quantization-invalid"
        )
    return Parameters(scales, zero_points, found, said.get("axis", 1), block)


def _zero_points(
    node: onnx.NodeProto, constants: GraphConstants, shape: tuple[int, ...]
) -> tuple[IntegerType | None, npt.NDArray[np.int64]]:
    """The type of the zero points and their values; zeros of no type where the node has none."""
    name = node.input[2] if len(node.input) > 2 else ""
    if not name:
        return None, np.zeros(shape, np.int64)
    codes = constants.codes(name)
    if codes is None:
        raise UnsupportedModelError(
            f"{label(node)}: its zero point {name!r} is not a constant integer", id="quantization-not-constant"
        )
    if codes.values.size != int(np.prod(shape)):
        raise ModelError(
            f"{label(node)} has a scale of shape {list(shape)} and a zero point of shape {list(codes.values.shape)}",
            id="quantization-invalid",
        )
    return codes.type, codes.values.reshape(shape)


def _output_type(node: onnx.NodeProto, data_type: int) -> IntegerType:
    """The type that a QuantizeLinear without zero point makes; ONNX: uint8, if it does not say another."""
    if not data_type:
        return UINT8
    if data_type not in CODES:
        raise UnsupportedModelError(
            f"{label(node)} makes {type_name(data_type)}; only integers can be read", id="quantization-unreadable"
        )
    return CODES[data_type]
