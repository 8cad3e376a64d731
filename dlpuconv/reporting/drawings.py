"""Charts as values: where each mark is, in the units of the drawing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A layer in a chart, in its units of drawing.

    Attributes:
        x: from the left.
        y: from the top.
        anchor: id of the layer's row.
        title: what a pointer or a screen reader is told.
    """

    x: float
    y: float
    anchor: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorChart:
    """Error by layer, drawn for one width of screen.

    Attributes:
        kind: `wide` or `narrow`.
        width: of the drawing.
        height: likewise.
        left: where the plot begins.
        right: where it ends.
        top: likewise.
        bottom: likewise.
        x_ticks: layers by number.
        y_ticks: decibels.
        line: SVG path through `so_far`.
        so_far: a layer's output in the integer network beside the source's.
        alone: the outputs where this layer alone computes in integers; empty where that was not measured.
        limit: where the ratio lies that the outputs must reach; None where it is off the chart.
        limit_text: what that is.
    """

    kind: str
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    line: str
    so_far: tuple[Dot, ...]
    alone: tuple[Dot, ...]
    limit: float | None
    limit_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often each code occurs, drawn.

    Attributes:
        title: of what.
        caption: what to see in it.
        path: SVG path of the area.
        ends: SVG path of the bars at both ends of the range where values pile up there; may be empty.
        zero: where the code of zero is; None where there is none.
        x_ticks: codes, and the real values that they stand for.
        x_label: what runs along the bottom.
        y_label: what runs up the side, with its unit.
    """

    title: str
    caption: str
    path: str
    ends: str
    zero: float | None
    x_ticks: tuple[Tick, ...]
    x_label: str
    y_label: str
