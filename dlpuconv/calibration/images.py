"""A folder of images -> samples."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.brief import listed
from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.reading import Read, evenly, fill, skipped
from dlpuconv.calibration.stored import PIXELS, ImageSamples
from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.calibration.reading import Request
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import Signature, ValueSpec

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_WORKERS = min(4, os.cpu_count() or 1)
_UNREADABLE_SHARE = 0.1


def read_folder(folder: Path, request: Request) -> Read:
    """Every image below `folder`, in the order of its relative path; names that begin with a dot are left out.

    Raises:
        CalibrationError: no images, more than 10 % of them unreadable, or a model that takes something else.
        UsageError: the preprocessing does not fit the input's channels.
    """
    spec = image_input(request.signature, f"the images in {str(folder)!r}")
    request.preprocessing.check(spec)
    paths = find_images(folder)
    if not paths:
        raise CalibrationError(f"no images in {str(folder)!r}: looked for {', '.join(SUFFIXES)}, in subfolders as well")
    total = len(paths)
    paths = [paths[row] for row in evenly(total, request.limit)]
    linter = Linter(request.signature, request.preprocessing, pixels=True)
    spool = ImageSamples.pixel_spool(spec)
    broken: list[str] = []
    fill(spool, _records(folder, paths, spec, request, broken), linter, request, len(paths))
    if len(broken) > _UNREADABLE_SHARE * len(paths):
        raise CalibrationError(
            f"{len(broken)} of {len(paths)} images in {str(folder)!r} cannot be read, more than 10 %:"
            f" {listed(broken, 5)}",
            broken,
        )
    found = (*skipped(total, len(paths)), *linter.warnings())
    if broken:
        found = (f"{len(broken)} of {len(paths)} images cannot be read and were skipped: {listed(broken, 20)}", *found)
    return Read(samples=ImageSamples(spool, spec, request.preprocessing), warnings=found)


def find_images(folder: Path) -> list[Path]:
    """Image files below a folder, by suffix, sorted by relative path.

    Raises:
        CalibrationError: a folder cannot be listed.
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, f) for f in files if f.lower().endswith(SUFFIXES) and not f.startswith(".")]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _refuse(error: OSError) -> None:
    raise CalibrationError(f"the folder {str(error.filename)!r} cannot be read: {error.strerror}") from error


def image_input(signature: Signature, what: str) -> ValueSpec:
    """The one image input of a model.

    Raises:
        CalibrationError: it has several inputs, or one that is no image of 1 or 3 channels and batch 1.
    """
    takes = ", ".join(f"{spec.name!r} {list(spec.shape)}" for spec in signature.inputs)
    if len(signature.inputs) == 1:
        spec = signature.inputs[0]
        if spec.is_image and spec.channels in (1, 3) and spec.shape[0] == 1:
            return spec
    raise CalibrationError(
        f"{what} cannot feed this model, which takes {takes}: images feed one input of 1 or 3 channels; "
        f"give an .npz with the key{'s' * (len(signature.inputs) > 1)} "
        f"{', '.join(repr(spec.name) for spec in signature.inputs)} instead"
    )


def _records(
    folder: Path, paths: list[Path], spec: ValueSpec, request: Request, broken: list[str]
) -> Iterator[tuple[str, Record] | None]:
    """Decode in threads (Pillow releases the GIL), a few images at a time, in order."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        for some in batched(paths, 4 * _WORKERS):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about metadata; oversized files are checked by the decoder itself
                decoded = list(pool.map(lambda path: _decode(path, spec, request), some))
            for path, pixels in zip(some, decoded, strict=True):
                label = path.relative_to(folder).as_posix()
                if isinstance(pixels, str):
                    broken.append(f"{label} ({pixels})")
                    yield None
                else:
                    yield label, {PIXELS: pixels}


def _decode(path: Path, spec: ValueSpec, request: Request) -> npt.NDArray[np.uint8] | str:
    """The pixels, or why there are none."""
    from dlpuconv.calibration.decode import UNREADABLE, decode

    try:
        return decode(path, spec.height_width, spec.channels, request.preprocessing.resize)
    except UNREADABLE as error:
        return _reason(error, path)


def _reason(error: BaseException, path: Path) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split()).replace(str(path), path.name)
    return "not an image" if "cannot identify" in text else text or type(error).__name__
