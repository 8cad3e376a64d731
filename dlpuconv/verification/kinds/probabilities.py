"""Probabilities, whatever form an output holds them in: as they are, as logarithms, or as what a Sigmoid would read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.verification.kinds.kind import Region

    type Floats = npt.NDArray[np.float64]

_LARGEST_EXPONENT = 80.0


class Probabilities:
    """Reads the probabilities of one region.

    Args:
        region: it tells of logarithms. Logits, which the user alone may call scores, are known by the first sample of
            the source: they leave the interval from 0 to 1.
    """

    def __init__(self, region: Region) -> None:
        self._axis, self._logarithms = region.classes, region.logarithms
        self._logits: bool | None = None

    def of(self, array: Floats) -> Floats:
        """The probabilities of an array; the first that is given is the source's."""
        if self._logarithms:
            return np.asarray(np.exp(np.minimum(array, 0.0)))
        if self._logits is None:
            self._logits = bool(((array < 0.0) | (array > 1.0)).any())
        if not self._logits:
            return array
        if self._axis is None:
            return np.asarray(1.0 / (1.0 + np.exp(-np.clip(array, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))))
        powers = np.exp(array - array.max(axis=self._axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis=self._axis, keepdims=True))
