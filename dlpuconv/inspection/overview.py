"""A whole file for the terminal: what it takes and gives, and one row a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from dlpuconv.division.words import told_of
from dlpuconv.formats.names import port_names
from dlpuconv.inspection.describe import name_text, shape_text, size_text, tensor_text
from dlpuconv.inspection.roles import weights_of
from dlpuconv.ir.operators import QUANTIZATION
from dlpuconv.placement.forecast_text import quantity
from dlpuconv.placement.macs import constants, macs
from dlpuconv.verification.granularity import granularity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType

    from dlpuconv.formats import FileView, LayerView, TensorView
    from dlpuconv.manifest import DivisionRecord

_COLUMNS = {"#": 1, "op": 4, "v": 1, "output": 11, "weights": 11, "scale": 7, "zero": 4, "MACs": 5, "name": 10}
"""Headings and least widths: in a terminal of 80 columns, shapes and names take several lines, the rest stays whole."""
_FOLDED = ("output", "weights", "name")
_RIGHT = ("#", "v", "zero", "MACs")
_USUAL_NAME = 40
_ROOM_FOR_NAMES = 200  # columns


def render_overview(view: FileView, size: int, division: DivisionRecord | None = None) -> RenderableType:
    """Inputs, outputs, totals, and one row a layer.

    Args:
        view: the file.
        size: of it, in bytes.
        division: of the network of which the file is the chip's part; None where it is all of it.
    """
    return Group(render_head(view, size, division), "", _layers(view))


def render_head(view: FileView, size: int, division: DivisionRecord | None = None) -> Table:
    """Inputs, outputs and totals; the arguments are those of `render_overview`."""
    head = Table.grid(padding=(0, 2))
    for noun, text in head_texts(view, size, division):
        head.add_row(Text(noun, style="bold"), Text(text))
    return head


def head_texts(view: FileView, size: int, division: DivisionRecord | None = None) -> tuple[tuple[str, str], ...]:
    """The overview as pairs of a label and a text."""
    return (*_head(view, size), *_rests(division))


def _layers(view: FileView) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for heading, width in _COLUMNS.items():
        table.add_column(
            heading,
            justify="right" if heading in _RIGHT else "left",
            min_width=width,
            no_wrap=heading not in _FOLDED,
            overflow="fold",
        )
    for layer in view.layers:
        table.add_row(*(Text(cell) for cell in _row(view, layer)), _Name(name_text(layer.names.label)))
    return table


def _head(view: FileView, size: int) -> Iterator[tuple[str, str]]:
    for noun, indices in (("input", view.inputs), ("output", view.outputs)):
        for name, index in zip(port_names(view, indices), indices, strict=True):
            yield noun, f"{name}  {tensor_text(view.tensors[index])}"
    held = {tensor.index: tensor.size for layer in view.layers for tensor in constants(view, layer)}
    work = sum(macs(view, layer) for layer in view.layers)
    yield "size", f"{size_text(size)}, {quantity(sum(held.values()))} parameters, {quantity(work)} MACs"
    weighted = granularity(view)
    yield "weights", weighted.summary
    if QUANTIZATION & view.op_counts.keys() and weighted.layers:
        layers = len(weighted.layers)
        yield "quantized", f"{layers - weighted.count(None)} of {layers} layers state their scales"
    yield "ops", ", ".join(f"{op} {count}" for op, count in view.op_counts.items())
    yield from view.metadata.items()


def _rests(division: DivisionRecord | None) -> Iterator[tuple[str, str]]:
    """What the CPU runs beside the file, and where that is."""
    for told, rest in zip(told_of(division), division.rests.values() if division else (), strict=True):
        part, _, text = told.partition(": ")
        yield part, f"{text} - {rest.file}"


class _Name:
    """A layer's name, whole: in one line where there is room for it, as in a file, else folded into a column."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        """See rich's console protocol."""
        length = len(self._name)
        longest = length if options.max_width > _ROOM_FOR_NAMES else min(length, _USUAL_NAME)
        return Measurement(min(longest, _COLUMNS["name"]), longest)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """See rich's console protocol."""
        yield Text(self._name, overflow="fold")


def _row(view: FileView, layer: LayerView) -> tuple[str, ...]:
    output = view.tensors[layer.outputs[0]] if layer.outputs else None
    scale = zero_point = ""
    if output is not None and output.quantization is not None:
        scale, zero_point = f"{output.quantization.scale:.4g}", str(output.quantization.zero_point)
    work = macs(view, layer)
    return (
        str(layer.index),
        f"{layer.op} (custom)" if layer.custom else layer.op,
        str(layer.version),
        f"{output.dtype} {shape_text(output)}" if output is not None else "",
        _weights(weights_of(view, layer)),
        scale,
        zero_point,
        quantity(work) if work else "",
    )


def _weights(weights: TensorView | None) -> str:
    if weights is None:
        return ""
    if weights.quantization is None:
        return f"{weights.dtype} {shape_text(weights)}"
    kind = "per-channel" if weights.quantization.per_channel else "per-tensor"
    return f"{kind} {weights.dtype} {shape_text(weights)}"
