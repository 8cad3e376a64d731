"""The activation at the end of an output, where a file leaves it to whoever reads the output.

It is monotonic, and cheap for the few answers that pass a threshold. Eight bits hold a logit where they do not hold a
probability: those next to 0 and 1 get one code together, and a ranking of them is lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LOGIT: Final = math.log(0.999 / 0.001)
"""6.907: a threshold between 0.001 and 0.999 is a logit no farther than that from 0."""


_CODES = 255


class ActivationKind(StrEnum):
    """What makes probabilities of logits."""

    SIGMOID = "sigmoid"
    """1 / (1 + exp(-x)), each by itself."""
    SOFTMAX = "softmax"
    """exp(x) / sum(exp(x)) along an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalActivation:
    """What makes an output of the source model of the logits that a file gives.

    Attributes:
        kind: of activation.
        output: name of that output in the source model.
        axis: of a softmax, in the source model; None for a sigmoid.
    """

    kind: ActivationKind
    output: str
    axis: int | None = None

    @property
    def logits(self) -> str:
        """What the file calls its output, so that nobody takes it for probabilities."""
        return f"{self.output}_logits"

    def held(self, low: float, high: float) -> tuple[float, float]:
        """What codes of logits hold: every threshold from 0.001 to 0.999, and all above that was seen.

        Args:
            low: the lowest logit that was seen.
            high: the highest one.
        """
        if self.kind is ActivationKind.SIGMOID:
            edge = LOGIT + (max(high, LOGIT) + LOGIT) / _CODES  # a zero point is nudged by up to half a step
            return -edge, max(high, edge)
        missing = max(LOGIT - (high - low), 0.0) / 2  # the differences count
        return low - missing, high + missing

    def of(self, logits: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """The probabilities.

        Args:
            logits: whole, in the source model's layout and real units.

        Raises:
            ValueError: they have no such axis.
        """
        import numpy as np

        values = np.asarray(logits, np.float64)
        if self.axis is None:
            small = np.exp(-np.abs(values))  # never overflows
            return np.asarray(np.where(values >= 0, 1.0, small) / (1.0 + small))
        if self.axis >= values.ndim:
            raise ValueError(f"a softmax of axis {self.axis} has no place in {values.ndim} axes")
        powers = np.exp(values - values.max(axis=self.axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis=self.axis, keepdims=True))
