"""What comes of dividing a network: the parts, and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A part of the network that the camera's CPU runs.

    Attributes:
        model: ONNX in float32, weights inside, extracted from the source; outputs may be dynamic. Inputs and outputs
            carry the source's value names.
        reads: its inputs: inputs of the source, outputs of the front, or values at the cut.
        gives: its outputs.
        operators: for messages, `Op 'name'`, in running order.
        macs: multiply-accumulates of one inference, with one of whatever only a run tells the number of.
        uncounted: some of them are for each of whatever only a run tells the number of, such as detections.
    """

    model: onnx.ModelProto = field(repr=False)
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    operators: tuple[str, ...] = field(default=(), repr=False)
    macs: int = 0
    uncounted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A network in up to three parts.

    The chip's own is a model like any other: its inputs are `entry`, its outputs `cut`.

    Attributes:
        inputs: names of the source network's inputs.
        outputs: of its outputs, in order; each is made by the tail or the front, or is one of `cut`, or of
            `inputs`, unchanged.
        front: what runs on the CPU before the chip; None where the source's inputs go into the chip.
        tail: what runs on the CPU behind it; None where the chip gives the source's outputs.
        entry: names of the values that the chip's part reads: inputs of the source or outputs of the front.
        cut: names of the values that it gives, in order.
        reasons: why there is a rest: the refused operators, in the words of the refusal.
        refused: source values that those operators make.
        macs: of the whole network, likewise.
        macs_on_chip: of the chip's part.
        entering: bytes that cross from the front to the chip in one inference, in the file's own types.
        crossing: bytes that cross from the chip to the CPU in one inference, in the file's own types.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    front: Rest | None = None
    tail: Rest | None = None
    entry: tuple[str, ...]
    cut: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    macs: int = 0
    macs_on_chip: int = 0
    entering: int = 0
    crossing: int = 0

    @property
    def rests(self) -> dict[str, Rest]:
        """The parts that the CPU runs, in running order, by what their files are called."""
        return {name: rest for name, rest in (("front", self.front), ("tail", self.tail)) if rest is not None}

    @property
    def computed(self) -> frozenset[str]:
        """Inputs of the chip's part that the front computes: nobody feeds them from outside."""
        return frozenset(self.entry) - frozenset(self.inputs)

    @property
    def share(self) -> float:
        """Share of the network's multiply-accumulates that the chip runs, 0 to 1; 1 where there are none."""
        return self.macs_on_chip / self.macs if self.macs else 1.0

    def to_json(self) -> dict[str, Json]:
        """For `--json`: what would become of a network that does not fit the chip as a whole."""
        parts: dict[str, Json] = {
            part: {
                "operators": list(rest.operators),
                "reads": list(rest.reads),
                "gives": list(rest.gives),
                "macs": rest.macs,
                "uncounted": rest.uncounted,
            }
            for part, rest in self.rests.items()
        }
        return {
            **parts,
            "cut": list(self.cut),
            "reasons": list(self.reasons),
            "share_of_macs_on_chip": self.share,
            "entering_bytes": self.entering,
            "crossing_bytes": self.crossing,
        }
