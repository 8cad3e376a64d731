"""What the commands print with: progress and messages on stderr, results on stdout."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlpuconv.cli.interruption import stop_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console, RenderableType


_WIDE = 160  # columns


class TerminalProgress:
    """Progress as rich bars on stderr: drawn on a terminal, silent elsewhere, gone when the stage is done."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet or not sys.stderr.isatty()
        self.told: set[str] = set()

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Draw one stage; see `dlpuconv.progress.Progress`."""
        stop_signals.check()
        if self._quiet:
            yield lambda: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=stderr(), transient=True) as bars:
            task = bars.add_task(title, total=total)
            yield lambda: bars.advance(task)

    def message(self, text: str) -> None:
        """Print a warning as it happens, once."""
        if text not in self.told:
            self.told.add(text)
            warn(text)


def stdout() -> Console:
    """The console of results."""
    from rich.console import Console

    # Off a terminal nothing limits a line: names in logs and pipes stay whole.
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def stderr() -> Console:
    """The console of messages."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def warn(text: str) -> None:
    """A warning on stderr; the text is a user's or a file's, never markup."""
    print(f"warning: {text}", file=sys.stderr)


def print_json(value: Mapping[str, Any]) -> None:
    """One object on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def show(*renderables: RenderableType) -> None:
    """Tables and texts on stdout; a plain string is no markup, since it may hold a file's own words."""
    from rich.text import Text

    console = stdout()
    for renderable in renderables:
        console.print(Text(renderable) if isinstance(renderable, str) else renderable)
