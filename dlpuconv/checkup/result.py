"""The result of a check, as values: printed in the terminal, written as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, override

from dlpuconv.jsonable import plain

if TYPE_CHECKING:
    from dlpuconv.checkup.explanation import Explanation
    from dlpuconv.division.division import Division
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.jsonable import Json
    from dlpuconv.placement import Forecast, LayerPlacement
    from dlpuconv.verification.rule import Finding


class CheckOutcome(StrEnum):
    """Whether there is a way onto the chip."""

    RUNS = "runs"
    """It can be converted, and no rule of the chip that layers and shapes decide stands against it."""
    FAILS = "fails"
    """It can be converted, but the chip does not run such a file."""
    UNSUPPORTED = "unsupported"
    """The model cannot be converted for this chip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLayer:
    """One layer of the file that a conversion would make.

    Attributes:
        placement: where it would run, with its MACs and parameters.
        names: of it.
        shape: of its (first) output, in the file's layout.
        advice: what rules say of it, each `ID: what was found`.
    """

    placement: LayerPlacement
    names: LayerNames
    shape: tuple[int, ...]
    advice: tuple[str, ...] = ()

    @property
    def added(self) -> bool:
        """True for one that the conversion adds: nothing in the source model is known to stand for it."""
        return not (self.names.nodes or self.names.values)

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {**plain(self.placement), **plain(self.names), "shape": plain(self.shape), "advice": plain(self.advice)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A layer that a suggestion is about.

    Attributes:
        layer: the name that it is shown under; empty for the whole network.
        label: the same, with the module that it is in where that does not tell.
        node: its name in the source model; empty where there is none.
        detail: what was found there.
        macs: of the layer.
    """

    layer: str
    label: str
    node: str
    detail: str
    macs: int

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {"layer": self.layer, "node": self.node or None, "detail": self.detail, "macs": self.macs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Something that would make the network run better, with every layer that it is about.

    Attributes:
        rule: id of the chip's rule.
        sentence: what the chip prefers.
        advice: what to do about it; may be empty.
        to_accelerator: True where it brings layers from the CPU to the accelerator.
        places: most MACs first.
    """

    rule: str
    sentence: str
    advice: str
    to_accelerator: bool
    places: tuple[Place, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all its layers."""
        return sum(place.macs for place in self.places)

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {
            "rule": self.rule,
            "sentence": self.sentence,
            "advice": self.advice,
            "to_accelerator": self.to_accelerator,
            "macs": self.macs,
            "places": [place.to_json() for place in self.places],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What `dlpuconv.check` returns for one chip.

    Attributes:
        target: name of the chip.
        outcome: whether there is a way onto it.
        problems: why not, a sentence each; every construct that cannot be converted is named in them.
        placement: None where nothing is known of it, or where there is no conversion.
        layers: of the file that a conversion would make, in execution order.
        suggestions: what would help: first what the network has to be fed, then what brings work to the accelerator,
            then most MACs first.
        failures: the broken rules behind `problems`.
        warnings: what else the user should know.
        status: exit status that says the same: 0, 1 for a file that the chip would not run, or the error's own.
        explanation: how the model was rewritten, where that was asked for; the same for every chip.
        division: how it would be divided between the chip and the camera's CPU; None where the chip gets all of it.
        of_backend: what the chip's backend rewrote besides, likewise; the same for every chip of a backend.
    """

    target: str
    outcome: CheckOutcome
    problems: tuple[str, ...] = ()
    placement: Forecast | None = None
    layers: tuple[CheckedLayer, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    failures: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    status: int = 0
    explanation: Explanation | None = None
    division: Division | None = None
    of_backend: Explanation | None = None

    @override
    def __repr__(self) -> str:
        return f"<Checkup for {self.target}: {self.outcome}, {len(self.layers)} layers>"

    def _repr_html_(self) -> str:
        from dlpuconv.checkup.check_text import checkup_text
        from dlpuconv.checkup.explanation_text import explanations_text
        from dlpuconv.display.notebook import as_html
        from dlpuconv.language.printable import printable

        told = printable(self)
        return as_html((*checkup_text(told, top=0), *explanations_text((told,), top=0)))

    def to_json(self) -> dict[str, Json]:
        """What `--json` prints for this chip."""
        found = self.placement.to_json() if self.placement else None
        if found is not None:
            del found["layers"]  # they are below, with what is known of them beside
        return {
            "target": self.target,
            "outcome": self.outcome.value,
            "status": self.status,
            "problems": list(self.problems),
            "placement": found,
            "suggestions": [suggestion.to_json() for suggestion in self.suggestions],
            "warnings": list(self.warnings),
            "layers": [layer.to_json() for layer in self.layers],
            **({"division": self.division.to_json()} if self.division else {}),
            **({"explanation": self.explanation.to_json()} if self.explanation else {}),
            **({"explanation_of_backend": self.of_backend.to_json()} if self.of_backend else {}),
        }
