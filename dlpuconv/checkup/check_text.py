"""A check for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dlpuconv.checkup.result import CheckOutcome
from dlpuconv.division.words import told_of
from dlpuconv.language.brief import more, unshown
from dlpuconv.placement import Processor
from dlpuconv.placement.forecast_text import percent, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from dlpuconv.checkup.result import CheckedLayer, Checkup, Place, Suggestion
    from dlpuconv.division.division import Division

_HEADLINES = {
    CheckOutcome.RUNS: ("can be converted and run", "bold green"),
    CheckOutcome.FAILS: ("can be converted, but breaks a rule of the target", "bold red"),
    CheckOutcome.UNSUPPORTED: ("cannot be converted", "bold red"),
}
_SHOWN_PLACES = 3


def checkup_text(found: Checkup, top: int) -> Iterator[RenderableType]:
    """The outcome, where the work is done, what would help, and the layers.

    Args:
        found: to show.
        top: how many layers: those with the most MACs, and all of the CPU; 0 for all.
    """
    words, style = _HEADLINES[found.outcome]
    yield Text.assemble((f"{found.target}: ", "bold"), (_divided(words, found.division), style))
    for problem in found.problems:
        yield _indented(Text(problem, "red"))
    yield from (_indented(Text(line)) for line in told_of(found.division))
    if found.layers:
        yield _indented(Text(_size(found.layers)))
    if found.placement is not None:
        for sentence in found.placement.sentences:
            yield _indented(Text(sentence))
        if found.placement.estimate:
            yield _indented(Text(f"an estimate: {found.placement.estimate}", "dim"))
    for warning in found.warnings:
        yield _indented(Text(f"note: {warning}", "yellow"))
    if found.suggestions:
        yield Text("\nwhat would help, most work first:", "bold")
        total = sum(layer.placement.macs for layer in found.layers)
        yield from (_indented(_suggestion(suggestion, total)) for suggestion in found.suggestions)
    if found.layers:
        yield Text("")
        yield _layer_table(found.layers, found.placement.accelerator if found.placement else "-", top)


def _divided(words: str, division: Division | None) -> str:
    """`can be converted with a tail and run`."""
    if division is None:
        return words
    return words.replace("converted", f"converted with {' and '.join(f'a {part}' for part in division.rests)}")


def _size(layers: Sequence[CheckedLayer]) -> str:
    parameters = sum(layer.placement.parameters for layer in layers)
    work = sum(layer.placement.macs for layer in layers)
    return f"{len(layers)} layers, {quantity(parameters)} parameters, {quantity(work)} MACs"


def _layer_table(layers: Sequence[CheckedLayer], accelerator: str, top: int) -> Table:
    """One row a layer, in execution order; what the conversion adds is in brackets."""
    shown = _shown(layers, top)
    left = unshown(len(layers) - len(shown)) or None
    table = Table(box=None, pad_edge=False, header_style="bold", caption=left, caption_justify="left")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("op", no_wrap=True)
    table.add_column("layer", overflow="fold")
    table.add_column("output", overflow="fold")
    for heading in ("MACs", "params"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("where", no_wrap=True)
    table.add_column("advice", overflow="fold")
    for layer in shown:
        table.add_row(*_row(layer, accelerator))
    return table


def _row(layer: CheckedLayer, accelerator: str) -> tuple[Text, ...]:
    placement = layer.placement
    on_cpu = placement.processor is Processor.CPU
    return (
        Text(str(placement.index)),
        Text(placement.op),
        _title(layer),
        Text("x".join(map(str, layer.shape))),
        Text(quantity(placement.macs) if placement.macs else ""),
        Text(quantity(placement.parameters) if placement.parameters else ""),
        Text("CPU", "yellow") if on_cpu else Text(accelerator if placement.certain else f"{accelerator}?"),
        Text("; ".join(layer.advice), "dim"),
    )


def _title(layer: CheckedLayer) -> Text:
    """In brackets for a layer that the conversion adds."""
    return Text(f"({layer.names.label})" if layer.added else layer.names.label)


def _shown(layers: Sequence[CheckedLayer], top: int) -> list[CheckedLayer]:
    if not top or len(layers) <= top:
        return list(layers)
    busiest = sorted(layers, key=lambda layer: -layer.placement.macs)[:top]
    kept = {layer.placement.index for layer in busiest}
    return [x for x in layers if x.placement.index in kept or x.placement.processor is Processor.CPU]


def _suggestion(suggestion: Suggestion, total: int) -> Text:
    text = Text.assemble((suggestion.rule, "yellow"), f"  {suggestion.sentence}")
    if suggestion.macs and total:
        text.append(f" ({percent(suggestion.macs / total)} of the MACs)")
    for place in suggestion.places[:_SHOWN_PLACES]:
        text.append(f"\n  {_place(place)}", "dim")
    if left := more(len(suggestion.places) - _SHOWN_PLACES):
        text.append(f"\n  {left}", "dim")
    if suggestion.advice:
        text.append(f"\n  -> {suggestion.advice}")
    return text


def _place(place: Place) -> str:
    macs = f", {quantity(place.macs)} MACs" if place.macs else ""
    return f"{place.label}: {place.detail}{macs}" if place.layer else place.detail


def _indented(text: Text) -> Padding:
    return Padding.indent(text, 2)
