"""What is wrong with samples, found while they are read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.spans import preset_of, same_span, span_of
from dlpuconv.errors import CalibrationError
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from dlpuconv.calibration.preprocess import Preprocessing
    from dlpuconv.calibration.samples import Samples
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import Signature, ValueSpec

FEW = 100
"""Fewer samples than this deserve a warning: the vendors' guides ask for 100 to 200."""

_NARROW = 0.1
"""Values that fill less than this part of the range that images give look normalized twice."""


class _Range:
    """The values that one input was given."""

    def __init__(self) -> None:
        self.low, self.high, self.whole, self.can_vary = np.inf, -np.inf, True, False

    def add(self, values: npt.NDArray[np.generic]) -> None:
        self.can_vary = values.size > 1 and values.dtype.kind in "fu"  # signed integers count, and have no range
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        # One row tells whether values are whole numbers; looking at all of them would cost more than reading them.
        row = values.reshape(-1)[:1024]
        self.whole = self.whole and bool(np.all(row == np.rint(row)))

    @property
    def is_constant(self) -> bool:
        """One number throughout, where there could be several."""
        return self.can_vary and self.low == self.high


class Linter:
    """Looks at every sample once, in order; `warnings()` are sentences for the user.

    Args:
        signature: of the source model.
        preprocessing: what the user says the images look like.
        pixels: the records are pixels that the preprocessing will normalize, rather than final values.
        calibrates: ranges are taken from the samples.
    """

    def __init__(
        self, signature: Signature, preprocessing: Preprocessing, *, pixels: bool = False, calibrates: bool = True
    ) -> None:
        self._images = {spec.name: spec for spec in signature.inputs if spec.is_image}
        self._preprocessing = preprocessing
        self._pixels, self._calibrates = pixels, calibrates
        self._first: dict[bytes, str] = {}
        self._constant: list[str] = []
        self._repeated: list[str] = []
        self._ranges: dict[str, _Range] = {}
        self._count = 0

    def add(self, label: str, record: Record, digest: bytes) -> None:
        """Look at one sample.

        Raises:
            CalibrationError: it holds NaN or infinity.
        """
        self._count += 1
        for name, values in record.items():
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                kind = "NaN" if np.isnan(values).any() else "infinite values"
                raise CalibrationError(
                    f"{label} holds {kind} for the input {name!r}: every value must be finite",
                    id="calibration-not-finite",
                )
            self._ranges.setdefault(name, _Range()).add(values)
        if all(values.size > 1 and values.min() == values.max() for values in record.values()):
            self._constant.append(label)
        original = self._first.setdefault(digest, label)
        if original is not label:
            self._repeated.append(f"{label} = {original}")

    def warnings(self) -> tuple[str, ...]:
        """What was found, most important first.

        Raises:
            CalibrationError: ranges are to be taken from samples that hold one number throughout.
        """
        found = [*self._about_constants()]
        if not self._pixels:
            found += [self._about_range(self._images[n], seen) for n, seen in self._ranges.items() if n in self._images]
        if self._pixels and not self._preprocessing.stated:
            found.append(self._about_pixels())
        if self._constant:
            found.append(f"{len(self._constant)} of {self._count} samples are constant: {listed(self._constant, 5)}")
        if self._repeated:
            found.append(
                f"{len(self._repeated)} of {self._count} samples are equal to another one: {listed(self._repeated, 5)}"
            )
        return tuple(sentence for sentence in found if sentence)

    def _about_constants(self) -> Iterator[str]:
        constant = {name: seen.low for name, seen in self._ranges.items() if seen.is_constant}
        if self._calibrates and constant and len(constant) == len(self._ranges):
            values = listed(sorted({f"{value:.4g}" for value in constant.values()}))
            raise CalibrationError(
                f"the {self._count} calibration samples hold nothing but {values}, so no range can be measured on them:"
                " give samples like those that the network will see, or --calibration none",
                id="calibration-constant",
            )
        for name, value in constant.items():
            yield (
                f"every value of {name!r} is {value:.4g} in all samples, which says nothing about this input:"
                " give samples with values like those that it will get"
            )

    def _about_pixels(self) -> str:
        given = "no --mean, --std or --preset was given"
        if self._preprocessing.keeps_pixels:
            return (
                f"{given}, so the network is fed pixels 0-255 as they are: if it was trained on normalized images, say"
                " how; if not, say --preset 0-255"
            )
        low, high = span_of(self._preprocessing, 1)
        return (
            f"{given}, so pixels 0-255 become {low:.4g} to {high:.4g}, the range that the source states for its input"
        )

    def _about_range(self, spec: ValueSpec, seen: _Range) -> str:
        found = f"the values of {spec.name!r} reach from {seen.low:.4g} to {seen.high:.4g}"
        looks_raw = seen.whole and seen.low >= 0 and 16 < seen.high <= 255
        if not self._preprocessing.stated:
            if looks_raw:
                return f"{found} and are whole numbers: they look like raw pixels, not normalized as a network expects"
            if 0 < seen.high - seen.low < _NARROW:
                return f"{found}, which is very little for an image: they look normalized twice"
            return ""
        low, high = span_of(self._preprocessing, spec.channels)
        stated = f"the stated --mean and --std give {low:.4g} to {high:.4g}"
        slack = 0.02 * (high - low)
        if looks_raw and high < seen.high / 2:
            return f"{found}, but {stated}: they look like raw pixels, not normalized"
        if seen.low < low - slack or seen.high > high + slack:
            return f"{found}, but {stated}: the samples were prepared in another way"
        preset = preset_of((seen.low, seen.high), spec.channels)
        if preset and not same_span((seen.low, seen.high), (low, high)):
            return f"{found}, as --preset {preset} makes them of pixels, but {stated}"
        if 0 < seen.high - seen.low < _NARROW * (high - low):
            return f"{found}, but {stated}: they look normalized twice"
        return ""


def lint(samples: Samples, signature: Signature, preprocessing: Preprocessing) -> tuple[str, ...]:
    """What is suspicious about samples: one sentence each.

    Raises:
        CalibrationError: a sample holds NaN or infinity, or all hold one number throughout.
    """
    import hashlib

    linter = Linter(signature, preprocessing)
    for index, sample in enumerate(samples):
        content = hashlib.sha256()
        for values in sample.values():
            content.update(np.ascontiguousarray(values).tobytes())
        linter.add(f"sample {index}", sample, content.digest())
    return linter.warnings()
