"""An analysis for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dlpuconv.decibel import FAIR_DB, GOOD_DB
from dlpuconv.division.words import told_of
from dlpuconv.language.brief import unshown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dlpuconv.analysis.result import Analysis, BlamedLayer


def analysis_table(analysis: Analysis, top: int) -> tuple[RenderableType, ...]:
    """The worst layers, and what helps.

    Args:
        analysis: to show.
        top: how many layers; 0 for all.
    """
    shown = analysis.layers[: top or None]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer", overflow="fold")
    table.add_column("op", no_wrap=True)
    for title in ("alone", "so far"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for layer in shown:
        table.add_row(
            _name(layer),
            layer.error.op,
            _decibels(layer.error.alone_db),
            _decibels(layer.error.accumulated_db),
            Text(layer.explanation),
        )
    left = unshown(len(analysis.layers) - len(shown))
    ends = "outputs of the chip's part" if analysis.division else "outputs"
    order = f"the worst first, {left}" if left else "the worst first"
    advice = list(dict.fromkeys(layer.advice for layer in shown if layer.advice and _matters(layer)))
    return (
        Text(f"{analysis.target}, {analysis.recipe.granularity}: {analysis.recipe.summary}", "bold"),
        *map(Text, told_of(analysis.division)),
        Text(
            f"all layers together: {analysis.total_db:.1f} dB at the {ends}, on {analysis.samples} samples. The table"
            f" shows, {order}, the signal-to-noise ratio in dB of the outputs if this layer alone is quantized"
            " (alone), and of the layer's own output in the quantized network (so far)."
        ),
        table,
        *([Text("what may help:", "bold"), *(Text(f"  {line}") for line in advice)] if advice else []),
    )


def _name(layer: BlamedLayer) -> Text:
    return Text(layer.error.names.label)


def _matters(layer: BlamedLayer) -> bool:
    return layer.error.alone_db is not None and layer.error.alone_db < GOOD_DB


def _decibels(value: float | None) -> Text:
    if value is None:
        return Text("-")
    style = "red" if value < FAIR_DB else "yellow" if value < GOOD_DB else ""
    return Text(f"{value:.1f}", style)
