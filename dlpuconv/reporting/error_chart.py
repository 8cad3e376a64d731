"""Error by layer as a chart: every layer a dot that leads to its row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.reporting.drawings import Dot, ErrorChart, Tick
from dlpuconv.reporting.layer_table import anchor, blame_of, parity_of
from dlpuconv.reporting.wording import MINUS, decibels, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.reporting.material import Material

_TOP_DB = 60.0
"""Everything above is as good as perfect, and drawn at the top, unless all is."""
_STEPS_DB, _MOST_STEPS = (10.0, 20.0, 50.0), 8
_LOWEST_DB = -30.0
_FEWEST_DOTS = 2


@dataclass(frozen=True, slots=True)
class _Frame:
    """A size of drawing: kind, width, height, and how many marks the x axis has room for."""

    kind: str
    width: int
    height: int
    marks: int
    left: int = 44
    right: int = 12
    top: int = 14
    bottom: int = 40


_FRAMES = (_Frame("wide", 1080, 320, 12), _Frame("narrow", 360, 260, 4))


@dataclass(frozen=True, slots=True)
class _Point:
    index: int
    db: float
    title: str


def error_charts(material: Material) -> tuple[ErrorChart, ...]:
    """The same chart for wide and for narrow screens; none where too little was measured."""
    so_far, alone = _so_far(material), _alone(material)
    if len(so_far) + len(alone) < _FEWEST_DOTS:
        return ()
    return tuple(_draw(frame, so_far, alone, len(material.view.layers), material.asked_db) for frame in _FRAMES)


def _so_far(material: Material) -> list[_Point]:
    return [
        _Point(
            index, layer.sqnr_db, f"#{index} {layer.op} {short(layer.names.title)}: {decibels(layer.sqnr_db)} dB so far"
        )
        for index, layer in sorted(parity_of(material).items())
        if layer.sqnr_db is not None
    ]


def _alone(material: Material) -> list[_Point]:
    return [
        _Point(index, db, f"#{index} {blamed.error.op} {short(blamed.error.names.title)}: {decibels(db)} dB alone")
        for index, blamed in sorted(blame_of(material).items())
        if (db := blamed.error.alone_db) is not None
    ]


def _draw(frame: _Frame, so_far: list[_Point], alone: list[_Point], layers: int, limit: float) -> ErrorChart:
    marks = _marks([point.db for point in (*so_far, *alone)], limit)
    low, high = marks[0], marks[-1]
    right, bottom = frame.width - frame.right, frame.height - frame.bottom

    def x(index: float) -> float:
        return round(frame.left + (right - frame.left) * (index + 0.5) / max(layers, 1), 1)

    def y(db: float) -> float:
        return round(bottom - (bottom - frame.top) * (min(max(db, low), high) - low) / (high - low), 1)

    def dots(points: Iterable[_Point]) -> tuple[Dot, ...]:
        return tuple(Dot(x=x(p.index), y=y(p.db), anchor=anchor(p.index), title=p.title) for p in points)

    path = " ".join(f"{'L' if at else 'M'}{dot.x} {dot.y}" for at, dot in enumerate(dots(so_far)))
    return ErrorChart(
        kind=frame.kind,
        width=frame.width,
        height=frame.height,
        left=frame.left,
        right=right,
        top=frame.top,
        bottom=bottom,
        x_ticks=tuple(Tick(at=x(n), text=str(n)) for n in _numbers(layers, frame.marks)),
        y_ticks=tuple(Tick(at=y(db), text=_mark(db, high)) for db in marks),
        line=path,
        so_far=dots(so_far),
        alone=dots(alone),
        limit=y(limit) if low <= limit <= high else None,
        limit_text=f"{limit:g} dB: what plain values must reach",
    )


def _numbers(layers: int, most: int) -> range:
    """Layer numbers at round distances."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10**6) if layers <= s * most)
    return range(0, layers, step)


def _marks(values: list[float], limit: float) -> list[float]:
    """Round decibels from the bottom of the chart to its top."""
    low = max(min(0.0, 10.0 * math.floor(min(values) / 10.0)), _LOWEST_DB)
    high = max(*values, limit + 1)
    high = high if min(values) > _TOP_DB else min(high, _TOP_DB)
    step = next((step for step in _STEPS_DB if high - low <= step * _MOST_STEPS), _STEPS_DB[-1])
    low = step * math.floor(low / step)
    return [low + step * at for at in range(math.ceil((high - low) / step) + 1)]


def _mark(db: float, high: float) -> str:
    """The top says that more is drawn there as well."""
    return f"{db:.0f}".replace("-", MINUS) + ("+" if db == high == _TOP_DB else "")
