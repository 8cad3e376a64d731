"""inspect(): what a file holds, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, override

from dlpuconv.formats.detect import size_of
from dlpuconv.inspection.selection import read_divided, select_layers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv.formats import FileView, LayerView
    from dlpuconv.jsonable import Json
    from dlpuconv.manifest import DivisionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What `dlpuconv.inspect` returns.

    Attributes:
        file: name of the file.
        size: of it, in bytes.
        view: all that it holds.
        layers: those that were asked for.
        division: how the network was divided of which the file is the chip's part; None where nothing tells of that.
    """

    file: str
    size: int
    view: FileView = field(repr=False)
    layers: tuple[LayerView, ...] = field(repr=False)
    division: DivisionRecord | None = field(default=None, repr=False)

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
        overview = render_overview(shown.view, shown.size, shown.division)
        return as_html([overview if whole else render_layers(shown.view, shown.layers)])

    def to_json(self) -> dict[str, Json]:
        """What `--json` prints."""
        from dlpuconv.inspection.serialize import inspection_json

        told = inspection_json(self.view, self.layers)
        return {**told, "division": self.division.to_json()} if self.division else told


def inspect(file: Path, layers: Sequence[str] = ()) -> Inspection:
    """Read a file.

    Args:
        file: the file, or package folder.
        layers: globs of names or ops, or numbers; every layer without any.

    Raises:
        ArtifactError: the file is missing, damaged or of an unknown format.
        UsageError: a glob means no layer.
    """
    view, division = read_divided(file)
    chosen = select_layers(view, layers)
    return Inspection(file=file.name, size=size_of(file), view=view, layers=chosen, division=division)
