"""What the commands print with: progress and messages on stderr, results on stdout."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlpuconv.cli.interruption import stop_signals
from dlpuconv.display.bars import Bars, Lines, tell
from dlpuconv.display.progress import Silent
from dlpuconv.language.brief import brief
from dlpuconv.language.printable import Tame, printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console, RenderableType

    from dlpuconv.display.progress import Progress

_ENDLESS = 1_000_000  # columns


class CommandProgress:
    """How a command tells that it goes on: bars on a terminal, lines elsewhere; every stage may be interrupted.

    Args:
        quiet: only warnings are told.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        shown = Bars() if sys.stderr.isatty() else Lines()
        self._progress: Progress = Silent() if quiet else shown
        self._told: set[str] = set()

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Show one stage; see `dlpuconv.display.progress.Progress`."""
        stop_signals.check()
        with self._progress.stage(title, total) as step:
            yield step

    def message(self, text: str) -> None:
        """Print a warning as it happens, once."""
        if text not in self._told:
            self._told.add(text)
            tell(text)


def fail(text: str, cause: str = "") -> None:
    """An error, on stderr.

    Args:
        text: the message.
        cause: the error's id, which stands in brackets behind it. People are told where it is explained; in a log, an
            error stays one line.
    """
    shown = f" [{printable(cause)}]" if cause else ""
    print(f"error: {brief(printable(text))}{shown}", file=sys.stderr)
    if cause and sys.stderr.isatty():
        print(f"`dlpuconv errors {printable(cause)}` tells the cause and what to do.", file=sys.stderr)


def print_json(value: Mapping[str, Any]) -> None:
    """One object on stdout."""
    print(printable_json(value, indent=2))


def show(*renderables: RenderableType) -> None:
    """Tables and texts on stdout; a plain string is no markup, since it may hold a file's own words.

    What a stranger's file may have put into a result's names is made `printable` before it is drawn: here, where lines
    are laid out already, all but the ends of lines is caught once more.

    Off a terminal nothing limits a line: what is read by another program, or searched later, stays whole.
    """
    from rich.console import Console

    if sys.stdout.isatty():
        _draw(Console(highlight=False), renderables)
        return
    drawn = io.StringIO()
    _draw(Console(highlight=False, file=drawn, width=_ENDLESS), renderables)
    sys.stdout.writelines(f"{line.rstrip(' ')}\n" for line in drawn.getvalue().splitlines())


def _draw(console: Console, renderables: tuple[RenderableType, ...]) -> None:
    from rich.text import Text

    for renderable in renderables:
        console.print(Tame(Text(renderable) if isinstance(renderable, str) else renderable))
