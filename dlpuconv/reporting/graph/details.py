"""What there is to say of each node: its tensors with links to where they come from and where they go."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dlpuconv.inspection.describe import scale_text, shape_text, zero_point_text
from dlpuconv.inspection.details import options_text, values_text, work_text
from dlpuconv.inspection.roles import roles
from dlpuconv.language.brief import more
from dlpuconv.placement import Processor
from dlpuconv.reporting.graph.page import Link, TensorRow
from dlpuconv.reporting.graph.topology import is_drawn
from dlpuconv.reporting.page import Fact
from dlpuconv.reporting.wording import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats import FileView, LayerView, TensorView
    from dlpuconv.placement import Forecast, LayerPlacement

_MOST_LINKS = 500


def layer_facts(view: FileView, layer: LayerView, placed: LayerPlacement | None, accelerator: str) -> Iterator[Fact]:
    """Facts about a layer, without its tensors."""
    if placed is not None:
        where = "CPU" if placed.processor is Processor.CPU else accelerator
        yield Fact("runs on", where if placed.certain else f"{where}, likely", placed.why)
    if others := [name for name in layer.names.each if name != layer.name]:
        yield Fact("also called", ", ".join(map(short, others)))
    if work := work_text(view, layer):
        yield Fact("work", work)
    if options := options_text(layer):
        yield Fact("attributes", options)
    yield Fact("version", f"{layer.version}{', a custom op' if layer.custom else ''}")


def reads(view: FileView, layer: LayerView) -> Iterator[TensorRow]:
    """The inputs of a layer, each with a link to where it comes from."""
    for role, index in zip(roles(view, layer), layer.inputs, strict=True):
        tensor = view.tensor(index)
        if tensor is None:
            yield TensorRow(role=role, name="", form="absent")
        elif tensor.constant:
            yield _row(role, tensor, note="constant")
        else:
            yield source(view, index, role)


def source(view: FileView, index: int, role: str) -> TensorRow:
    """A tensor that is read, with a link to what makes it."""
    maker = view.producer.get(index)
    links = tuple(_input_link(view, at) for at, own in enumerate(view.inputs) if own == index and maker is None)
    return _row(role, view.tensors[index], links=(_link(maker),) if maker is not None else links)


def drain(view: FileView, index: int, role: str) -> TensorRow:
    """A tensor that is made, with links to what reads it."""
    readers = view.consumers.get(index, ())
    ends = [
        Link(f"output-{at}", short(f"output {view.tensors[index].name}"))
        for at, own in enumerate(view.outputs)
        if own == index
    ]
    links = (*map(_link, islice(readers, _MOST_LINKS)), *ends)
    return _row(role, view.tensors[index], links=links, left=len(readers) - _MOST_LINKS)


def placements(forecast: Forecast | None) -> dict[int, LayerPlacement]:
    """Where each layer runs, by its index; nothing where that is not known."""
    return {layer.index: layer for layer in forecast.layers} if forecast else {}


def _row(role: str, tensor: TensorView, *, note: str = "", links: tuple[Link, ...] = (), left: int = 0) -> TensorRow:
    return TensorRow(
        role=role,
        name=short(tensor.name),
        form=short(f"{tensor.dtype} {shape_text(tensor)}"),
        scale=scale_text(tensor.quantization),
        zero_point=zero_point_text(tensor.quantization),
        values=values_text(tensor),
        note=note,
        links=links,
        more=more(left),
    )


def _link(layer: LayerView) -> Link:
    return Link(f"layer-{layer.index}" if is_drawn(layer) else "", short(f"#{layer.index} {layer.op}"))


def _input_link(view: FileView, at: int) -> Link:
    return Link(f"input-{at}", short(f"input {view.tensors[view.inputs[at]].name}"))
