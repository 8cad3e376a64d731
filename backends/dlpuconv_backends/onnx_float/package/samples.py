"""Calibration samples -> what the package's model takes: which ones, and how their numbers are stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.data import PixelSamples, to_artifact
from dlpuconv.plugin.package import MOST_SAMPLES, Encoding
from dlpuconv.plugin.views import is_planar_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.plugin import Port
    from dlpuconv.plugin.data import Samples
    from dlpuconv.plugin.onnx import InputBinding

    type Feed = dict[str, npt.NDArray[np.float32]]

_WHOLE = 1e-3  # float32 leaves this much of a pixel that was normalized and back
_OUTSIDE = 0.5  # of 0-255: what rounding forgives
_WHITE = 255


@dataclass(frozen=True, slots=True)
class Chosen:
    """At most 200 samples, evenly spread, as the model in the package takes them.

    Attributes:
        samples: in the source model's domain.
        inputs: the file's.
        bindings: by input name.
    """

    samples: Samples
    inputs: tuple[Port, ...]
    bindings: Mapping[str, InputBinding]

    def __len__(self) -> int:
        """How many there are."""
        return min(len(self.samples), MOST_SAMPLES)

    def __iter__(self) -> Iterator[Feed]:
        """Each sample's values by name in the file, in the file's shape; one in memory at a time."""
        total = len(self.samples)
        wanted = {int(row) for row in np.linspace(0, total - 1, len(self)).round()}
        for row, sample in enumerate(self.samples):
            if row in wanted:
                values = to_artifact(sample, self.inputs, self.bindings)
                yield {port.name_in_file: np.asarray(values[port.name], np.float32) for port in self.inputs}


@dataclass(slots=True)
class _Seen:
    """The values of one input over all samples."""

    low: float = math.inf
    high: float = -math.inf
    whole: bool = True

    def add(self, values: npt.NDArray[np.float32]) -> None:
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.whole = self.whole and bool(np.all(np.abs(values - np.rint(values)) < _WHOLE))


def choose_encodings(chosen: Chosen) -> tuple[dict[str, Encoding], tuple[str, ...]]:
    """How each input's numbers are stored, by name in the file, and what the user should know.

    Whole numbers of 0 to 255 in the shape of a picture are pixels; so is what a stated normalization was folded for.
    """
    seen = {port.name_in_file: _Seen() for port in chosen.inputs}
    if not _surely_pixels(chosen):
        for feed in chosen:
            for name, values in feed.items():
                seen[name].add(values)
    encodings: dict[str, Encoding] = {}
    warnings: list[str] = []
    for port in chosen.inputs:
        name = port.name_in_file
        raw = port.name in chosen.bindings and chosen.bindings[port.name].raw_pixels
        encodings[name] = _encoding(port, seen[name], raw=raw)
        warnings += _lost(name, seen[name], encodings[name])
    return encodings, tuple(warnings)


def _surely_pixels(chosen: Chosen) -> bool:
    """Images with a folded normalization need no look at their values, which takes as long as reading them."""
    raw = [port.name in chosen.bindings and chosen.bindings[port.name].raw_pixels for port in chosen.inputs]
    return isinstance(chosen.samples, PixelSamples) and all(raw)


def _encoding(port: Port, seen: _Seen, *, raw: bool) -> Encoding:
    pixels = seen.whole and seen.low > -_OUTSIDE and seen.high < _WHITE + _OUTSIDE
    return Encoding.UINT8 if is_planar_image(port.shape) and (raw or pixels) else Encoding.FLOAT32


def _lost(name: str, seen: _Seen, encoding: Encoding) -> list[str]:
    """What does not fit into pixels."""
    fits = seen.low > -_OUTSIDE and seen.high < _WHITE + _OUTSIDE
    if encoding is not Encoding.UINT8 or seen.high < seen.low or fits:
        return []
    reach = f"{seen.low:.4g} to {seen.high:.4g}"
    return [f"without their normalization, the values of {name!r} reach from {reach}: clipped to 0-255"]
