"""What a package folder holds beside its model, as it was found; rules judge it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlpuconv.files.regular import read_regular
from dlpuconv.formats.package_layout import Encoding, ReferenceOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    type Feed = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFile:
    """One file that should hold one array.

    Attributes:
        name: as the package gives it.
        path: where it is; None where it cannot be used.
        size: bytes.
        problem: why it cannot be used, to follow its name; empty where it can.
    """

    name: str
    path: Path | None = None
    size: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationList:
    """The calibration files of one input.

    Attributes:
        input: name in the model.
        shape: in the model.
        encoding: of the files' numbers.
        list: the file that names them; empty where the package has none for this input.
        files: in the list's order.
        problem: why the list cannot be used, to follow its name; empty where it can.
    """

    input: str
    shape: tuple[int, ...]
    encoding: Encoding
    list: str = ""
    files: tuple[SampleFile, ...] = ()
    problem: str = ""

    @property
    def sample_bytes(self) -> int:
        """What each file must hold; 0 where the shape is not static."""
        return _bytes(self.shape, self.encoding)

    @property
    def usable(self) -> tuple[SampleFile, ...]:
        """Files that hold one sample each."""
        return tuple(file for file in self.files if _holds(file, self.shape, self.encoding))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One inference in `reference/`: files by name of the input or output."""

    inputs: dict[str, SampleFile]
    outputs: dict[str, SampleFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """A package folder.

    Attributes:
        lists: one for each input of the model, in its order.
        pictures: files in `representative_images/`.
        faults: files that are not what hashes and manifest say, each with what is wrong.
        inferences: in `reference/`.
        output_shapes: of the model, by name.
        origin: of the inputs in `reference/`, as the record says; None where it does not.
        manifest: what the manifest says, as it says it; empty where there is none.
    """

    lists: tuple[CalibrationList, ...] = ()
    pictures: int = 0
    faults: tuple[tuple[str, str], ...] = ()
    inferences: tuple[Inference, ...] = field(default=(), repr=False)
    output_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    origin: ReferenceOrigin | None = None
    manifest: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def samples(self) -> int:
        """How many samples there are for calibration; pictures count where no list names any."""
        listed = [entry for entry in self.lists if entry.list]
        return min(len(entry.files) for entry in listed) if listed else self.pictures

    @property
    def calibrated(self) -> bool:
        """Whether what it ships is data of the user's: for calibration, or at least for comparisons."""
        return any(entry.list for entry in self.lists) or self.origin in (
            ReferenceOrigin.CALIBRATION,
            ReferenceOrigin.VALIDATION,
        )

    def feeds(self, most: int) -> Iterator[Feed]:
        """Inputs of the model by name, as the files hold them: calibration files, else those in `reference/`.

        At most so many, evenly spread; nothing where a file is missing or has another size.
        """
        if self.lists and all(entry.list and len(entry.usable) == len(entry.files) for entry in self.lists):
            count = self.samples
            rows = range(count) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]
            yield from (
                {entry.input: _read(entry.files[row], entry.shape, entry.encoding) for entry in self.lists}
                for row in rows
            )
        else:
            yield from (feed for feed, _ in self.recorded())

    def recorded(self) -> Iterator[tuple[Feed, Feed]]:
        """Inputs and outputs of each complete inference in `reference/`, by name."""
        for inference in self.inferences:
            feed = {
                entry.input: _read(inference.inputs[entry.input], entry.shape, entry.encoding)
                for entry in self.lists
                if _holds(inference.inputs.get(entry.input), entry.shape, entry.encoding)
            }
            answers = {
                name: _read(inference.outputs[name], shape, Encoding.FLOAT32)
                for name, shape in self.output_shapes.items()
                if _holds(inference.outputs.get(name), shape, Encoding.FLOAT32)
            }
            if len(feed) == len(self.lists) and answers.keys() == self.output_shapes.keys():
                yield feed, answers


def _bytes(shape: tuple[int, ...], encoding: Encoding) -> int:
    return math.prod((encoding.itemsize, *(max(extent, 0) for extent in shape)))


def _holds(file: SampleFile | None, shape: tuple[int, ...], encoding: Encoding) -> bool:
    """Whether a file holds one array; one without numbers is none."""
    return file is not None and file.path is not None and file.size == _bytes(shape, encoding) > 0


def _read(file: SampleFile, shape: tuple[int, ...], encoding: Encoding) -> npt.NDArray[np.float32]:
    assert file.path is not None
    return encoding.from_bytes(read_regular(file.path), shape)
