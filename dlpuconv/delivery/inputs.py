"""What a conversion reads: a delivery never replaces it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.calibration.images import SUFFIXES
from dlpuconv.calibration.open import is_made_up
from dlpuconv.errors import ModelError
from dlpuconv.files.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK = 1 << 20
_LOCATION = b"location"  # onnx.proto: the key under which a tensor names its file


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files and folders that a conversion reads.

    Attributes:
        model: the source model, which may keep weights in files beside it; None where it is no file.
        others: samples, a recipe.
    """

    model: Path | None = None
    others: tuple[Path, ...] = ()

    @staticmethod
    def of(model: object, *others: object) -> Inputs:
        """The inputs among these values: names of files and folders."""
        paths = (_path(other) for other in others if not is_made_up(other))
        return Inputs(model=_path(model), others=tuple(path for path in paths if path is not None))

    def lost_with(self, places: Iterable[Path]) -> dict[Path, Path]:
        """The inputs that are lost if what is at these places is replaced, by place."""
        known = list(places)
        return {place: given for given in self._each(known) for place in known if _holds(place, given)}

    def _each(self, places: Iterable[Path]) -> Iterator[Path]:
        if self.model is not None:
            yield self.model
            beside = _real(self.model.parent)  # weights are read from this folder only
            if any(beside in _real(place).parents for place in places):
                yield from weights_of(self.model).values()
        yield from self.others


def _path(value: object) -> Path | None:
    return Path(value) if isinstance(value, str | os.PathLike) else None


def weights_of(model: Path) -> dict[str, Path]:
    """Files that the model keeps weights in, by its names for them, relative to its folder.

    None where it cannot be read, which the conversion will say.
    """
    from dlpuconv.frontends.external_data import external_files
    from dlpuconv.frontends.onnx_file import content_of, parse

    try:
        if not _speaks_of_files(model):  # spares most models a second reading
            return {}
        return external_files(parse(content_of(model), str(model)), model)
    except (ModelError, OSError, ValueError):
        return {}


def _speaks_of_files(model: Path) -> bool:
    with open_regular(model) as stream:
        last = b""
        while chunk := stream.read(_CHUNK):
            if _LOCATION in last + chunk:
                return True
            last = chunk[-len(_LOCATION) :]
    return False


def _holds(place: Path, given: Path) -> bool:
    """Whether the input is at this place or below it, or is a folder of images of which some are."""
    with suppress(OSError):
        if place.samefile(given):
            return True
    real, ours = _real(given), _real(place)
    if ours in real.parents:
        return True
    return real in ours.parents and real.is_dir() and place.is_dir() and _has_images(place)


def _has_images(folder: Path) -> bool:
    return any(name.lower().endswith(SUFFIXES) for _, _, names in folder.walk() for name in names)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
