"""How long work tells that it goes on: stages with a known or unknown number of steps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """Receives the stages of a conversion; the command line draws them, a library user may ignore them."""

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Callable[[], None]]:
        """Open a stage of `total` steps (None: unknown); the yielded function marks one step done."""
        ...

    def message(self, text: str) -> None:
        """Tell something that the user should read now, such as a warning."""
        ...


class Silent:
    """Progress that is shown to nobody."""

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:  # noqa: ARG002 - protocol
        """Run the stage without a trace."""
        yield lambda: None

    def message(self, text: str) -> None:
        """Drop the message: warnings are part of the report as well."""
