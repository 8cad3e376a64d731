"""What is summed over the samples to compare one output with its float source's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.decibel import HIGHEST_DB, LOWEST_DB, MOST_DB, SampleRatios, ratio_db, share_db
from dlpuconv.errors import ShapeError
from dlpuconv.verification.columns import Columns
from dlpuconv.verification.extremes import Extremes
from dlpuconv.verification.output_parity import OutputParity, compared_name

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir import Port

_LIVE_STEPS = 8.0  # of the artifact: a source that moves less may well stand still in 8 bits (no face, no score)
_SILENT_STEPS = 4.0  # of the artifact: what rounding may leave where the source gives nothing but zeros
_SILENT = 1e-6  # the same for an output without a scale, which is float
_MOSTLY = 0.5
_STEEPEST = 0.25
"""How much a probability changes at most with a logit: the slope of a sigmoid, or of a softmax, at 0.5."""
_INTEGERS = "iub"  # kinds of numpy's dtypes: signed, unsigned, bool


class Tally:
    """Sums over the samples of one output."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self._signal = self._noise = self._product = self._energy = 0.0
        self._max_error = self._peak = 0.0
        self._not_finite = self._lost = self._agreed = 0
        self._elements = self._equal = 0
        self._step = port.quantization.scale if port.quantization else 0.0
        if port.activation is not None:
            self._step *= _STEEPEST
        self._labels = port.quantization is None and np.dtype(port.dtype).kind in _INTEGERS
        self._columns = Columns()
        self._span, self._reached = Extremes(), Extremes()
        self._first: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
        self._low = self._reference_low = math.inf
        self._high = self._reference_high = -math.inf
        self._same_for_all = True
        self._drift = 0.0  # how far the reference moves between samples
        self._ratios: list[tuple[float, float]] = []  # each sample's, and the signal that it has

    def add(self, reference: npt.NDArray[np.generic], value: npt.NDArray[np.float64]) -> None:
        """One sample.

        Args:
            reference: the source model's output.
            value: the artifact's, in real units and the same layout.
        """
        expected = np.asarray(reference, np.float64)
        if expected.shape != value.shape:
            raise ShapeError(
                f"the output {self.port.name!r} is {expected.shape} in the source, {value.shape} in the file",
                id="outputs-differ",
            )
        self._labels = self._labels or (
            self.port.quantization is None and np.asarray(reference).dtype.kind in _INTEGERS
        )
        expected, value = self._comparable(expected, np.ascontiguousarray(value))  # often a view with other axes
        error = expected - value
        signal, noise = _dot(expected, expected), _dot(error, error)
        self._signal += signal
        self._noise += noise
        self._energy += _dot(value, value)
        self._product += _dot(expected, value)
        self._max_error = max(self._max_error, _largest(error))
        self._peak = max(self._peak, _largest(expected))
        self._agreed += int(expected.size > 0 and expected.argmax() == value.argmax())
        self._elements += expected.size
        same = int(np.count_nonzero(error == 0.0))
        self._equal += same
        self._rate(signal, noise + self._rounding(expected), expected.size, same)
        self._watch(expected, value)
        if self.port.quantization is not None and self.port.activation is None:
            self._columns.add(expected)

    def _comparable(
        self, expected: npt.NDArray[np.float64], value: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Both with zeros where either is NaN or infinite, which count apart and are no ends of an output."""
        sound, held = np.isfinite(expected), np.isfinite(value)
        both = sound & held
        if both.all():
            self._span.add(expected)
            self._reached.add(value)
            return expected, value
        self._span.add(expected[both])
        self._reached.add(value[both])
        self._not_finite += int(np.count_nonzero(~sound))
        self._lost += int(np.count_nonzero(sound & ~held))
        return np.where(both, expected, 0.0), np.where(both, value, 0.0)

    def _rounding(self, expected: npt.NDArray[np.float64]) -> float:
        """The noise that is in the nature of an integer output: an error of half a step, at the most.

        A step of logits is p (1 - p) of one where they stand for a probability p: of next to 0 and 1, nearly nothing.
        """
        if self.port.activation is None:
            return expected.size * self._step**2 / 12
        slopes = expected * (1.0 - expected) / _STEEPEST
        return _dot(slopes, slopes) * self._step**2 / 12

    def _rate(self, signal: float, noise: float, size: int, same: int) -> None:
        """Remember one sample's ratio.

        Of labels, whose differences mean nothing, the share of wrong ones stands for noise.

        Args:
            signal: of the sample.
            noise: with that of rounding.
            size: elements.
            same: of them, those that are equal.
        """
        if self._labels:
            ratio, signal = share_db(1 - same / size) if size else None, float(size)
        else:
            ratio = ratio_db(signal, noise)
        self._ratios.append((HIGHEST_DB if ratio is None else min(max(ratio, LOWEST_DB), HIGHEST_DB), signal))

    def _watch(self, expected: npt.NDArray[np.float64], value: npt.NDArray[np.float64]) -> None:
        """Whether anything moves: over the elements, and from sample to sample."""
        if not value.size:
            return
        self._low, self._high = min(self._low, float(value.min())), max(self._high, float(value.max()))
        self._reference_low = min(self._reference_low, float(expected.min()))
        self._reference_high = max(self._reference_high, float(expected.max()))
        if self._first is None:
            self._first = (expected.copy(), value.copy())
            return
        self._same_for_all = self._same_for_all and bool(np.array_equal(value, self._first[1]))
        if expected.shape != self._first[0].shape:  # behind a tail, as many rows as there are detections
            return
        self._drift = max(self._drift, _largest(expected - self._first[0]))

    def result(self, samples: int) -> OutputParity:
        """The figures over all samples."""
        norm = math.sqrt(self._signal) * math.sqrt(self._energy)
        fault = self._fault()
        return OutputParity(
            name=compared_name(self.port),
            source=self.port.source_name,
            sqnr_db=-MOST_DB if fault else None if self._labels else ratio_db(self._signal, self._noise),
            by_sample=self._by_sample(),
            exact=self._noise == 0.0 and not fault,
            cosine=self._product / norm if norm and math.isfinite(norm) and not self._labels else None,
            max_error=self._max_error,
            peak=self._peak,
            span=self._span.span(),
            reached=self._reached.span(),
            step=self._step,
            argmax_agreement=self._agreed / samples if self._is_class_vector() else None,
            equal=self._equal / self._elements if self._labels and self._elements else None,
            dead="" if fault else self._dead(samples),
            fault=fault,
            starved=self._columns.starved(self._step) if self._step else "",
            not_finite=self._not_finite,
        )

    def _by_sample(self) -> SampleRatios:
        ratios, signals = zip(*self._ratios, strict=True)
        return SampleRatios(ratios, signals, of_noise=self._labels)

    def _is_class_vector(self) -> bool:
        return not self._labels and _is_class_vector(self.port.source_shape)

    def _fault(self) -> str:
        """What no ratio can tell: values that are none, and noise where the source is silent."""
        if self._lost:
            values = "value that is" if self._lost == 1 else "values that are"
            return f"it has {self._lost} {values} NaN or infinite where the source's are finite"
        least = _SILENT if self.port.quantization is None else _SILENT_STEPS * self._step
        if self._signal == 0.0 and self._max_error > least and not self._labels:
            return f"it is up to {self._max_error:g} away from zero, where the source is zero throughout"
        return ""

    def _dead(self, samples: int) -> str:
        """An output is dead when it stands still where the reference moves by steps that it could express.

        Labels may well stand still for few samples: theirs is dead when most of them are wrong besides.
        """
        if self._labels and self._equal >= _MOSTLY * self._elements:
            return ""
        least = _LIVE_STEPS * self._step
        if self._low == self._high and self._reference_high - self._reference_low > least:
            source = f"the source varies from {self._reference_low:g} to {self._reference_high:g}"
            return f"it is {self._low:g} everywhere, where {source}"
        if samples > 1 and self._same_for_all and self._drift > least:
            return f"it is the same for all {samples} samples, where the source differs by up to {self._drift:g}"
        return ""


def _is_class_vector(shape: tuple[int, ...]) -> bool:
    """[1, C], or [1, C] with further axes of one, C at least 2: what an argmax makes sense of."""
    extents = [extent for extent in shape if extent != 1]
    return len(shape) >= 2 and shape[0] == 1 and len(extents) == 1


def _dot(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    return float(np.dot(a.ravel(), b.ravel()))


def _largest(values: npt.NDArray[np.float64]) -> float:
    return abs(max(float(values.max()), -float(values.min()))) if values.size else 0.0
