"""A file -> GraphPage: nodes with their details, in the places that the drawing gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv import __version__
from dlpuconv.inspection.overview import head_texts
from dlpuconv.inspection.roles import weights_of
from dlpuconv.placement import Processor
from dlpuconv.placement.forecast_text import plural
from dlpuconv.reporting.graph.details import drain, layer_facts, placements, reads, source
from dlpuconv.reporting.graph.drawing import HEIGHT, WIDTH, draw
from dlpuconv.reporting.graph.page import Arrow, DrawnNode, GraphPage
from dlpuconv.reporting.graph.topology import topology
from dlpuconv.reporting.page import Fact
from dlpuconv.reporting.wording import shape, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats import FileView, LayerView, TensorView
    from dlpuconv.manifest import DivisionRecord
    from dlpuconv.placement import Forecast, LayerPlacement
    from dlpuconv.reporting.graph.drawing import Drawing
    from dlpuconv.reporting.graph.topology import Topology

_ROOM = 29  # letters of a name that fit into a box
_LONGEST = 1000  # letters of a name that is searched for


def make_graph(
    file: str, size: int, view: FileView, division: DivisionRecord | None = None, forecast: Forecast | None = None
) -> GraphPage:
    """All of the page.

    Args:
        file: its name.
        size: of it, in bytes.
        view: what it holds.
        division: how the network was divided of which the file is the chip's part; None for all of it.
        forecast: where each layer will run; None where that is not known.
    """
    found = topology(view)
    anchors = found.anchors
    drawing = draw(len(anchors), found.edges)
    return GraphPage(
        file=file,
        facts=tuple(_facts(view, size, division, forecast)),
        nodes=tuple(_nodes(view, found, drawing, forecast)),
        arrows=tuple(Arrow(anchors[start], anchors[end], drawing.paths[start, end]) for start, end in found.edges),
        width=drawing.width,
        height=drawing.height,
        box=(WIDTH, HEIGHT),
        legend=tuple(_legend(forecast)),
        notes=tuple(_notes(view, found)),
        version=__version__,
    )


def _facts(view: FileView, size: int, division: DivisionRecord | None, forecast: Forecast | None) -> Iterator[Fact]:
    yield from (Fact(noun, text) for noun, text in head_texts(view, size, division))
    if forecast is not None:
        yield Fact("runs on", "; ".join(forecast.sentences), forecast.estimate)


def _nodes(view: FileView, found: Topology, drawing: Drawing, forecast: Forecast | None) -> Iterator[DrawnNode]:
    places, chip = placements(forecast), forecast.accelerator if forecast else ""
    corners = iter(zip(found.anchors, drawing.corners, strict=True))
    for index in found.inputs:
        yield _end(view, index, "input", *next(corners))
    for layer in found.layers:
        yield _layer(view, layer, places.get(layer.index), chip, *next(corners))
    for index in found.outputs:
        yield _end(view, index, "output", *next(corners))


def _layer(
    view: FileView, layer: LayerView, placed: LayerPlacement | None, chip: str, anchor: str, corner: tuple[int, int]
) -> DrawnNode:
    made = view.tensors[layer.outputs[0]] if layer.outputs else None
    return DrawnNode(
        anchor=anchor,
        number=str(layer.index),
        op=short(layer.op),
        name=short(layer.names.label),
        names=_names(layer.names.label, layer.name, *layer.names.each),
        look=_look(view, layer, placed),
        tail=_tail(layer.name),
        form=_form(made) if made is not None else "",
        x=corner[0],
        y=corner[1],
        facts=tuple(layer_facts(view, layer, placed, chip)),
        reads=tuple(reads(view, layer)),
        makes=tuple(drain(view, index, "output") for index in layer.outputs),
    )


def _end(view: FileView, index: int, kind: str, anchor: str, corner: tuple[int, int]) -> DrawnNode:
    tensor = view.tensors[index]
    return DrawnNode(
        anchor=anchor,
        number="",
        op=kind,
        name=short(tensor.name),
        names=_names(tensor.name),
        look="end",
        tail=_tail(tensor.name),
        form=_form(tensor),
        x=corner[0],
        y=corner[1],
        facts=(),
        reads=(source(view, index, kind),) if kind == "output" else (),
        makes=(drain(view, index, kind),) if kind == "input" else (),
    )


def _look(view: FileView, layer: LayerView, placed: LayerPlacement | None) -> str:
    if placed is None:
        return "weighted" if weights_of(view, layer) is not None else "plain"
    if placed.processor is Processor.CPU:
        return "cpu"
    return "accelerated" if placed.certain else "likely"


def _legend(forecast: Forecast | None) -> Iterator[tuple[str, str]]:
    if forecast is None:
        yield "weighted", "layer with weights"
        yield "plain", "layer without weights"
    else:
        yield "accelerated", f"runs on the {forecast.accelerator}"
        yield "likely", f"probably runs on the {forecast.accelerator}"
        yield "cpu", "runs on the CPU"
    yield "end", "input or output of the file"


def _notes(view: FileView, found: Topology) -> Iterator[str]:
    if left := len(view.layers) - len(found.layers):
        yield f"{plural(left, 'layer')} {'is' if left == 1 else 'are'} not drawn"
    if left := found.left_out:
        is_not, it = ("is not", "it") if left == 1 else ("are not", "them")
        yield f"{plural(left, 'edge')} {is_not} drawn; the details of the layers name {it}"


def _names(*names: str) -> tuple[str, ...]:
    """Each once, none endless."""
    return tuple(dict.fromkeys(name[:_LONGEST] for name in names))


def _form(tensor: TensorView) -> str:
    return f"{tensor.dtype} {shape(tensor.shape)}"[:_ROOM]


def _tail(name: str) -> str:
    """The end of a name, which tells layers apart."""
    first = name.split(";")[0]
    return first if len(first) <= _ROOM else f"\N{HORIZONTAL ELLIPSIS}{first[1 - _ROOM :]}"
