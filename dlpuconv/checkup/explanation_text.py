"""An explanation for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dlpuconv.language.brief import more

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from dlpuconv.checkup.explanation import Explanation, Rewriting
    from dlpuconv.checkup.result import Checkup

_SHOWN_REASONS = 4
"""Lines for one layer: layers of attention have a dozen reasons."""


def explanations_text(checkups: Sequence[Checkup], top: int) -> Iterator[RenderableType]:
    """What was done for all chips, then what each backend did besides; nothing where it was not asked for.

    Args:
        checkups: of one model.
        top: how many layers, the first ones; 0 for all.
    """
    if found := checkups[0].explanation:
        yield from explanation_text(found, top)
    names: dict[Explanation, list[str]] = {}
    for checkup in checkups:
        if checkup.of_backend:
            names.setdefault(checkup.of_backend, []).append(checkup.target)
    for of_backend, targets in names.items():
        yield from explanation_text(of_backend, top, f"what was rewritten besides for {', '.join(targets)}")


def explanation_text(
    found: Explanation, top: int, heading: str = "how the model was rewritten, for all targets alike"
) -> Iterator[RenderableType]:
    """What was done to the whole network, and one row a layer."""
    yield Text(f"\n{heading}:", "bold")
    if not (found.network or found.layers):
        yield Text("  nothing")
    for entry in found.network:
        yield Text(f"  {_words(entry)}")
    if found.layers:
        yield _table(found, top)


def _table(found: Explanation, top: int) -> Table:
    shown = found.layers[:top] if top else found.layers
    table = Table(box=None, pad_edge=False, header_style="bold")
    if left := more(len(found.layers) - len(shown)):
        table.caption = f"{left} with --top 0 or --json"
        table.caption_justify = "left"
    table.add_column("op", no_wrap=True)
    for heading in ("layer", "done", "not done, and why"):
        table.add_column(heading, overflow="fold")
    for layer in shown:
        table.add_row(Text(layer.op), Text(layer.names.label), _lines(layer.done), _lines(layer.declined, "dim"))
    return table


def _lines(entries: Sequence[Rewriting], style: str = "") -> Text:
    """One line for each reason, with all that was not done for it, and for each thing that was done."""
    by_reason: dict[str, list[str]] = {}
    for entry in entries:
        by_reason.setdefault(entry.reason or _words(entry), []).append(_words(entry))
    lines = [words[0] if reason == words[0] else f"{', '.join(words)}: {reason}" for reason, words in by_reason.items()]
    left = more(len(lines) - _SHOWN_REASONS)
    return Text("\n".join([*lines[:_SHOWN_REASONS], *([left] if left else [])]), style)


def _words(entry: Rewriting) -> str:
    return f"{entry.title} ({entry.times} times)" if entry.times > 1 else entry.title
