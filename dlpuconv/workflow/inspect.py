"""inspect(): what a file holds, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, override

from dlpuconv.errors import UsageError
from dlpuconv.files.scratch import temporary_folder
from dlpuconv.formats.detect import read, size_of
from dlpuconv.formats.kinds import ONNX, TFLITE
from dlpuconv.inspection.selection import read_divided, select_layers
from dlpuconv.placement import foresee
from dlpuconv.registry import load_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dlpuconv.formats import FileView, LayerView
    from dlpuconv.jsonable import Json
    from dlpuconv.manifest import DivisionRecord
    from dlpuconv.placement import Forecast

_READ_AS_THEY_ARE = (ONNX.suffix, TFLITE.suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What `dlpuconv.inspect` returns.

    Attributes:
        file: name of the file.
        size: of it, in bytes.
        view: all that it holds.
        layers: those that were asked for.
        division: how the network was divided of which the file is the chip's part; None where nothing tells of that.
        placement: where each layer will run; None where no chip was named, or nothing is known of it.
    """

    file: str
    size: int
    view: FileView = field(repr=False)
    layers: tuple[LayerView, ...] = field(repr=False)
    division: DivisionRecord | None = field(default=None, repr=False)
    placement: Forecast | None = field(default=None, repr=False)

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
        if self.division:
            told["division"] = self.division.to_json()
        if self.placement:
            told["placement"] = self.placement.to_json()
        return told

    def to_html(self) -> str:
        """The graph as one page of HTML, which needs nothing else: every layer is found there, and followed."""
        from dlpuconv.reporting.graph import make_graph, render_graph

        return render_graph(make_graph(self.file, self.size, self.view, self.division, self.placement))


def inspect(
    file: Path,
    layers: Sequence[str] = (),
    input_shape: Mapping[str, tuple[int, ...]] | None = None,
    *,
    signature: str = "",
    target: str | None = None,
) -> Inspection:
    """Read a file.

    Args:
        file: the file, or package folder; of what is a source only, the ONNX form is shown.
        layers: globs of names or ops, or numbers; every layer without any.
        input_shape: static shape by input name, for what is a source only.
        signature: of a SavedModel that has several; empty for the usual one.
        target: the chip, to tell where the layers would run.

    Raises:
        DlpuconvError: it is the source of a conversion, and cannot be read; see `frontends.load`.
        ArtifactError: the file is missing, damaged or of an unknown format.
        UsageError: a glob means no layer, or a shape or signature is given for what is shown as it is.
    """
    chip = load_target(target) if target else None
    if _is_source(file):
        view, division = _of_source(file, input_shape or {}, signature), None
    elif input_shape or signature:
        useless = "--input-shape" if input_shape else "--signature"
        raise UsageError(
            f"{useless} is for models that are read into ONNX first: {file} is shown as it is",
            id="option-not-for-source",
        )
    else:
        view, division = read_divided(file)
    chosen = select_layers(view, layers)
    placement = foresee(view, chip.placement, chip.context)[0] if chip else None
    return Inspection(
        file=file.name, size=size_of(file), view=view, layers=chosen, division=division, placement=placement
    )


def _is_source(file: Path) -> bool:
    if file.suffix in _READ_AS_THEY_ARE:
        return False
    from dlpuconv.frontends.readers import becomes_onnx

    return becomes_onnx(file)


def _of_source(file: Path, shapes: Mapping[str, tuple[int, ...]], signature: str) -> FileView:
    from dlpuconv.frontends import SourceOptions, load

    content = load(file, SourceOptions(input_shapes=shapes, signature=signature)).to_bytes()
    with temporary_folder("inspect") as folder:
        made = folder / f"{file.stem}.onnx"
        made.write_bytes(content)
        return read(made)
