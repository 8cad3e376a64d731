"""What a training project has at hand -> samples: a DataLoader, a dataset, a list, a generator. It is read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import count, islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dlpuconv.calibration.intake import Read, evenly, fill, skipped
from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.matching import as_array, choose, fit, shape_of_value, split
from dlpuconv.calibration.stored import ArraySamples
from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.calibration.intake import SampleRequest
    from dlpuconv.calibration.matching import Array
    from dlpuconv.calibration.spool import Record


@runtime_checkable
class Dataset(Protocol):
    """Samples by number from 0 on, as torch's map-style datasets give them."""

    def __getitem__(self, number: int, /) -> object:
        """One sample, or one batch.

        Raises:
            IndexError: there is none; where there is a `__len__`, it is not asked for more.
        """
        ...


def read_iterable(source: Iterable[object] | Dataset, request: SampleRequest) -> Read:
    """Samples or batches of samples, until the limit.

    An item is an array or tensor (models of one input), a mapping by input name, or a tuple or list whose first
    elements are the inputs in order, as DataLoaders yield `(x, label)`. In a mapping, as `{"image": x, "label": y}`,
    what has another name feeds an input where nothing else has that input's shape. What was read is kept: shuffling
    does no harm. Where items can be had by number, and there are too many, they are spread evenly.

    Raises:
        CalibrationError: an item does not fit the model, or there are none.
        Exception: whatever the source's own code raises, with a note on where.
    """
    linter = Linter(request.signature, request.preprocessing, calibrates=request.calibrates)
    spool = ArraySamples.spool_for(request.signature)
    noun = type(source).__name__
    total = length_of(source)
    numbers = evenly(total, request.limit) if total is not None and _is_by_number(source) else None
    items = iter(source) if numbers is None else (source[number] for number in numbers)  # type: ignore[index]
    records = _Records(_numbered(count() if numbers is None else numbers, items), total, request)
    fill(spool, islice(records, request.limit), linter, request, None if numbers is None else len(numbers))
    if not len(spool):
        raise CalibrationError(f"the calibration {noun} yielded no samples", id="calibration-no-samples")
    found = (*records.notes, *linter.warnings())
    if numbers is not None and total is not None:
        found = (*skipped(total, len(numbers)), *found)
    elif len(spool) == request.limit and not records.exhausted:
        found = (f"only the first {request.limit} samples of the {noun} were read", *found)
    return Read(samples=ArraySamples(spool), warnings=found)


def length_of(source: object) -> int | None:
    """How many items there are, where the source knows.

    A DataLoader over a dataset that is a stream has a `__len__` that raises.
    """
    try:
        return len(source) if isinstance(source, Sized) else None
    except Exception:  # noqa: BLE001 - the user's own code; what it would have said is not needed
        return None


def _is_by_number(source: object) -> bool:
    return isinstance(source, Sequence) or not isinstance(source, Iterable)


def _numbered(numbers: Iterable[int], items: Iterator[object]) -> Iterator[tuple[int, object]]:
    """Items with their numbers; what the source's own code raises leaves as it is, with a note on where."""
    for number in numbers:
        try:
            item = next(items)
        except StopIteration:
            return
        except Exception as error:
            error.add_note(f"raised by the calibration data's own code, at item {number}")
            raise
        yield number, item


class _Records:
    """Samples with their labels.

    Attributes:
        exhausted: whether the last one that was taken is the last one there is, as far as the source tells.
        notes: on which arrays were chosen.
    """

    def __init__(self, items: Iterator[tuple[int, object]], total: int | None, request: SampleRequest) -> None:
        self._items, self._total, self._request = items, total, request
        self.exhausted = False
        self.notes: dict[str, None] = {}

    def __iter__(self) -> Iterator[tuple[str, Record]]:
        signature = self._request.signature
        for number, item in self._items:
            origin = f"item {number} of the calibration data"
            samples = split(signature, self._arrays(item, origin), origin)
            for row, sample in enumerate(samples):
                label = origin if len(samples) == 1 else f"sample {row} in {origin}"
                self.exhausted = number + 1 == self._total and row + 1 == len(samples)
                yield label, {spec.name: fit(spec, sample[spec.name], label) for spec in signature.inputs}
        self.exhausted = True

    def _arrays(self, item: object, origin: str) -> dict[str, Array]:
        inputs = self._request.signature.inputs
        if isinstance(item, Mapping):
            chosen = choose(self._request.signature, item, lambda key: shape_of_value(item[key]), origin)
            self.notes |= dict.fromkeys(chosen.notes)
            return {name: as_array(item[key], f"{origin}, {key!r},") for name, key in chosen.keys.items()}
        if isinstance(item, (tuple, list)) and item and isinstance(item[0], Mapping):
            return self._arrays(item[0], origin)  # ({name: array}, label)
        if isinstance(item, (tuple, list)) and _holds_arrays(item):
            if len(item) < len(inputs):
                raise CalibrationError(
                    f"{origin} has {len(item)} elements, but the model takes {len(inputs)} inputs: "
                    f"{', '.join(repr(spec.name) for spec in inputs)}",
                    id="calibration-input-missing",
                )
            # What follows the inputs are labels.
            pairs = zip(inputs, item, strict=False)
            return {spec.name: as_array(element, f"{origin}, {spec.name!r},") for spec, element in pairs}
        if len(inputs) != 1:
            raise CalibrationError(
                f"{origin} is one array, but the model takes {len(inputs)} inputs: give mappings with the keys "
                f"{', '.join(repr(spec.name) for spec in inputs)}",
                id="calibration-inputs-unnamed",
            )
        return {inputs[0].name: as_array(item, origin)}


def _holds_arrays(item: tuple[object, ...] | list[object]) -> bool:
    """True for `(x, label)`; nested lists of numbers are one array."""
    return bool(item) and (hasattr(item[0], "shape") or isinstance(item, tuple))
