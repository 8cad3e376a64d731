"""What the commands print with: progress and messages on stderr, results on stdout."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlpuconv.cli.interruption import stop_signals
from dlpuconv.printable import printable, printable_json, printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


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
    print(f"warning: {printable(text)}", file=sys.stderr)


def fail(text: str) -> None:
    """An error on stderr, beside which there are results."""
    print(f"error: {printable(text)}", file=sys.stderr)


def print_json(value: Mapping[str, Any]) -> None:
    """One object on stdout."""
    print(printable_json(value, indent=2))


def show(*renderables: RenderableType) -> None:
    """Tables and texts on stdout; a plain string is no markup, since it may hold a file's own words.

    What a stranger's file may have put into a result's names is made `printable` before it is drawn: here, where lines
    are laid out already, all but the ends of lines is caught once more.
    """
    from rich.text import Text

    console = stdout()
    for renderable in renderables:
        console.print(_Tame(Text(renderable) if isinstance(renderable, str) else renderable))


class _Tame:
    """Something to draw, without characters that would act on the terminal."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """See rich's console protocol."""
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else segment._replace(text=printable_lines(segment.text))
