"""inspect(): what a file holds, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, override

from dlpuconv.formats.detect import size_of
from dlpuconv.inspection.selection import read_named, select_layers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv.formats import FileView, LayerView
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What `dlpuconv.inspect` returns.

    Attributes:
        file: name of the file.
        size: of it, in bytes.
        view: all that it holds.
        layers: those that were asked for.
    """

    file: str
    size: int
    view: FileView = field(repr=False)
    layers: tuple[LayerView, ...] = field(repr=False)

    @override
    def __repr__(self) -> str:
        return f"<Inspection {self.file}: {self.view.format}, {len(self.layers)} layers, {self.size:,} bytes>"

    def _repr_html_(self) -> str:
        from dlpuconv.display.notebook import as_html
        from dlpuconv.inspection.details import render_layers
        from dlpuconv.inspection.overview import render_overview
        from dlpuconv.language.printable import printable

        shown = printable(self)
        whole = len(shown.layers) == len(shown.view.layers)
        return as_html([render_overview(shown.view, shown.size) if whole else render_layers(shown.view, shown.layers)])

    def to_json(self) -> dict[str, Json]:
        """What `--json` prints."""
        from dlpuconv.inspection.serialize import inspection_json

        return inspection_json(self.view, self.layers)


def inspect(file: Path, layers: Sequence[str] = ()) -> Inspection:
    """Read a file.

    Args:
        file: the file, or package folder.
        layers: globs of names or ops, or numbers; every layer without any.

    Raises:
        ArtifactError: the file is missing, damaged or of an unknown format.
        UsageError: a glob means no layer.
    """
    view = read_named(file)
    return Inspection(file=file.name, size=size_of(file), view=view, layers=select_layers(view, layers))
