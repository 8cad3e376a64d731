"""Progress that people see: bars on a terminal or in a notebook, plain lines in a log."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlpuconv.display.progress import Silent
from dlpuconv.language.brief import brief
from dlpuconv.language.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as RichProgress

    from dlpuconv.display.progress import Progress

_SECONDS_BETWEEN_LINES = 10.0


class Bars:
    """Bars on stderr, or in the cell of a notebook, gone when their stage is done.

    A stage within a stage is another bar of the same display: before version 14.1, rich has no second one.
    """

    def __init__(self) -> None:
        self._drawn: RichProgress | None = None

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Draw one stage; see `dlpuconv.display.progress.Progress`."""
        if self._drawn is not None:
            with _bar(self._drawn, title, total) as advance:
                yield advance
            return
        with _display() as self._drawn, _bar(self._drawn, title, total) as advance:
            try:
                yield advance
            finally:
                self._drawn = None

    def message(self, text: str) -> None:
        """Print a warning."""
        tell(text)


class Lines:
    """A line on stderr for each stage, and for a long one another line every ten seconds.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Tell the start of a stage, and how far it is; see `dlpuconv.display.progress.Progress`."""
        title = printable(title)
        print(f"{title} ...", file=sys.stderr, flush=True)
        done, told = 0, self._clock()

        def advance() -> None:
            nonlocal done, told
            done += 1
            if self._clock() - told >= _SECONDS_BETWEEN_LINES:
                told = self._clock()
                print(f"{title}: {done}{f' of {total}' if total else ''}", file=sys.stderr, flush=True)

        yield advance

    def message(self, text: str) -> None:
        """Print a warning."""
        tell(text)


def _display() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)


@contextmanager
def _bar(display: RichProgress, title: str, total: int | None) -> Iterator[Callable[[], None]]:
    task = display.add_task(_escaped(title), total=total)
    try:
        yield lambda: display.advance(task)
    finally:
        display.remove_task(task)


def tell(warning: str) -> None:
    """A warning on stderr; the text may hold a file's own words, which must not act on the terminal."""
    print(f"warning: {brief(printable(warning))}", file=sys.stderr)


def for_people() -> Progress:
    """Bars where somebody watches: on a terminal or in a notebook; silence elsewhere."""
    if _in_notebook():
        return Bars() if _has_widgets() else Lines()
    return Bars() if sys.stderr.isatty() else Silent()


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:  # which asks at no cost
        return False
    from rich.console import Console

    return Console().is_jupyter


def _has_widgets() -> bool:
    """Whether a notebook can redraw what was drawn."""
    from importlib.util import find_spec

    return find_spec("ipywidgets") is not None


def _escaped(title: str) -> str:
    """A title may hold a file's name, which is no markup."""
    from rich.markup import escape

    return escape(printable(title))
