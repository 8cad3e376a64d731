"""Samples over a spool: arrays as they are, and images that are normalized when they are read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, cast, override

import numpy as np

from dlpuconv.calibration.spool import Field, Spool
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    import numpy.typing as npt

    from dlpuconv.calibration.preprocess import Preprocessing
    from dlpuconv.calibration.samples import Sample
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import Signature, ValueSpec

PIXELS = "pixels"
"""Name of the one field of an image's record."""


class ArraySamples:
    """Final values of every input, in the source model's layout and dtype."""

    def __init__(self, spool: Spool, rows: Sequence[int] | None = None) -> None:
        self.spool = spool
        self.rows = tuple(range(len(spool)) if rows is None else rows)

    @staticmethod
    def spool_for(signature: Signature) -> Spool:
        """An empty spool for the inputs of `signature`."""
        return Spool(tuple(Field(spec.name, spec.shape, np.dtype(spec.dtype)) for spec in signature.inputs))

    def select(self, rows: Sequence[int]) -> Self:
        """The samples at these positions; the spool is shared."""
        return type(self)(self.spool, [self.rows[row] for row in rows])

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Sample]:
        """Every sample, in the same order each time."""
        for row in self.rows:
            yield self._sample(self.spool[row])

    @property
    def digest(self) -> str:
        """Hex digest of form, content and preprocessing."""
        form = [[field.name, field.shape, field.dtype.str] for field in self.spool.fields]
        content = hashlib.sha256(json.dumps([form, self._options()]).encode())
        for row in self.rows:
            content.update(self.spool.digests[row])
        return content.hexdigest()

    def _sample(self, record: Record) -> Sample:
        return cast("Sample", record)

    def _options(self) -> object:
        return None


class ImageSamples(ArraySamples):
    """Images at the input's size: stored as pixels, normalized as they are read."""

    def __init__(
        self, spool: Spool, spec: ValueSpec, preprocessing: Preprocessing, rows: Sequence[int] | None = None
    ) -> None:
        super().__init__(spool, rows)
        self.spec = spec
        self.preprocessing = preprocessing

    @staticmethod
    def pixel_spool(spec: ValueSpec) -> Spool:
        """An empty spool for images of the input `spec`."""
        return Spool((Field(PIXELS, (*spec.height_width, spec.channels), np.dtype(np.uint8)),))

    @override
    def select(self, rows: Sequence[int]) -> Self:
        """The samples at these positions; the spool is shared."""
        return type(self)(self.spool, self.spec, self.preprocessing, [self.rows[row] for row in rows])

    def pixels(self, index: int) -> npt.NDArray[np.uint8]:
        """Sample `index` as a camera would deliver it: [H, W, 3] RGB, or [H, W, 1] for a gray input."""
        return cast("npt.NDArray[np.uint8]", self.spool[self.rows[index]][PIXELS])

    @override
    def _sample(self, record: Record) -> Sample:
        values = self.preprocessing.normalize(cast("npt.NDArray[np.uint8]", record[PIXELS]))
        if self.spec.layout is Layout.NCHW:
            values = values.transpose(2, 0, 1)
        batch = np.broadcast_to(values, self.spec.shape)
        return {self.spec.name: np.ascontiguousarray(batch, np.dtype(self.spec.dtype))}

    @override
    def _options(self) -> object:
        return [self.preprocessing.as_json(), self.spec.name, self.spec.shape, self.spec.layout, self.spec.dtype]
