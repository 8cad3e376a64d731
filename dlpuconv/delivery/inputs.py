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

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        """Those of these values that are names of files or folders."""
        paths = (_path(other) for other in others if not is_made_up(other))
        return Inputs(model=_path(model), others=tuple(path for path in paths if path is not None))

    def at(self, place: Path) -> Path | None:
        """The input that is lost if what is at this place is replaced; None where there is none."""
        return next((given for given in self._each(place) if _holds(place, given)), None)

    def _each(self, place: Path) -> Iterator[Path]:
        if self.model is not None:
            yield self.model
            if _real(self.model.parent) in _real(place).parents:  # the only folder that weights are read from
                yield from _weights_of(self.model)
        yield from self.others


def _path(value: object) -> Path | None:
    return Path(value) if isinstance(value, str | os.PathLike) else None


def _weights_of(model: Path) -> list[Path]:
    """Files that the model keeps weights in; none where it cannot be read, which the conversion will say."""
    from dlpuconv.frontends.external_data import external_files
    from dlpuconv.frontends.onnx_file import content_of, parse

    try:
        return external_files(parse(content_of(model), str(model)), model)
    except ModelError:
        return []


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
