"""A folder of images -> samples."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.calibration.intake import Read, evenly, fill, skipped
from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.picture_kinds import HEAD, READ_IN_WORDS, kind_of
from dlpuconv.calibration.stored import PIXELS, ImageSamples
from dlpuconv.errors import CalibrationError
from dlpuconv.files.regular import open_regular
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.calibration.intake import SampleRequest
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import Signature, ValueSpec

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_WORKERS = min(4, os.cpu_count() or 1)
_UNREADABLE_SHARE = 0.1
_LARGE = 12_500_000
"""A picture with more pixels than this is decoded when no other is: threads together hold no more than one such."""


def read_folder(folder: Path, request: SampleRequest) -> Read:
    """Every image below `folder`, in the order of its relative path; names that begin with a dot are left out.

    Pictures that are left out for their kind or their suffix are named in a warning.

    Raises:
        CalibrationError: no images, more than 10 % of them unreadable, or a model that takes something else.
        UsageError: the preprocessing does not fit the input's channels.
    """
    spec = image_input(request.signature, f"the images in {str(folder)!r}")
    request.preprocessing.check(spec)
    paths, others = find_images(folder)
    left_out = _left_out(folder, others)
    if not paths:
        raise CalibrationError(
            f"no images in {str(folder)!r}: looked for {', '.join(SUFFIXES)}, in subfolders as well"
            + "".join(f"; {text}" for text in left_out),
            id="calibration-no-images",
        )
    total = len(paths)
    paths = [paths[row] for row in evenly(total, request.limit)]
    linter = Linter(request.signature, request.preprocessing, pixels=True, calibrates=request.calibrates)
    spool = ImageSamples.pixel_spool(spec)
    broken: list[str] = []
    fill(spool, _records(folder, paths, spec, request, broken), linter, request, len(paths))
    if len(broken) > _UNREADABLE_SHARE * len(paths):
        raise CalibrationError(
            f"{len(broken)} of {len(paths)} images in {str(folder)!r} cannot be read, more than 10 %:"
            f" {listed(broken, 5)}",
            broken,
            id="calibration-images-unreadable",
        )
    found = (*left_out, *skipped(total, len(paths)), *linter.warnings())
    if broken:
        found = (f"{len(broken)} of {len(paths)} images cannot be read and were skipped: {listed(broken, 20)}", *found)
    return Read(samples=ImageSamples(spool, spec, request.preprocessing), warnings=found)


def find_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """Image files below a folder, by suffix, and all other files; both sorted by relative path.

    Raises:
        CalibrationError: a folder cannot be listed.
    """
    found: list[Path] = []
    others: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith("."):
                (found if name.lower().endswith(SUFFIXES) else others).append(Path(parent, name))
    found.sort(key=lambda path: path.relative_to(folder).as_posix())
    others.sort(key=lambda path: path.relative_to(folder).as_posix())
    return found, others


def _left_out(folder: Path, others: list[Path]) -> tuple[str, ...]:
    """A warning that names pictures of other suffixes; labels and the like are nobody's loss."""
    kinds = {path.relative_to(folder).as_posix(): _kind(path) for path in others}
    named = [f"{name} ({kind})" for name, kind in kinds.items() if kind]
    if not named:
        return ()
    verb = "pictures have other suffixes and were" if len(named) > 1 else "picture has another suffix and was"
    return (f"{len(named)} {verb} left out: {listed(named)}; {READ_IN_WORDS}, under names in {', '.join(SUFFIXES)}",)


def _kind(path: Path) -> str | None:
    """What kind of picture a file is that has no picture's suffix; None for what is none, or cannot be looked at."""
    try:
        if not path.is_file():  # opening a pipe would wait for whoever writes into it
            return None
        with open_regular(path) as stream:
            return kind_of(stream.read(HEAD))
    except OSError:
        return None


def _refuse(error: OSError) -> None:
    raise CalibrationError(
        f"the folder {str(error.filename)!r} cannot be read: {error.strerror}", id="calibration-unreadable"
    ) from error


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
        f"{', '.join(repr(spec.name) for spec in signature.inputs)} instead",
        id="calibration-images-unfit",
    )


def _records(
    folder: Path, paths: list[Path], spec: ValueSpec, request: SampleRequest, broken: list[str]
) -> Iterator[tuple[str, Record] | None]:
    """Decode in threads (Pillow releases the GIL), a few images at a time, in order."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        for some in batched(paths, 4 * _WORKERS):
            for path, pixels in zip(some, _decoded(some, spec, request, pool), strict=True):
                label = path.relative_to(folder).as_posix()
                if isinstance(pixels, str):
                    broken.append(f"{label} ({pixels})")
                    yield None
                else:
                    yield label, {PIXELS: pixels}


def _decoded(
    paths: Sequence[Path], spec: ValueSpec, request: SampleRequest, pool: ThreadPoolExecutor
) -> list[npt.NDArray[np.uint8] | str]:
    """The pixels of each image, or why there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata; oversized files are checked by the decoder itself
        small = list(pool.map(lambda path: _decode_small(path, spec, request), paths))
        # In this thread, since the C library keeps for a thread what was freed there.
        return [
            _decode_large(path, spec, request) if pixels is None else pixels
            for path, pixels in zip(paths, small, strict=True)
        ]


def _decode_small(path: Path, spec: ValueSpec, request: SampleRequest) -> npt.NDArray[np.uint8] | str | None:
    """Pixels of a small image, or the reason why it cannot be decoded; None for a large image."""
    from dlpuconv.calibration.decode import LargePictureError

    try:
        return _decode(path, spec, request, _LARGE)
    except LargePictureError:
        return None


def _decode_large(path: Path, spec: ValueSpec, request: SampleRequest) -> npt.NDArray[np.uint8] | str:
    from dlpuconv.calibration.decode import MOST_PIXELS, LargePictureError

    try:
        return _decode(path, spec, request, MOST_PIXELS)
    except LargePictureError as error:
        return str(error)


def _decode(path: Path, spec: ValueSpec, request: SampleRequest, most: int) -> npt.NDArray[np.uint8] | str:
    """The pixels, or why there are none.

    Raises:
        LargePictureError: they are more than `most`.
    """
    from dlpuconv.calibration.decode import UNREADABLE, LargePictureError, decode

    if not path.is_file():  # opening a pipe would wait for whoever writes into it
        return "not a regular file"
    try:
        return decode(path, spec.height_width, spec.channels, request.preprocessing.resize, most)
    except LargePictureError:
        raise
    except UNREADABLE as error:
        return _reason(error, path)


def _reason(error: BaseException, path: Path) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split()).replace(str(path), path.name)
    return "not an image" if "cannot identify" in text else text or type(error).__name__
