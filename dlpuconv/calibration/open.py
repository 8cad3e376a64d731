"""The front door: whatever a user calls calibration data -> Calibration."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.calibration.intake import MOST, Read, SampleRequest
from dlpuconv.calibration.linter import FEW
from dlpuconv.calibration.samples import Calibration, Origin
from dlpuconv.calibration.stored import ArraySamples
from dlpuconv.errors import CalibrationError, UsageError
from dlpuconv.formats.files import is_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.calibration.iterables import Dataset
    from dlpuconv.calibration.preprocess import Preprocessing
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir import Signature

type Source = str | os.PathLike[str] | Mapping[str, object] | Iterable[object] | Dataset
"""A folder, `.npz` or `.npy` by path, `none`, `random`, arrays by input name, one array, a dataset, any iterable."""


class Unmeasured:
    """In the place of samples: none were given, and a model that states its scales needs none but to be tried on."""


UNMEASURED: Final = Unmeasured()
RANDOM, NONE = "random", "none"
_MADE_UP = {RANDOM: Origin.RANDOM, NONE: Origin.SYNTHETIC}
_NOT_GIVEN = {
    Origin.RANDOM: "the calibration samples are random, so the file is not calibrated: use it only to try the"
    " conversion",
    Origin.SYNTHETIC: "there are no calibration data, so ranges are measured on synthetic samples and from the"
    " statistics in the network's batch normalizations. About 100 real samples would give a better file, and"
    " meaningful figures (--calibration)",
}
_STATED = (
    "there are no calibration data. The model states its scales; what needs new scales gets them from synthetic"
    " samples, on which the file is compared with its source, too. Real samples would give a better file, and"
    " meaningful figures (--calibration)"
)
_HELD_OUT_EVERY = 5


def open_calibration(
    source: Source | Unmeasured | None,
    *,
    validation: Source | None = None,
    signature: Signature,
    preprocessing: Preprocessing,
    progress: Progress,
    limit: int | None = None,
) -> Calibration | None:
    """Read samples once, check them, and split them into what calibration sees and what it must not see.

    Args:
        source: where samples come from. Images are resized and normalized as `preprocessing` says; arrays (files and
            Python) are final values in the source model's layout and are never rescaled. None: no calibration.
        validation: samples for parity; without it every fifth sample of `source` is held out. With validation but
            no source, `fit` is empty.
        signature: of the source model.
        preprocessing: what the network expects of an image.
        progress: shows a bar while samples are read, and the warnings.
        limit: the most samples to take of each source, evenly spread (the first ones of what has no numbers).

    Returns:
        None when there is neither source nor validation. Samples are re-readable; no file outlives them.

    Raises:
        CalibrationError: nothing usable there; the sentence says what is wrong.
        UsageError: the preprocessing does not fit the model, or a limit below 1.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"{limit} calibration samples are too few: give 1 or more", id="option-value")
    if source is None and validation is None:
        return None
    request = SampleRequest(
        signature=signature, preprocessing=preprocessing, progress=progress, limit=min(limit or MOST, MOST)
    )
    given = None if source is None else _read(source, request)
    kept = None if validation is None else _read(validation, _for_validation(request))
    calibration = _combine(given, kept, signature, _origin(source))
    if isinstance(source, Unmeasured):
        calibration = replace(calibration, measures=False, warnings=(_STATED, *calibration.warnings[1:]))
    for warning in calibration.warnings:
        progress.message(warning)
    return calibration


def _combine(given: Read | None, kept: Read | None, signature: Signature, origin: Origin) -> Calibration:
    warnings = list(given.warnings if given else ())
    if kept:
        warnings += [f"validation: {text}" for text in kept.warnings if text not in warnings]
    if given is None:
        empty = ArraySamples(ArraySamples.spool_for(signature))
        return Calibration(fit=empty, held_out=kept.samples if kept else empty, origin=origin, warnings=tuple(warnings))
    own = given.samples if origin is Origin.GIVEN else None
    total = len(given.samples) + (len(kept.samples) if kept else 0)
    if origin in _NOT_GIVEN:
        warnings.insert(0, _NOT_GIVEN[origin])
    elif total < FEW:
        warnings.insert(
            0,
            f"there {'are' if total > 1 else 'is'} only {total} calibration sample{'s' * (total > 1)};"
            f" with {FEW} or more, the ranges depend less on chance",
        )
    if kept:
        return Calibration(
            fit=given.samples,
            held_out=kept.samples,
            origin=origin,
            warnings=tuple(warnings),
            given=own,
        )
    fit, held_out = split_rows(len(given.samples))
    if not set(fit).isdisjoint(held_out):
        warnings.append(
            "there is only one sample, so the file is compared with the float model on the sample that it"
            " was calibrated with: the figures are too good"
        )
    return Calibration(
        fit=given.samples.select(fit),
        held_out=given.samples.select(held_out),
        origin=origin,
        judges=origin is Origin.GIVEN,
        warnings=tuple(warnings),
        given=own,
    )


def split_rows(count: int) -> tuple[list[int], list[int]]:
    """Positions for fitting and for parity: every fifth is held out, the last one of fewer than five.

    A single sample has to serve both.
    """
    if count == 1:
        return [0], [0]
    held_out = list(range(_HELD_OUT_EVERY - 1, count, _HELD_OUT_EVERY)) or [count - 1]
    kept = set(held_out)
    return [row for row in range(count) if row not in kept], held_out


def _read(source: object, request: SampleRequest) -> Read:
    if is_made_up(source) or isinstance(source, Unmeasured):
        from dlpuconv.calibration.made_up import dead_leaves, make_up, mosaic

        return make_up(request, mosaic if source == RANDOM else dead_leaves)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return _reader_of(path)(path, request)
    if isinstance(source, (Mapping, np.ndarray)):
        from dlpuconv.calibration.arrays import read_arrays

        return read_arrays(source, request)
    from dlpuconv.calibration.iterables import Dataset, read_iterable

    if isinstance(source, (Iterable, Dataset)) and not isinstance(source, type):
        return read_iterable(source, request)
    noun = f"the class {source.__name__}" if isinstance(source, type) else f"a {type(source).__name__}"
    raise CalibrationError(
        f"{noun} is not calibration data: give a folder of images, an .npz or .npy file, 'none', "
        "'random', arrays, a dataset, or an iterable of samples such as a DataLoader",
        id="calibration-kind-unknown",
    )


def _reader_of(path: Path) -> Callable[[Path, SampleRequest], Read]:
    suffix = path.suffix.lower()
    if is_folder(path):
        from dlpuconv.calibration.images import read_folder

        return read_folder
    try:
        there = path.exists()
    except OSError as error:
        raise CalibrationError(
            f"{str(path)!r} cannot be read: {error.strerror}", id="calibration-unreadable"
        ) from error
    if not there:
        raise CalibrationError(f"no file or folder {str(path)!r} to calibrate with", id="calibration-not-found")
    if suffix in (".npz", ".npy"):
        from dlpuconv.calibration.arrays import read_file

        return read_file
    raise CalibrationError(
        f"{str(path)!r} is not calibration data: give a folder of images, an .npz or .npy file, 'none' or 'random'",
        id="calibration-kind-unknown",
    )


def is_made_up(source: object) -> bool:
    """True for the words that stand for samples that nobody gave."""
    return isinstance(source, str) and source in _MADE_UP


def _origin(source: Source | Unmeasured | None) -> Origin:
    if source is None:
        return Origin.ABSENT
    if isinstance(source, Unmeasured):
        return Origin.SYNTHETIC
    return _MADE_UP.get(source, Origin.GIVEN) if isinstance(source, str) else Origin.GIVEN


def _for_validation(request: SampleRequest) -> SampleRequest:
    return replace(request, title="reading validation samples", calibrates=False)
