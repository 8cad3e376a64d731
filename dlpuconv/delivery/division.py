"""What an artifact's manifest says of a division, and the files that it speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.division.files import content_of
from dlpuconv.division.words import told_of_rest
from dlpuconv.manifest import DivisionRecord, Maker, RestRecord, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.division.division import Division, Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DividedNetwork:
    """The parts of a network beside one artifact, which is the chip's.

    Attributes:
        division: which parts.
        stem: what the names of their files begin with, such as `model.artpec8.`; empty in a package.
        native: those that the chip's own runtime runs on a CPU, as its files, by the part's name.
        suffix: of such files.
    """

    division: Division
    stem: str
    native: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    suffix: str = ""

    @property
    def files(self) -> dict[str, bytes]:
        """By the names that they are delivered under."""
        onnx = {self._named(part): content_of(rest) for part, rest in self.division.rests.items()}
        return onnx | {self._named(part, self.suffix): content for part, content in self.native.items()}

    @property
    def told(self) -> tuple[str, ...]:
        """One line for each part: what runs on the CPU, how much that is, and in which file it is."""
        return tuple(
            f"{told_of_rest(self.division, part, rest)} - {self._named(part)}"
            for part, rest in self.division.rests.items()
        )

    @property
    def record(self) -> DivisionRecord:
        """For the manifest."""
        division = self.division
        given: dict[Maker, Sequence[str]] = {Maker.SOURCE: division.inputs}
        front = self._rest("front", division.front, given)
        given[Maker.FRONT] = front.gives if front else ()
        entry = _wires(division.entry, given)
        given[Maker.CHIP] = division.cut
        tail = self._rest("tail", division.tail, given)
        given[Maker.TAIL] = tail.gives if tail else ()
        return DivisionRecord(
            inputs=division.inputs,
            outputs=_wires(division.outputs, given),
            front=front,
            tail=tail,
            entry=entry,
            cut=division.cut,
            reasons=division.reasons,
            macs=division.macs,
            macs_on_chip=division.macs_on_chip,
            entering=division.entering,
            crossing=division.crossing,
        )

    def _rest(self, part: str, rest: Rest | None, given: Mapping[Maker, Sequence[str]]) -> RestRecord | None:
        if rest is None:
            return None
        return RestRecord(
            file=self._named(part),
            native=self._named(part, self.suffix) if part in self.native else "",
            reads=_wires(rest.reads, given),
            gives=rest.gives,
            operators=rest.operators,
            macs=rest.macs,
            uncounted=rest.uncounted,
        )

    def _named(self, part: str, suffix: str = ".onnx") -> str:
        return f"{self.stem}{part}{suffix}"


def _wires(names: Sequence[str], given: Mapping[Maker, Sequence[str]]) -> tuple[Wire, ...]:
    """Where each value comes from: the last part that gives it."""
    return tuple(
        Wire(name=name, maker=next(maker for maker, gives in reversed([*given.items()]) if name in gives))
        for name in names
    )
