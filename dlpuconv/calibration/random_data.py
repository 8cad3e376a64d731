"""Samples from a fixed seed, for when there are none: good for trying a conversion, not for its accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.reading import MOST, Read, fill
from dlpuconv.calibration.stored import PIXELS, ArraySamples, ImageSamples
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from dlpuconv.calibration.matching import Array
    from dlpuconv.calibration.preprocess import Preprocessing
    from dlpuconv.calibration.reading import Request
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import ValueSpec

COUNT = 100
_SEED = 20240229
_OCTAVES = ((4, 0.5), (16, 0.3), (64, 0.2))


def make_random(request: Request) -> Read:
    """Smooth random pictures for images, normalized as stated; N(0, 1) for everything else."""
    count = COUNT if request.limit == MOST else request.limit
    inputs = request.signature.inputs
    rng = np.random.default_rng(_SEED)
    one = len(inputs) == 1 and inputs[0].is_image and inputs[0].channels in (1, 3) and inputs[0].shape[0] == 1
    linter = Linter(request.signature, request.preprocessing)
    if one:
        request.preprocessing.check(inputs[0])
        spool = ImageSamples.pixel_spool(inputs[0])
        fill(spool, _pictures(rng, inputs[0], count), linter, request, count)
        return Read(samples=ImageSamples(spool, inputs[0], request.preprocessing))
    spool = ArraySamples.spool_for(request.signature)
    fill(spool, _values(rng, request, count), linter, request, count)
    return Read(samples=ArraySamples(spool))


def picture(rng: np.random.Generator, height_width: tuple[int, int], channels: int) -> npt.NDArray[np.uint8]:
    """A random picture, [H, W, channels] uint8.

    Blocks of several sizes, of random contrast and brightness: white noise alone has none of the low frequencies
    that drive the activations of networks trained on photographs.
    """
    height, width = height_width
    values = np.zeros((height, width, channels))
    for cells, weight in _OCTAVES:
        grid = rng.uniform(-1, 1, (cells, cells, channels))
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        values += weight * grid[np.ix_(rows, columns)]
    scaled = rng.uniform(70, 185) + rng.uniform(60, 200) * values
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


def _pictures(rng: np.random.Generator, spec: ValueSpec, count: int) -> Iterator[tuple[str, Record]]:
    for number in range(count):
        yield f"random sample {number}", {PIXELS: picture(rng, spec.height_width, spec.channels)}


def _values(rng: np.random.Generator, request: Request, count: int) -> Iterator[tuple[str, Record]]:
    for number in range(count):
        record = {spec.name: _input(rng, spec, request.preprocessing) for spec in request.signature.inputs}
        yield f"random sample {number}", record


def _input(rng: np.random.Generator, spec: ValueSpec, preprocessing: Preprocessing) -> Array:
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
