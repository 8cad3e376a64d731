"""What the fuzzer has to know of one reader."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

    type Files = Mapping[str, bytes]
    """What a case consists of: contents by path below a folder of its own."""


class Reader(ABC):
    """Makes cases for one reader of dlpuconv, and hands them to the function that a command would call.

    Attributes:
        name: of the reader, as `--reader` takes it.
        share: of all cases, where no reader is named: so many of two hundred.
        plugins: a PluginError is an answer; elsewhere it is a fault of the built-in plugins.
    """

    name: ClassVar[str]
    share: ClassVar[float]
    plugins: ClassVar[bool] = False

    def prepare(self) -> None:
        """Load once, before any child is started, what every case needs."""

    @abstractmethod
    def make(self, rng: Random) -> Files:
        """One case; the same for the same random numbers."""

    @abstractmethod
    def read(self, folder: Path) -> int:
        """Read the case in this folder as a command does.

        Returns:
            The exit status where nothing was raised.
        """


def status_of(command: Callable[..., None], **options: Any) -> int:
    """The exit status of a function of the command line, called without the parsing in front of it."""
    import typer

    try:
        command(**options)
    except typer.Exit as left:
        return left.exit_code
    return 0
