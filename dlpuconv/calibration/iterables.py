"""Anything that Python can iterate over, such as a torch DataLoader -> samples. It is read once."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from itertools import islice
from typing import TYPE_CHECKING

from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.matching import as_array, choose, fit, split
from dlpuconv.calibration.reading import Read, fill
from dlpuconv.calibration.stored import ArraySamples
from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlpuconv.calibration.matching import Array
    from dlpuconv.calibration.reading import Request
    from dlpuconv.calibration.spool import Record


def read_iterable(source: Iterable[object], request: Request) -> Read:
    """Samples or batches of samples, until the limit.

    An item is an array or tensor (models of one input), a mapping by input name, or a tuple or list whose first
    elements are the inputs in order, as DataLoaders yield `(x, label)`. What was read is kept: shuffling does no harm.

    Raises:
        CalibrationError: an item does not fit the model, or there are none.
    """
    linter = Linter(request.signature, request.preprocessing)
    spool = ArraySamples.spool_for(request.signature)
    records = _Records(source, request)
    fill(spool, islice(records, request.limit), linter, request, None)
    if not len(spool):
        raise CalibrationError(f"the calibration {type(source).__name__} yielded no samples")
    found = linter.warnings()
    if len(spool) == request.limit and not records.exhausted:
        found = (f"only the first {request.limit} samples of the {type(source).__name__} were read", *found)
    return Read(samples=ArraySamples(spool), warnings=found)


class _Records:
    def __init__(self, source: Iterable[object], request: Request) -> None:
        self._source, self._request = source, request
        self._total = len(source) if isinstance(source, Sized) else None
        self.exhausted = False

    def __iter__(self) -> Iterator[tuple[str, Record]]:
        signature = self._request.signature
        for number, item in enumerate(self._source):
            origin = f"item {number} of the calibration data"
            samples = split(signature, self._arrays(item, origin), origin)
            for row, sample in enumerate(samples):
                label = origin if len(samples) == 1 else f"sample {row} in {origin}"
                last = number + 1 == self._total and row + 1 == len(samples)
                self.exhausted = self.exhausted or last
                yield label, {spec.name: fit(spec, sample[spec.name], label) for spec in signature.inputs}
        self.exhausted = True

    def _arrays(self, item: object, origin: str) -> dict[str, Array]:
        inputs = self._request.signature.inputs
        if isinstance(item, Mapping):
            chosen = choose(self._request.signature, item, origin)
            return {name: as_array(item[key], f"{origin}, {key!r},") for name, key in chosen.items()}
        if isinstance(item, (tuple, list)) and _holds_arrays(item):
            if len(item) < len(inputs):
                raise CalibrationError(
                    f"{origin} has {len(item)} elements, but the model takes {len(inputs)} inputs: "
                    f"{', '.join(repr(spec.name) for spec in inputs)}"
                )
            # What follows the inputs are labels.
            pairs = zip(inputs, item, strict=False)
            return {spec.name: as_array(element, f"{origin}, {spec.name!r},") for spec, element in pairs}
        if len(inputs) != 1:
            raise CalibrationError(
                f"{origin} is one array, but the model takes {len(inputs)} inputs: give mappings with the keys "
                f"{', '.join(repr(spec.name) for spec in inputs)}"
            )
        return {inputs[0].name: as_array(item, origin)}


def _holds_arrays(item: tuple[object, ...] | list[object]) -> bool:
    """True for `(x, label)`; nested lists of numbers are one array."""
    return bool(item) and (hasattr(item[0], "shape") or isinstance(item, tuple))
