"""Samples from a fixed seed, for when there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlpuconv.calibration.intake import MOST, Read, fill
from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.stored import PIXELS, ArraySamples, ImageSamples
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from dlpuconv.calibration.intake import SampleRequest
    from dlpuconv.calibration.matching import Array
    from dlpuconv.calibration.preprocess import Preprocessing
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import ValueSpec

    type Reals = npt.NDArray[np.float64]

COUNT = 100
_SEED = 20240229
_OCTAVES = ((4, 0.5), (16, 0.3), (64, 0.2))
_MOST_LEAVES = 40
_DECAY = (0.8, 1.6)
"""Exponents of 1/f: photographs have about 1.2 (Torralba and Oliva 2003, "Statistics of natural image categories")."""
_TINT = 35.0
"""How far the channels of a colour lie from their mean: photographs are far from saturated."""


class MadeUpPicture(Protocol):
    """Makes a picture up."""

    def __call__(
        self, rng: np.random.Generator, height_width: tuple[int, int], channels: int, /
    ) -> npt.NDArray[np.uint8]:
        """[H, W, channels] uint8."""
        ...


def make_up(request: SampleRequest, picture: MadeUpPicture) -> Read:
    """Pictures for images, normalized as stated; N(0, 1) for everything else."""
    count = COUNT if request.limit == MOST else request.limit
    inputs = request.signature.inputs
    rng = np.random.default_rng(_SEED)
    one = len(inputs) == 1 and inputs[0].is_image and inputs[0].channels in (1, 3) and inputs[0].shape[0] == 1
    linter = Linter(request.signature, request.preprocessing, calibrates=request.calibrates)
    if one:
        request.preprocessing.check(inputs[0])
        spool = ImageSamples.pixel_spool(inputs[0])
        fill(spool, _pictures(rng, inputs[0], count, picture), linter, request, count)
        return Read(samples=ImageSamples(spool, inputs[0], request.preprocessing))
    spool = ArraySamples.spool_for(request.signature)
    fill(spool, _values(rng, request, count, picture), linter, request, count)
    return Read(samples=ArraySamples(spool))


def mosaic(rng: np.random.Generator, height_width: tuple[int, int], channels: int) -> npt.NDArray[np.uint8]:
    """Blocks of several sizes, of random contrast and brightness: quickly made.

    White noise alone has none of the low frequencies that drive the activations of networks trained on photographs.
    """
    height, width = height_width
    values = np.zeros((height, width, channels))
    for cells, weight in _OCTAVES:
        grid = rng.uniform(-1, 1, (cells, cells, channels))
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        values += weight * grid[np.ix_(rows, columns)]
    return _as_pixels(rng.uniform(70, 185) + rng.uniform(60, 200) * values)


def dead_leaves(rng: np.random.Generator, height_width: tuple[int, int], channels: int) -> npt.NDArray[np.uint8]:
    """Things of all sizes that hide one another, textured and shaded like photographs.

    Lee, Mumford and Huang 2001, "Occlusion Models for Natural Images": such pictures share the edges, the scales and
    the even areas of natural ones. Baradad et al. 2021, "Learning to See by Looking at Noise" (arXiv 2106.05963): of
    synthetic pictures, these come closest for a network.
    """
    light = _shading(rng, height_width)
    ground = rng.uniform(15, 70) * (light[..., None] + 0.35 * _shading(rng, height_width, channels))
    picture = _colour(rng, channels) + ground
    for _ in range(int(rng.integers(0, _MOST_LEAVES))):
        _leaf(rng, picture, light)
    return _as_pixels(picture)


def _shading(rng: np.random.Generator, height_width: tuple[int, int], *planes: int) -> Reals:
    """[H, W, *planes] noise of mean 0 and deviation 1 with the spectrum 1/f^a."""
    height, width = height_width
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width) * width)
    frequency[0, 0] = np.inf
    amplitude = (frequency ** -rng.uniform(*_DECAY)).reshape(*frequency.shape, *[1] * len(planes))
    shape = (*frequency.shape, *planes)
    spectrum = amplitude * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    values = np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))
    return np.asarray(values / max(float(values.std()), 1e-9))


def _colour(rng: np.random.Generator, channels: int) -> Reals:
    return np.clip(rng.uniform(0, 255) + rng.normal(0, _TINT, channels), 0, 255)


def _leaf(rng: np.random.Generator, picture: Reals, light: Reals) -> None:
    """Paint one turned ellipse or rectangle of random size over what is there."""
    height, width = light.shape
    radius = max(min(height, width) / 2 * rng.uniform(0.04, 1) ** 1.5, 0.5)
    y, x, angle, slimness = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0, np.pi), rng.uniform(0.3, 1)
    reach = radius * np.sqrt(2)
    rows = slice(max(int(y - reach), 0), min(int(y + reach) + 2, height))
    columns = slice(max(int(x - reach), 0), min(int(x + reach) + 2, width))
    down, across = np.arange(rows.start, rows.stop)[:, None] - y, np.arange(columns.start, columns.stop) - x
    along = across * np.cos(angle) + down * np.sin(angle)
    beside = (down * np.cos(angle) - across * np.sin(angle)) / slimness
    square = rng.random() < 0.5
    inside = np.maximum(abs(along), abs(beside)) < radius if square else np.hypot(along, beside) < radius
    texture = rng.uniform(0, 40) * (rng.random() < 0.5)
    painted = _colour(rng, picture.shape[-1]) + texture * light[rows, columns][inside][:, None]
    picture[rows, columns][inside] = painted


def _as_pixels(values: Reals) -> npt.NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _pictures(
    rng: np.random.Generator, spec: ValueSpec, count: int, picture: MadeUpPicture
) -> Iterator[tuple[str, Record]]:
    for number in range(count):
        yield f"synthetic sample {number}", {PIXELS: picture(rng, spec.height_width, spec.channels)}


def _values(
    rng: np.random.Generator, request: SampleRequest, count: int, picture: MadeUpPicture
) -> Iterator[tuple[str, Record]]:
    for number in range(count):
        record = {spec.name: _input(rng, spec, request.preprocessing, picture) for spec in request.signature.inputs}
        yield f"synthetic sample {number}", record


def _input(rng: np.random.Generator, spec: ValueSpec, preprocessing: Preprocessing, picture: MadeUpPicture) -> Array:
    dtype = np.dtype(spec.dtype)
    counts = {1, spec.channels}
    if spec.is_image and len(preprocessing.mean) in counts and len(preprocessing.std) in counts:
        mean, std = (np.asarray(values) for values in preprocessing.per_channel(spec.channels))
        pixels = np.stack([picture(rng, spec.height_width, spec.channels) for _ in range(spec.shape[0])])
        values = (pixels - mean) / std
        return np.asarray(values.transpose(0, 3, 1, 2) if spec.layout is Layout.NCHW else values, dtype)
    if np.issubdtype(dtype, np.floating):
        return np.asarray(rng.standard_normal(spec.shape), dtype)
    return np.asarray(rng.integers(0, 2, spec.shape), dtype)
