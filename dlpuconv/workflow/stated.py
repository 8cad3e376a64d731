"""What a model that states its scales says of itself: to the user, and of the pictures that it takes."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import CalibrationError
from dlpuconv.ir.operators import ONNX_WEIGHTED
from dlpuconv.verification.kinds.operands import is_constant

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.calibration import Calibration, Preprocessing
    from dlpuconv.ir import Model, Signature
    from dlpuconv.ir.given_scales import StatedScale

_COLOURS: Final = (1, 3)
"""How many channels a picture of a camera has."""
_WHITE: Final = 255
_SAME_VALUES: Final = ("Identity", "Transpose", "Reshape")
"""What may stand between an input of floats and the value that is quantized."""
_LOOKED_AT: Final = 8
_MOST_CLIPPED: Final = 0.5
"""Of the values of an input. A range that a percentile chose clips a few, and a wrong normalization nearly all."""


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
    """The preprocessing with which pixels fill the range that a quantized source states for its input.

    Pixels are the codes of an input of 8 bits then.

    Args:
        source: as it was read.
        signature: of what the user's samples are for.
        given: by the user; where it states mean and std, or the source has no such input, it stays.
    """
    images = [spec for spec in signature.inputs if spec.is_image and spec.channels in _COLOURS]
    one = len(signature.inputs) == len(images) == 1
    stated = _of_inputs(source, signature).get(images[0].name) if one else None
    if given.stated or stated is None:
        return given
    black, white = _ends(stated)
    step = (white - black) / _WHITE
    return replace(given, mean=(-black / step,), std=(1 / step,))


def demand_stated_ranges(
    source: Model, signature: Signature, samples: Calibration | None, given: Preprocessing
) -> None:
    """See that the samples lie in the ranges that a quantized source states for its inputs.

    Args:
        source: as it was read.
        signature: of what the samples are for.
        samples: as the network is fed them, of which the first few are read; synthetic ones may be anything.
        given: how pixels become the values of an image input.

    Raises:
        CalibrationError: most values of an input are outside of its range, and would be clipped.
    """
    import numpy as np

    ranges = _of_inputs(source, signature)
    if samples is None or not samples.calibrated or not ranges:
        return
    looked_at = list(islice(samples.fit or samples.held_out, _LOOKED_AT))
    for name, each in ranges.items():
        values = [np.asarray(sample[name], np.float64) for sample in looked_at if name in sample]
        hint = "" if given.stated or not signature.input(name).is_image else _of_pixels(given)
        if values:
            _demand_within(name, each, np.stack(values), hint)


def _demand_within(name: str, stated: StatedScale, values: npt.NDArray[np.float64], hint: str) -> None:
    low, high = _ends(stated)
    clipped = float(((values < low - stated.affine.scale) | (values > high + stated.affine.scale)).mean())
    if clipped > _MOST_CLIPPED:
        raise CalibrationError(
            f"the samples of {name!r} reach from {values.min():.4g} to {values.max():.4g}, but the quantized source "
            f"states the range from {low:.4g} to {high:.4g} for this input, so that {clipped:.0%} of their values "
            f"would be clipped: give the values that the network takes{hint}",
            id="calibration-outside-stated-range",
        )


def _of_inputs(source: Model, signature: Signature) -> dict[str, StatedScale]:
    """By the name of an input, the one scale that is stated of it, or of the same values behind it."""
    names = {spec.name for spec in signature.inputs}
    values = {str(value.name): value for value in source.graph.graph.inputs if value.name in names}
    stated = {name: _stated_behind(source, value) for name, value in values.items()}
    return {name: each for name, each in stated.items() if each is not None and not each.affine.per_channel}


def _stated_behind(source: Model, value: onnx_ir.Value) -> StatedScale | None:
    while (stated := source.scales.activations.get(str(value.name))) is None:
        readers = [use.node for use in value.uses()]
        if len(readers) != 1 or readers[0].op_type not in _SAME_VALUES:
            return None
        value = readers[0].outputs[0]
    return stated


def _ends(stated: StatedScale) -> tuple[float, float]:
    """What the first and the last code stand for."""
    return stated.affine.real(stated.codes.lowest), stated.affine.real(stated.codes.highest)


def _of_pixels(given: Preprocessing) -> str:
    """How they are computed of pixels; empty where that is not known."""
    if len(given.mean) > 1 or given.keeps_pixels:
        return ""
    return f", which are (pixel - {given.mean[0]:.4g}) / {given.std[0]:.4g}, or a folder of images"


def _has_weights(node: onnx_ir.Node) -> bool:
    """Whether the node multiplies by a constant, be it rearranged or not."""
    return any(value is not None and is_constant(value) for value in node.inputs[:2])
