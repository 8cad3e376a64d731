"""The samples' pixels, and the same pixels under another normalization."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration import PRESETS, PixelSamples, Preprocessing, make_preprocessing
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.calibration import Sample, Samples
    from dlpuconv.ir import ValueSpec

_SAMPLES = (6, 16)
"""Least and most that are run: as many as take a second on a small machine."""
_MOST_VALUES = 4_000_000
_PASSED_OVER = 10  # for each that is run: samples are read in their order, which takes time as well
_SLACK = 8.0  # pixels: resizing may overshoot
_BLACK, _WHITE = 0.0, 255.0


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """A few samples whose one image input is made of pixels.

    Attributes:
        spec: the image input.
        samples: as the network is fed them.
        made: how the input's values are made of pixels; None where that is not known.
    """

    spec: ValueSpec
    samples: tuple[Sample, ...]
    made: Preprocessing | None

    @property
    def contrast(self) -> float | None:
        """Standard deviation of the pixels, 0 to 127.5; None where they are not known."""
        pixels = self._pixels()
        return None if pixels is None else float(pixels.std())

    def under_presets(self) -> Mapping[str, tuple[Sample, ...]]:
        """The pictures under every other preset, by its name; empty if the pixels are not known."""
        pixels, made, channels = self._pixels(), self.made, self.spec.channels
        if pixels is None or made is None:
            return {}
        presets = {name: make_preprocessing(preset=name, color=made.color) for name in PRESETS}
        return {
            name: self._remade(pixels, preset)
            for name, preset in presets.items()
            if len(preset.mean) in (1, channels) and preset.per_channel(channels) != made.per_channel(channels)
        }

    def _remade(self, pixels: npt.NDArray[np.float64], made: Preprocessing) -> tuple[Sample, ...]:
        """The samples with these pixels, normalized in another way."""
        values = ((pixels - self._along(made.mean)) / self._along(made.std)).astype(np.float32)
        return tuple({**sample, self.spec.name: own} for sample, own in zip(self.samples, values, strict=True))

    def _pixels(self) -> npt.NDArray[np.float64] | None:
        """[samples, ...] of 0 to 255, in the network's layout and channel order; None where these are none."""
        if self.made is None:
            return None
        values = np.stack([np.asarray(sample[self.spec.name], np.float64) for sample in self.samples])
        pixels = values * self._along(self.made.std) + self._along(self.made.mean)
        inside = pixels.min() >= _BLACK - _SLACK and pixels.max() <= _WHITE + _SLACK
        return pixels if inside else None

    def _along(self, numbers: tuple[float, ...]) -> npt.NDArray[np.float64]:
        """One number a channel, to be combined with [samples, batch, ...] values."""
        axis = -1 if self.spec.layout is Layout.NHWC else 2
        shape = [1] * (len(self.spec.shape) + 1)
        shape[axis] = -1
        return np.asarray(numbers, np.float64).reshape(shape)


def pictures_of(specs: tuple[ValueSpec, ...], samples: Samples, preprocessing: Preprocessing) -> Pictures | None:
    """A few of the samples; None where the network takes no image, or several."""
    images = [spec for spec in specs if spec.is_image]
    if len(images) != 1 or not len(samples):
        return None
    (spec,) = images
    few = _few(samples, spec)
    known = isinstance(samples, PixelSamples) or preprocessing.stated or _look_raw(few, spec)
    fits = {len(preprocessing.mean), len(preprocessing.std)} <= {1, spec.channels}
    return Pictures(spec=spec, samples=few, made=preprocessing if known and fits else None)


def _few(samples: Samples, spec: ValueSpec) -> tuple[Sample, ...]:
    """Evenly spread ones: folders are often sorted by class."""
    least, most = _SAMPLES
    wanted = min(most, max(least, _MOST_VALUES // math.prod(spec.shape)))
    end = min(len(samples), wanted * _PASSED_OVER)
    return tuple(islice(samples, 0, end, max(1, end // wanted)))[:wanted]


def _look_raw(samples: tuple[Sample, ...], spec: ValueSpec) -> bool:
    """Whole numbers are pixels that nobody normalized: an array that is read as it is."""
    return all(bool(np.all(sample[spec.name] == np.rint(sample[spec.name]))) for sample in samples)
