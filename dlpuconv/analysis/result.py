"""Layers in the order of blame, with causes, under the names that users know."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, override

from dlpuconv.analysis.causes import cause_of
from dlpuconv.verification.advice import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.analysis.overlay import Overlay
    from dlpuconv.division.division import Division
    from dlpuconv.jsonable import Json
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.blame.result import LayerError
    from dlpuconv.verification.advice import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class BlamedLayer:
    """A layer, what it costs and why.

    Attributes:
        error: as measured.
        cause: id of the likely cause.
        explanation: the cause in a sentence, with numbers.
        advice: a flag or a change of the model that helps; may be empty.
    """

    error: LayerError
    cause: str
    explanation: str
    advice: str

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        error = self.error
        facts: dict[str, Json] = {key: _rounded(value) for key, value in asdict(error.facts).items()}
        return {
            **error.names.to_json(),
            "values": list(error.names.values),
            "op": error.op,
            "alone_db": _rounded(error.alone_db),
            "own_db": _rounded(error.own_db),
            "accumulated_db": _rounded(error.accumulated_db),
            "weights_share": _rounded(error.weights_share),
            "cause": self.cause,
            "explanation": self.explanation,
            "advice": self.advice,
            "facts": facts,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What `dlpuconv.analyze` returns.

    Attributes:
        target: name of the chip.
        recipe: that the network was quantized with.
        layers: the worst alone first.
        total_db: signal-to-noise ratio of the quantized network's outputs on the same samples.
        samples: how many were looked at.
        division: of which part of the network this is; None for all of it.
    """

    target: str
    recipe: Recipe
    layers: tuple[BlamedLayer, ...]
    total_db: float
    samples: int
    division: Division | None = None

    @override
    def __repr__(self) -> str:
        return f"<Analysis for {self.target}: {len(self.layers)} layers, {self.total_db:.1f} dB together>"

    def _repr_html_(self) -> str:
        from dlpuconv.analysis.blame_text import analysis_table
        from dlpuconv.display.notebook import as_html
        from dlpuconv.language.printable import printable

        return as_html(analysis_table(printable(self), top=0))

    def overlays(self) -> tuple[Overlay, ...]:
        """What is known of each layer, as node data for Model Explorer: `to_json` gives what it reads."""
        from dlpuconv.analysis.overlay import overlays_of_blame

        return overlays_of_blame(self.layers)

    def to_json(self) -> dict[str, Json]:
        """What `--json` prints."""
        return {
            "target": self.target,
            "recipe": self.recipe.to_json(),
            "samples": self.samples,
            "total_db": _rounded(self.total_db),
            "layers": [layer.to_json() for layer in self.layers],
            **({"division": self.division.to_json()} if self.division else {}),
        }


def judge_layers(errors: Sequence[LayerError], known: Settings = UNKNOWN) -> tuple[BlamedLayer, ...]:
    """Name the causes of every layer's error, and put the layers in order: the least `alone_db` first.

    Args:
        errors: of every layer.
        known: the options that the network was quantized with.
    """
    return tuple(_judged(error, known) for error in sorted(errors, key=_order))


def _judged(error: LayerError, known: Settings) -> BlamedLayer:
    cause = cause_of(error)
    return BlamedLayer(
        error=error,
        cause=cause.id,
        explanation=cause.explain(error),
        advice=cause.advise(error, known),
    )


def _order(error: LayerError) -> float:
    return float("inf") if error.alone_db is None else error.alone_db


def _rounded(value: object) -> Json:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value if isinstance(value, bool | int | str) else None
