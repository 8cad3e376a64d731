"""How a tensor of a lowered graph holds a value of the source: its axes in another order, or joined."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from dlpuconv_backends.lowering.measure import sqnr_db

if TYPE_CHECKING:
    from dlpuconv_backends.lowering.measure import Array

_MOST_AXES = 4
"""With more, there would be too many orders to try."""


@dataclass(frozen=True, slots=True)
class View:
    """A tensor = reshape(transpose(value, order), shape).

    Attributes:
        name: of the value.
        order: axis i is axis order[i] of the value.
        shape: of the tensor.
    """

    name: str
    order: tuple[int, ...]
    shape: tuple[int, ...]

    def of(self, value: Array) -> Array:
        """The value as the tensor holds it."""
        return value.transpose(self.order).reshape(self.shape)


def view_of(name: str, value: Array, found: Array) -> View | None:
    """How a tensor seems to hold a value; None where it cannot.

    Args:
        name: of the value.
        value: by ONNX Runtime.
        found: what the graph makes of it.
    """
    views = _candidates(name, value.shape, found.shape) if value.size == found.size else []
    if len(views) < 2:
        return views[0] if views else None
    return max(views, key=lambda view: sqnr_db(view.of(value), found))


def _candidates(name: str, source: tuple[int, ...], shape: tuple[int, ...]) -> list[View]:
    """All that fit the shapes and differ in more than where axes of extent 1 stand."""
    axes = tuple(range(len(source)))
    if len(source) != len(shape) or len(axes) > _MOST_AXES:
        orders = [axes, (*axes[:1], *axes[2:], *axes[1:2])]
    else:
        orders = [order for order in permutations(axes) if tuple(source[a] for a in order) == shape]
    different = {tuple(axis for axis in order if source[axis] > 1): order for order in orders}
    return [View(name, order, shape) for order in different.values()]
