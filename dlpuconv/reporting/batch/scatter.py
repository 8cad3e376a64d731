"""What jobs reach beside what they cost: every file a dot that leads to its row and says its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.reporting.drawings import Tick
from dlpuconv.reporting.wording import number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 404, 14, 252
_MOST_TICKS = 6
_FEWEST = 2
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One job, measured.

    Attributes:
        cost: of one file or inference; more than zero.
        worth: more is better.
        anchor: id of the job's row.
        name: the job's.
        told: both figures, in words.
        good: whether the file may be used.
    """

    cost: float
    worth: float
    anchor: str
    name: str
    told: str
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A dot, in units of the drawing.

    Attributes:
        x: from the left.
        y: from the top.
        label_x: where its name begins or, on the right half, ends.
        late: whether it is on the right half.
        of: what it stands for.
    """

    x: float
    y: float
    label_x: float
    late: bool
    of: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """A plot.

    Attributes:
        x_label: what runs along the bottom, on a logarithmic scale.
        y_label: what runs up the side.
        x_ticks: powers of ten and what lies between.
        y_ticks: round values.
        spots: the jobs; those that may be used come last and so lie on top.
        frontier: SVG path along the files that no other one beats in both.
    """

    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    spots: tuple[Spot, ...]
    frontier: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM


def draw_scatter(
    found: Sequence[Sighting], x_label: str, y_label: str, cost_text: Callable[[int], str]
) -> Scatter | None:
    """A plot of what is finite; None where there are fewer than two dots.

    Args:
        found: the jobs.
        x_label: what the costs are.
        y_label: what the worths are.
        cost_text: a cost as people read it.
    """
    shown = [each for each in found if each.cost > 0 and math.isfinite(each.cost) and math.isfinite(each.worth)]
    if len(shown) < _FEWEST:
        return None
    costs = _decades([each.cost for each in shown])
    worths = _rounds([each.worth for each in shown])

    def x(cost: float) -> float:
        return _between(math.log10(cost), math.log10(costs[0]), math.log10(costs[-1]), _LEFT, _RIGHT)

    def y(worth: float) -> float:
        return _between(worth, worths[0], worths[-1], _BOTTOM, _TOP)

    spots = [_spot(each, x(each.cost), y(each.worth)) for each in sorted(shown, key=lambda each: each.good)]
    return Scatter(
        x_label=x_label,
        y_label=y_label,
        x_ticks=tuple(Tick(at=x(cost), text=cost_text(round(cost))) for cost in costs),
        y_ticks=tuple(Tick(at=y(worth), text=number(worth, 6)) for worth in worths),
        spots=tuple(spots),
        frontier=_frontier(spots),
    )


def _between(value: float, low: float, high: float, start: float, end: float) -> float:
    return round(start + (end - start) * (value - low) / (high - low), 1)


def _spot(each: Sighting, x: float, y: float) -> Spot:
    late = x > (_LEFT + _RIGHT) / 2
    return Spot(x=x, y=y, label_x=x - 9 if late else x + 9, late=late, of=each)


def _frontier(spots: Sequence[Spot]) -> str:
    """Steps through the usable dots, from the cheapest on, wherever one is worth more than all cheaper ones."""
    path, best = "", math.inf
    for spot in sorted((spot for spot in spots if spot.of.good), key=lambda spot: (spot.x, spot.y)):
        if spot.y < best:
            path += f"H{spot.x}V{spot.y}" if path else f"M{spot.x} {spot.y}"
            best = spot.y
    return path


def _decades(values: Sequence[float]) -> list[float]:
    """Round numbers on a logarithmic axis from below the least to above the greatest, few enough to be read."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    between = (1, 2, 5) if high - low <= 2 else (1,)
    marks = [float(f"{factor}e{power}") for power in range(low - 1, high + 2) for factor in between]
    first = max(mark for mark in marks if mark <= min(values))
    last = min(mark for mark in marks if mark >= max(values) and mark > first)
    shown = [mark for mark in marks if first <= mark <= last]
    return [*shown[: -1 : math.ceil((len(shown) - 1) / _MOST_TICKS)], last]


def _rounds(values: Sequence[float]) -> list[float]:
    """Multiples of a round step from below the least to above the greatest."""
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / _MOST_TICKS))
    step = next(power * each for each in _STEPS if span <= power * each * _MOST_TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * at for at in range(first, max(last, first + 1) + 1)]
