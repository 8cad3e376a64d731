"""A picture, as a file or as Pillow holds it -> what a network takes for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import UsageError
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.calibration.preprocess import Preprocessing
    from dlpuconv.ir import ValueSpec


def is_picture(value: object) -> bool:
    """Whether the value is a file's name, an image of Pillow's (which is not imported for that), or a list of these."""
    if isinstance(value, list | tuple):
        return bool(value) and all(map(is_picture, value))
    return isinstance(value, str | Path) or any(kind.__module__ == "PIL.Image" for kind in type(value).__mro__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureInput:
    """An input that pictures can feed.

    Attributes:
        spec: of the source model.
        preprocessing: what the network expects of a picture.
    """

    spec: ValueSpec
    preprocessing: Preprocessing

    def values(self, pictures: Any) -> npt.NDArray[np.float32]:
        """[N, ...] in the source model's layout and values.

        Args:
            pictures: one that `is_picture` knows, or several.

        Raises:
            UsageError: one cannot be read.
        """
        several = pictures if isinstance(pictures, list | tuple) else [pictures]
        values = self.preprocessing.normalize(np.stack([self._pixels(picture) for picture in several]))
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if self.spec.layout is Layout.NCHW else values)

    def _pixels(self, picture: Any) -> npt.NDArray[np.uint8]:
        from dlpuconv.calibration.decode import MOST_PIXELS, UNREADABLE, decode, pixels_of

        size, channels, resize = self.spec.height_width, self.spec.channels, self.preprocessing.resize
        if not isinstance(picture, str | Path):
            return pixels_of(picture.copy(), size, channels, resize)
        try:
            return decode(Path(picture), size, channels, resize, MOST_PIXELS)
        except UNREADABLE as error:
            raise UsageError(
                f"the picture {str(picture)!r} cannot be read: {error}", id="picture-unreadable"
            ) from error
