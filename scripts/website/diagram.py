"""Boxes and arrows on a grid, as SVG that needs no font and no script of its own."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

type Kind = Literal["step", "value", "question", "good", "bad"]

_COLUMN, _ROW = 206, 96
_WIDTH, _LINE = 176, 17
_MARGIN = 16
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'
_TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#555"/></marker>'
)
_COLORS: dict[Kind, tuple[str, str]] = {
    "step": ("#dbe7f3", "#3b6a99"),
    "value": ("#f4f4f0", "#8a8a80"),
    "question": ("#fff3d1", "#b7892b"),
    "good": ("#dff0df", "#3f8a4b"),
    "bad": ("#f8dcd8", "#b0463a"),
}
"""Fill and border."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    Attributes:
        column: of the grid, from 0; halves are between two.
        row: likewise, downwards.
        text: its lines, separated by line breaks.
        kind: what it stands for, which gives its color.
    """

    column: float
    row: float
    text: str
    kind: Kind = "step"

    @property
    def height(self) -> int:
        """In pixels."""
        return _LINE * len(self.text.splitlines()) + 18

    @property
    def center(self) -> tuple[float, float]:
        """In pixels."""
        return _MARGIN + _WIDTH / 2 + self.column * _COLUMN, _MARGIN + 36 + self.row * _ROW


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another.

    Attributes:
        start: name of a box.
        end: likewise.
        label: beside it.
    """

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """A drawing.

    Attributes:
        title: what it shows, for those who cannot see it.
        boxes: by name.
        arrows: between them.
    """

    title: str
    boxes: dict[str, Box]
    arrows: tuple[Arrow, ...]

    def svg(self) -> str:
        """The drawing, on a ground of its own, so that it is seen on light and on dark pages."""
        width = max(box.center[0] for box in self.boxes.values()) + _WIDTH / 2 + _MARGIN
        height = max(box.center[1] + box.height / 2 for box in self.boxes.values()) + _MARGIN
        size = f"{width:.0f} {height:.0f}"
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" width="{width:.0f}" {_FONT}>',
            f"<title>{escape(self.title)}</title>",
            f"<defs>{_TIP}</defs>",
            f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#fff"/>',
        ]
        lines += [line for arrow in self.arrows for line in self._arrow(arrow)]
        lines += [line for box in self.boxes.values() for line in _box(box)]
        return "\n".join([*lines, "</svg>"]) + "\n"

    def _arrow(self, arrow: Arrow) -> Iterator[str]:
        start, end = self.boxes[arrow.start], self.boxes[arrow.end]
        (x1, y1), (x2, y2) = _border(start, end), _border(end, start)
        yield (
            f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" stroke="#555" stroke-width="1.4" fill="none"'
            ' marker-end="url(#tip)"/>'
        )
        if arrow.label:
            x, y = (x1 + x2) / 2 + (8 if abs(x1 - x2) < 4 else 0), (y1 + y2) / 2 + (4 if abs(x1 - x2) < 4 else -5)
            anchor = "start" if abs(x1 - x2) < 4 else "middle"
            yield (
                f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="#333" stroke="#fff" stroke-width="4"'
                f' paint-order="stroke">{escape(arrow.label)}</text>'
            )


def _box(box: Box) -> Iterator[str]:
    x, y = box.center
    fill, border = _COLORS[box.kind]
    yield (
        f'<rect x="{x - _WIDTH / 2:.0f}" y="{y - box.height / 2:.0f}" width="{_WIDTH}" height="{box.height}" rx="6"'
        f' fill="{fill}" stroke="{border}"/>'
    )
    lines = box.text.splitlines()
    first = y - (len(lines) - 1) * _LINE / 2 + 4
    for number, line in enumerate(lines):
        at = f'x="{x:.0f}" y="{first + number * _LINE:.0f}"'
        yield f'<text {at} text-anchor="middle" fill="#222">{escape(line)}</text>'


def _border(box: Box, towards: Box) -> tuple[float, float]:
    """Where the line between two centers leaves the first box."""
    (x, y), (u, v) = box.center, towards.center
    dx, dy = u - x, v - y
    scale = min(
        (_WIDTH / 2) / abs(dx) if dx else float("inf"),
        (box.height / 2) / abs(dy) if dy else float("inf"),
    )
    return x + dx * scale, y + dy * scale
