"""What a model that states its scales says of itself: to the user, and of the pictures that it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dlpuconv.ir.affine import INT8
from dlpuconv.ir.operators import ONNX_WEIGHTED
from dlpuconv.verification.kinds.operands import is_constant

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.ir import Model, Signature

_COLOURS: Final = (1, 3)
"""How many channels a picture of a camera has."""


def told_of_scales(source: Model) -> tuple[str, ...]:
    """How many of its layers state scales, and what was noticed while they were read; nothing of a float model.

    Args:
        source: as it was read.
    """
    if not source.scales:
        return ()
    layers = [node for node in source.graph.graph if node.op_type in ONNX_WEIGHTED and _has_weights(node)]
    stated = sum(node.name in source.scales.weights for node in layers)
    return (f"the model is quantized: {stated} of {len(layers)} layers state their scales", *source.scales.told)


def pixels_of(source: Model, signature: Signature, given: Preprocessing) -> Preprocessing:
    """The preprocessing with which pixels become the codes of a quantized source's input, as its own are.

    Args:
        source: as it was read.
        signature: of what the user's samples are for.
        given: by the user; where it states mean and std, or the source has no such input, it stays.
    """
    images = [spec for spec in signature.inputs if spec.is_image and spec.channels in _COLOURS]
    stated = source.scales.activations.get(images[0].name) if len(signature.inputs) == len(images) == 1 else None
    if given.stated or stated is None or stated.codes.bits != INT8.bits or stated.affine.per_channel:
        return given
    black = stated.affine.real(stated.codes.lowest)
    return replace(given, mean=(-black / stated.affine.scale,), std=(1 / stated.affine.scale,))


def _has_weights(node: onnx_ir.Node) -> bool:
    """Whether the node multiplies by a constant, be it rearranged or not."""
    return any(value is not None and is_constant(value) for value in node.inputs[:2])
