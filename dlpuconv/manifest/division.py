"""How a network was divided, in its manifest: the files for the camera's CPU, and what goes from where to where.

All parts carry the source model's value names. What a name is in the artifact (its name there, type, scale, zero point,
order of axes) is told once, by the port of that name in `inputs` and `outputs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from dlpuconv.manifest.fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.jsonable import Json
    from dlpuconv.manifest.fields import Fields

_MOST = 1 << 62


class Maker(StrEnum):
    """What gives a value."""

    SOURCE = "source"
    """Whoever feeds the network: an input of the source model."""
    FRONT = "front"
    CHIP = "chip"
    TAIL = "tail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A value that a part takes, or that the whole network gives.

    Attributes:
        name: in the source model.
        maker: where it comes from.
    """

    name: str
    maker: Maker

    def to_json(self) -> dict[str, Json]:
        """An entry of `reads`, `entry` or `outputs`."""
        return {"name": self.name, "from": self.maker.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRecord:
    """A part that the camera's CPU runs.

    Attributes:
        file: its ONNX file, beside the artifact or in its folder.
        native: the same in float32 as a file that the chip's own runtime takes, with the same inputs and outputs; empty
            where there is none.
        reads: its inputs, in the file's order.
        gives: names of its outputs, likewise.
        operators: what it is made of.
        macs: of one inference.
        uncounted: some of them are for each of whatever only a run tells the number of, such as detections.
    """

    file: str
    native: str = ""
    reads: tuple[Wire, ...]
    gives: tuple[str, ...]
    operators: tuple[str, ...] = ()
    macs: int = 0
    uncounted: bool = False

    def to_json(self) -> dict[str, Json]:
        """`front` or `tail`."""
        return {
            "file": self.file,
            "native": self.native or None,
            "reads": [wire.to_json() for wire in self.reads],
            "gives": list(self.gives),
            "operators": list(self.operators),
            "macs": self.macs,
            "uncounted": self.uncounted,
        }

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """The same.

        Raises:
            FieldError: a field of it cannot be.
        """
        return cls(
            file=_file(entry, "file"),
            native=_file(entry, "native") if entry.has("native") else "",
            reads=_wires(entry, "reads"),
            gives=_names(entry, "gives"),
            operators=entry.texts("operators"),
            macs=entry.integer("macs", 0, _MOST),
            uncounted=entry.flag("uncounted"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DivisionRecord:
    """A network in up to three parts; see `division.Division`.

    Attributes:
        inputs: of the source model.
        outputs: of the source model, in its order.
        front: what runs on the CPU before the chip.
        tail: what runs there behind it.
        entry: what the artifact reads.
        cut: what the artifact gives.
        reasons: why there is a rest.
        macs: of the whole network.
        macs_on_chip: of the artifact's part.
        entering: bytes that cross from the front to the chip in one inference.
        crossing: bytes that cross from the chip to the CPU in one inference.
    """

    inputs: tuple[str, ...]
    outputs: tuple[Wire, ...]
    front: RestRecord | None = None
    tail: RestRecord | None = None
    entry: tuple[Wire, ...]
    cut: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    macs: int = 0
    macs_on_chip: int = 0
    entering: int = 0
    crossing: int = 0

    @property
    def computed(self) -> frozenset[str]:
        """Inputs of the artifact that the front computes."""
        return frozenset(wire.name for wire in self.entry if wire.maker is Maker.FRONT)

    @property
    def rests(self) -> dict[str, RestRecord]:
        """The parts that the CPU runs, in running order, by name."""
        return {name: rest for name, rest in (("front", self.front), ("tail", self.tail)) if rest is not None}

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of its parts that the CPU runs."""
        return tuple(name for rest in self.rests.values() for name in (rest.file, rest.native) if name)

    def to_json(self) -> dict[str, Json]:
        """`division`."""
        return {
            "inputs": list(self.inputs),
            "front": self.front.to_json() if self.front else None,
            "entry": [wire.to_json() for wire in self.entry],
            "cut": list(self.cut),
            "tail": self.tail.to_json() if self.tail else None,
            "outputs": [wire.to_json() for wire in self.outputs],
            "reasons": list(self.reasons),
            "macs": self.macs,
            "macs_on_chip": self.macs_on_chip,
            "entering_bytes": self.entering,
            "crossing_bytes": self.crossing,
        }

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """The same; whatever a part takes is given by one that runs before it.

        Raises:
            FieldError: a field of it cannot be, or a value comes from where nothing gives it.
        """
        found = cls(
            inputs=_names(entry, "inputs"),
            outputs=_wires(entry, "outputs"),
            front=RestRecord.parse(entry.inside("front")) if entry.has("front") else None,
            tail=RestRecord.parse(entry.inside("tail")) if entry.has("tail") else None,
            entry=_wires(entry, "entry"),
            cut=_names(entry, "cut"),
            reasons=entry.texts("reasons"),
            macs=entry.integer("macs", 0, _MOST),
            macs_on_chip=entry.integer("macs_on_chip", 0, _MOST),
            entering=entry.integer("entering_bytes", 0, _MOST),
            crossing=entry.integer("crossing_bytes", 0, _MOST),
        )
        _demand_connected(found, entry.place)
        return found


def _demand_connected(record: DivisionRecord, place: str) -> None:
    given: dict[Maker, Sequence[str]] = {Maker.SOURCE: record.inputs}
    front, tail = record.front, record.tail
    steps = (
        ("front.reads", front.reads if front else (), Maker.FRONT, front.gives if front else ()),
        ("entry", record.entry, Maker.CHIP, record.cut),
        ("tail.reads", tail.reads if tail else (), Maker.TAIL, tail.gives if tail else ()),
        ("outputs", record.outputs, None, ()),
    )
    for field, wires, maker, gives in steps:
        for wire in wires:
            if wire.name not in given.get(wire.maker, ()):
                raise FieldError(f"{place}{field} takes {wire.name!r} from the {wire.maker}, which does not give it")
        if maker is not None:
            given[maker] = gives


def _wires(entry: Fields, name: str) -> tuple[Wire, ...]:
    return tuple(Wire(name=each.text("name"), maker=each.word("from", Maker)) for each in entry.each(name))


def _names(entry: Fields, name: str) -> tuple[str, ...]:
    """Texts, of which none is there twice."""
    found = entry.texts(name)
    if len(set(found)) < len(found):
        raise FieldError(f"{entry.place}{name} holds a name twice")
    return found


def _file(entry: Fields, name: str) -> str:
    """The name of a file beside the manifest: no path, which could lead anywhere."""
    found = entry.text(name)
    if not found or found in (".", "..") or any(character in found for character in "/\\\0"):
        raise FieldError(f"{entry.place}{name} is not the name of a file: {found!r}")
    return found
