"""The calibration files: one raw `.bin` a sample and input, their lists, and the same pixels as PNG for people."""

from __future__ import annotations

import io
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.package import BINS, IMAGES, LIST

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from dlpuconv.plugin.data import ContentStore, Progress, StoredFile
    from dlpuconv.plugin.package import PackageInput
    from dlpuconv_backends.onnx_float.package.samples import Feed

_PICTURES = {1: "L", 3: "RGB"}
_WORKERS = min(4, os.cpu_count() or 1)
_MOST_BYTES = 32 << 20
_FASTEST = 1  # of zlib's levels: higher ones take four times as long for a tenth less


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Calibration files of a package.

    Attributes:
        inputs: the given ones, which know now where their files are.
        files: by relative path.
    """

    inputs: tuple[PackageInput, ...]
    files: dict[str, StoredFile]


def write_calibration(
    feeds: Iterable[Feed], total: int, inputs: tuple[PackageInput, ...], store: ContentStore, progress: Progress
) -> Calibrated:
    """Store every sample of every input.

    A model of one input has its files in `dra_image_bin/`; with several, each has a folder of its own in there.

    Args:
        feeds: values by input name; a few samples are in memory at a time.
        total: how many.
        inputs: of the file.
        store: where the files wait.
        progress: shows a bar.
    """
    placed = tuple(_place(given, alone=len(inputs) == 1) for given in inputs)
    digits = max(3, len(str(total - 1)))
    stems = [f"{number:0{digits}}" for number in range(total)]
    encoded = ({given.name: given.encoding.to_bytes(feed[given.name]) for given in placed} for feed in feeds)
    files: dict[str, StoredFile] = {}
    with progress.stage("writing calibration files", total) as step, ThreadPoolExecutor(_WORKERS) as pool:
        for some in batched(zip(stems, encoded, strict=True), _at_once(placed)):
            for given in placed:
                contents = {stem: sample[given.name] for stem, sample in some}
                files |= {f"{given.folder}/{stem}.bin": store.add(content) for stem, content in contents.items()}
                if given.images:
                    pictures = pool.map(partial(_png, given), contents.values())  # zlib lets other threads run
                    named = zip(contents, pictures, strict=True)
                    files |= {f"{given.images}/{stem}.png": store.add(picture) for stem, picture in named}
            for _ in some:
                step()
    for given in placed:
        files[given.list] = store.add("".join(f"{given.folder}/{stem}.bin\n" for stem in stems).encode())
    return Calibrated(placed, files)


def _at_once(inputs: tuple[PackageInput, ...]) -> int:
    """Samples in memory: enough for all workers, unless they are large."""
    size = sum(math.prod(given.shape) * given.encoding.itemsize for given in inputs)
    return max(1, min(4 * _WORKERS, _MOST_BYTES // max(size, 1)))


def _place(given: PackageInput, *, alone: bool) -> PackageInput:
    below = "" if alone else f"/{given.name}"
    pictures = given.is_pixels and given.shape[0] == 1 and given.shape[1] in _PICTURES
    return replace(
        given,
        folder=f"{BINS}{below}",
        list=f"{BINS}{below}/{LIST}",
        images=f"{IMAGES}{below}" if pictures else "",
    )


def _png(given: PackageInput, content: bytes) -> bytes:
    """The pixels as a PNG, losslessly; BGR is turned into RGB, which is what a PNG holds."""
    from PIL import Image

    planes: npt.NDArray[np.uint8] = np.frombuffer(content, np.uint8).reshape(given.shape[1:])
    if given.color == "BGR":
        planes = planes[::-1]
    picture = planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(stream, "PNG", compress_level=_FASTEST)
    return stream.getvalue()
