"""Figures of layers as Model Explorer's node data: one quantity a file, by the name of the tensor that a layer makes.

Its form is plain JSON, that of `GraphNodeData` in the package `ai-edge-model-explorer`, which is not needed here.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.decibel import FAIR_DB, GOOD_DB, MOST_DB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.analysis.result import BlamedLayer
    from dlpuconv.jsonable import Json

    type Value = float | str

ALONE, SO_FAR, SPREAD, PLACEMENT, MACS = "error-alone", "error-so-far", "range-spread", "placement", "macs"
QUANTITIES = (ALONE, SO_FAR, SPREAD, PLACEMENT, MACS)
"""Every quantity that there may be, as the names of files have it."""
MARK = "dlpuconv: "
"""What the title of every overlay begins with: Model Explorer shows it, and our own files are told by it."""
GOOD, FAIR, POOR = "#bfe3cc", "#f6dd9f", "#f3b4ae"
"""Colours behind a layer's name, each light enough for dark text."""
_INK = "#16191d"
_EVEN, _UNEVEN = 3.0, 8.0
"""Times that the widest channel's weights are the median's: up to the first one scale serves all, see `causes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One quantity of a file's layers.

    Attributes:
        quantity: what it is, as its file is called.
        title: what it is, with its unit.
        values: by the name of a tensor that the layer makes; finite numbers, or words.
        colours: of words.
        bands: of numbers: the highest of each band with its colour, ascending.
        ramp: of numbers, instead of bands: the colour of the lowest and that of the highest.
    """

    quantity: str
    title: str
    values: Mapping[str, Value]
    colours: Mapping[str, str] = field(default_factory=dict)
    bands: tuple[tuple[float, str], ...] = ()
    ramp: tuple[str, str] | None = None

    def to_json(self) -> dict[str, Json]:
        """What Model Explorer reads; the title comes first."""
        told: dict[str, Json] = {"name": f"{MARK}{self.title}", "results": self._results()}
        if self.bands:
            told["thresholds"] = [{"value": most, "bgColor": colour, "textColor": _INK} for most, colour in self.bands]
        if self.ramp:
            low, high = self.ramp
            told["gradient"] = [{"stop": 0, "bgColor": low}, {"stop": 1, "bgColor": high}]
        return told

    def _results(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for name, value in self.values.items():
            colour = self.colours.get(value) if isinstance(value, str) else None
            found[name] = {"value": value, **({"bgColor": colour, "textColor": _INK} if colour else {})}
        return found


def overlays_of_blame(layers: Iterable[BlamedLayer]) -> tuple[Overlay, ...]:
    """What an analysis tells: the error alone and so far, and how far the ranges of weights differ."""
    errors = [layer.error for layer in layers]
    counts = Counter(error.names.tensor for error in errors)
    alone_in_name = [error for error in errors if counts[error.names.tensor] == 1]
    return made(
        error_alone({error.names.tensor: error.alone_db for error in alone_in_name}),
        error_so_far({error.names.tensor: error.accumulated_db for error in alone_in_name}),
        range_spread({error.names.tensor: error.facts.weight_imbalance for error in alone_in_name}),
    )


def made(*overlays: Overlay) -> tuple[Overlay, ...]:
    """The overlays that hold a value for at least one layer."""
    return tuple(overlay for overlay in overlays if overlay.values)


def error_alone(values: Mapping[str, float | None]) -> Overlay:
    """The outputs' signal to noise where a layer alone computes in integers."""
    return Overlay(
        quantity=ALONE,
        title="SQNR at the outputs if this layer alone is quantized, dB",
        values=_known(values, 2),
        bands=_DECIBELS,
    )


def error_so_far(values: Mapping[str, Value | None]) -> Overlay:
    """A layer's output beside the source's, with all that was lost before it; `exact` where nothing is."""
    return Overlay(
        quantity=SO_FAR,
        title="SQNR of the layer's output in the quantized network, dB",
        values=_known(values, 2),
        colours={EXACT: GOOD},
        bands=_DECIBELS,
    )


def range_spread(values: Mapping[str, float | None]) -> Overlay:
    """How far the ranges of weights differ between output channels."""
    return Overlay(
        quantity=SPREAD,
        title="range spread, widest over median channel of the weights",
        values=_known(values, 2),
        bands=((_EVEN, GOOD), (_UNEVEN, FAIR), (_MOST_SPREAD, POOR)),
    )


def placement(values: Mapping[str, str], colours: Mapping[str, str]) -> Overlay:
    """What runs a layer."""
    return Overlay(quantity=PLACEMENT, title="where the layer runs", values=dict(values), colours=colours)


def work(values: Mapping[str, int]) -> Overlay:
    """Multiply-accumulates of one inference."""
    known = {name: count for name, count in values.items() if count}
    return Overlay(quantity=MACS, title="MACs of one inference", values=known, ramp=("#ffffff", "#7fa8d6"))


EXACT = "exact"
_MOST_SPREAD = 1e9
_DECIBELS = ((FAIR_DB, POOR), (GOOD_DB, FAIR), (MOST_DB, GOOD))


def _known(values: Mapping[str, Value | None], digits: int) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in values.items():
        if isinstance(value, str):
            found[name] = value
        elif name and value is not None and math.isfinite(value):
            found[name] = round(value, digits)
    return found
