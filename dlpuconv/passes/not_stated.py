"""What the user should know of an image input whose normalization nobody stated: no camera can feed the file."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dlpuconv.calibration import Color, PixelSamples
from dlpuconv.calibration.spans import preset_of

if TYPE_CHECKING:
    from dlpuconv.calibration import Preprocessing, Samples
    from dlpuconv.ir import ValueSpec

_SAMPLES = 64


def not_stated(spec: ValueSpec, preprocessing: Preprocessing, samples: Samples | None) -> str:
    """A sentence on what to state, or nothing where the file takes a camera's pixels all the same.

    Args:
        spec: an image input of float values.
        preprocessing: without mean and std.
        samples: pictures that were fed as they are make the network, and the file, take pixels.
    """
    if preprocessing.color is Color.BGR:
        return (
            f"{spec.name!r} takes BGR, a camera delivers RGB: state --mean and --std (or --preset 0-255) to fold it in"
        )
    if isinstance(samples, PixelSamples):
        return ""
    return (
        f"neither --mean and --std nor --preset says how the values of {spec.name!r} are made of pixels, so the file"
        " takes them as the network does (raw_pixels is false in the manifest), and a camera delivers pixels of 0-255:"
        f" state the normalization of training{_guess(spec, samples)}; arrays and loaders are not normalized again."
        " Where no camera feeds this input, say --fold-preprocess off"
    )


def _guess(spec: ValueSpec, samples: Samples | None) -> str:
    """The preset that the samples' range speaks for, if any."""
    some = [sample[spec.name] for sample in islice(samples or (), _SAMPLES)]
    if not some:
        return ""
    low, high = float(min(values.min() for values in some)), float(max(values.max() for values in some))
    preset = preset_of((low, high), spec.channels)
    return f" (the samples reach from {low:.4g} to {high:.4g}, as --preset {preset} makes them)" if preset else ""
