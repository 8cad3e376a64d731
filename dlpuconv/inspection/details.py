"""Some layers in every detail: tensors, their scales and values, options, neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dlpuconv.inspection.describe import name_text, option_text, scale_text, shape_text, size_text, zero_point_text
from dlpuconv.inspection.roles import roles
from dlpuconv.inspection.values import extremes, few_values
from dlpuconv.language.brief import listed
from dlpuconv.placement.forecast_text import quantity
from dlpuconv.placement.macs import bytes_of, constants, macs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from dlpuconv.formats import FileView, LayerView, TensorView

_SHOWN_NEIGHBOURS = 4


def render_layers(view: FileView, layers: Iterable[LayerView]) -> RenderableType:
    """One block a layer."""
    blocks: list[RenderableType] = []
    for layer in layers:
        blocks += [*([Text("")] if blocks else []), _headline(layer), *_facts(view, layer)]
        blocks.append(Padding.indent(_tensors(view, layer), 2))
    return Group(*blocks)


def _headline(layer: LayerView) -> Text:
    op = f"{layer.op} (custom)" if layer.custom else layer.op
    return Text.assemble(
        (f"#{layer.index} ", "dim"), (op, "bold"), (f" v{layer.version}  ", "dim"), name_text(layer.name)
    )


def _facts(view: FileView, layer: LayerView) -> Iterable[RenderableType]:
    if others := [name_text(name) for name in layer.names.each if name != layer.name]:
        yield Padding.indent(Text(f"also called {', '.join(others)}"), 2)
    for text in (work_text(view, layer), options_text(layer)):
        if text:
            yield Padding.indent(Text(text), 2)


def _tensors(view: FileView, layer: LayerView) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "type", "shape", "scale", "zero"):
        table.add_column(heading, no_wrap=heading in ("", "type"), overflow="fold")
    table.add_column("values", overflow="fold")
    table.add_column("from, to", overflow="fold")
    table.add_column("tensor", overflow="fold")
    for role, index in zip(roles(view, layer), layer.inputs, strict=True):
        tensor = view.tensor(index)
        if tensor is None:
            table.add_row(role, Text("absent", "dim"))
        else:
            table.add_row(*_row(role, tensor, _origin(view, tensor)))
    for index in layer.outputs:
        table.add_row(*_row("output", view.tensors[index], _readers(view, index)))
    return table


def _row(role: str, tensor: TensorView, neighbours: str) -> tuple[Text, ...]:
    return (
        Text(role),
        Text(tensor.dtype),
        Text(shape_text(tensor)),
        Text(scale_text(tensor.quantization)),
        Text(zero_point_text(tensor.quantization)),
        Text(values_text(tensor), "" if tensor.constant else "dim"),
        Text(neighbours),
        Text(f"{tensor.index} {name_text(tensor.name)}", "dim"),
    )


def values_text(tensor: TensorView) -> str:
    """What a constant holds, or what a quantized activation can hold; empty where that is not known."""
    few = few_values(tensor)
    if few is not None and tensor.quantization is None:
        return "[" + ", ".join(option_text(value) for value in few) + "]"
    found = extremes(tensor)
    if found is None:
        return ""
    low, high = found.real
    text = f"{low:.4g} to {high:.4g}"
    if found.codes is not None:
        text += f" (codes {found.codes[0]} to {found.codes[1]})"
    return text


def work_text(view: FileView, layer: LayerView) -> str:
    """Multiply-accumulates and parameters; empty for a layer without either."""
    held = constants(view, layer)
    work = [f"{quantity(count)} MACs"] if (count := macs(view, layer)) else []
    if held:
        work.append(f"{quantity(sum(t.size for t in held))} parameters ({size_text(bytes_of(held))})")
    return ", ".join(work)


def options_text(layer: LayerView) -> str:
    """The attributes by name."""
    return ", ".join(f"{name} {option_text(value)}" for name, value in layer.options.items())


def _origin(view: FileView, tensor: TensorView) -> str:
    if tensor.constant:
        return "constant"
    if tensor.index in view.producer:
        return f"from {_title(view.producer[tensor.index])}"
    return "input of the file" if tensor.index in view.inputs else ""


def _readers(view: FileView, index: int) -> str:
    readers = view.consumers.get(index, ())
    text = f"to {listed(map(_title, readers), _SHOWN_NEIGHBOURS)}" if readers else ""
    return "; ".join(filter(None, (text, "output of the file" if index in view.outputs else "")))


def _title(layer: LayerView) -> str:
    return f"#{layer.index} {layer.op}"
