"""A loaded network for a notebook: what it takes, what it gives, and what computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dlpuconv.language.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from dlpuconv.workflow.loaded import LoadedNetwork


def network_text(network: LoadedNetwork) -> Iterator[RenderableType]:
    """The file, its inputs and outputs as the source model has them, and what else is to be known."""
    parts = network.division
    beside = [name for name, part in (("front", parts.front), ("tail", parts.tail)) if part] if parts else []
    on_cpu = f", and the {' and the '.join(beside)} on the CPU" if beside else ""
    closed = ", closed" if network.runner is None else ""
    yield Text(printable(f"{network.file}: run by {network.kernels}{on_cpu}{closed}"), "bold")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "name", "shape"):
        table.add_column(heading, overflow="fold")
    for kind, ends in (("input", network.inputs), ("output", network.outputs)):
        for end in ends:
            shape = "x".join("?" if extent is None else str(extent) for extent in end.shape) or "scalar"
            table.add_row(kind, Text(printable(end.name)), shape)
    yield table
    yield from (Text(printable(note), "yellow") for note in network.notes)
