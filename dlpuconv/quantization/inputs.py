"""The inputs of a network: how samples of the source model reach them, and what their bindings fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import CalibrationError
from dlpuconv.ir.affine import INT8, UINT8, Affine
from dlpuconv.quantization.scales.choice import range_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.calibration import Sample
    from dlpuconv.ir import InputBinding, Part
    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.network import Feed, Range, Value


def feeds(
    samples: Iterable[Sample],
    bindings: Mapping[str, InputBinding],
    inputs: Sequence[Value],
    permutations: Mapping[str, tuple[int, ...]],
    parts: Mapping[str, Part] | None = None,
) -> Iterator[Feed]:
    """Samples of the source model as values of the network's inputs, one at a time.

    Args:
        samples: values by the source's input name, in its own shapes.
        bindings: what lies between those and the network's inputs.
        inputs: of the network, under the source's names.
        permutations: by input name; axis i of the network's input is axis permutation[i] of the source's.
        parts: by input name, those that are a part of one of the source's.

    Raises:
        CalibrationError: a sample does not fit the inputs.
    """
    for sample in samples:
        yield {v.name: _value(_of(sample, v, parts or {}), bindings.get(v.name), v, permutations) for v in inputs}


def _of(sample: Sample, value: Value, parts: Mapping[str, Part]) -> npt.NDArray[np.float32] | None:
    part = parts.get(value.name)
    if part is None:
        return sample.get(value.name)
    whole = sample.get(part.output)
    return None if whole is None else whole[part.index]


def _value(
    source: npt.NDArray[np.float32] | None,
    binding: InputBinding | None,
    value: Value,
    permutations: Mapping[str, tuple[int, ...]],
) -> npt.NDArray[np.float32]:
    if source is None:
        raise CalibrationError(
            f"a calibration sample has no values for the input {value.name!r}", id="calibration-input-missing"
        )
    bound = binding.apply(source) if binding else source
    permutation = permutations.get(value.name)
    given = np.transpose(bound, permutation) if permutation and len(permutation) == bound.ndim else bound
    if given.shape != value.shape:
        raise CalibrationError(
            f"a calibration sample for {value.name!r} has the shape {tuple(source.shape)}, which gives {given.shape}"
            f" in the converted model's layout, where {value.shape} is needed",
            id="calibration-shape",
        )
    return np.asarray(given, value.dtype, order="C")  # ascontiguousarray would make a number a vector


def prescribed_inputs(bindings: Mapping[str, InputBinding], codes: IntegerType) -> dict[str, Affine]:
    """Scale and zero point of the inputs whose binding fixes them, which speaks of uint8; none for other widths."""
    if codes not in (UINT8, INT8):
        return {}
    return {
        name: Affine.of(float(np.float32(fixed.scale)), fixed.zero_point + codes.lowest)
        for name, binding in bindings.items()
        if (fixed := binding.quantization) is not None
    }


def clipped_inputs(prescribed: Mapping[str, Affine], observed: Mapping[str, Range], codes: IntegerType) -> list[str]:
    """Warnings of inputs whose samples leave the range that their fixed quantization holds."""
    told = []
    for name, affine in prescribed.items():
        values, held = observed.get(name), range_of(affine, codes)
        if values is not None and not values.within(held, slack=affine.scale):
            told.append(
                f"input {name!r} holds values from {held.low:.4g} to {held.high:.4g}, but the calibration samples go"
                f" from {values.low:.4g} to {values.high:.4g}: what lies outside is clipped"
            )
    return told
