"""Names for inputs and outputs of files that may repeat or omit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.formats.view import FileView


def port_names(view: FileView, indices: Sequence[int]) -> tuple[str, ...]:
    """A unique name for each of these tensors: its own where that is unique, else with `#` and its position."""
    names = [view.tensors[index].name for index in indices]
    return tuple(
        name if name and names.count(name) == 1 else f"{name}#{position}" for position, name in enumerate(names)
    )
