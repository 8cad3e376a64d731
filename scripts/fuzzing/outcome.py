"""What became of one case, as the command line itself tells it."""

from __future__ import annotations

import re
import traceback
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.cli.ending import settled
from dlpuconv.errors import DlpuconvError, PluginError

if TYPE_CHECKING:
    from scripts.fuzzing.reader import Reader

REPOSITORY = Path(__file__).resolve().parents[2]
_UNJUDGED = re.compile(r"distribution dlpuconv\) failed: (\w+).*?\((\w+\.py), line (\d+)\)", re.DOTALL)
_INTERNAL = re.compile(r"internal error in (\w+\.py):(\d+): (\w+)")


class Kind(StrEnum):
    """The classes of outcomes; all but the first two are findings."""

    OK = "ok"
    REFUSED = "refused"
    INTERNAL = "internal"
    """An exception that nobody foresaw."""
    UNJUDGED = "unjudged"
    """A built-in rule failed on the file."""
    SPEECHLESS = "speechless"
    """An exit status without its one sentence."""
    SIGNAL = "signal"
    MEMORY = "memory"
    TIME = "time"


SOUND = frozenset({Kind.OK, Kind.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one case.

    Attributes:
        number: of the case.
        kind: class of the outcome.
        error: name of the exception's class, or of the signal.
        where: place in the code, of findings.
        message: what was said of it.
        size: of the case, in bytes.
    """

    number: int
    kind: Kind
    error: str = ""
    where: str = ""
    message: str = ""
    size: int = 0


def outcome_of(reader: Reader, folder: Path, number: int, size: int) -> Outcome:
    """Read one case, classified by the command line's own last resort."""
    raised: list[Exception] = []

    def run() -> int:
        try:
            return reader.read(folder)
        except Exception as error:
            raised.append(error)
            raise

    shown, told = StringIO(), StringIO()
    with redirect_stdout(shown), redirect_stderr(told):
        status = settled(run)
    error = raised[-1] if raised else None
    kind, name, where = _kind(status, error, shown.getvalue(), told.getvalue(), plugins=reader.plugins)
    said = told.getvalue()
    return Outcome(number=number, kind=kind, error=name, where=where, message=said[-300:], size=size)


def _kind(status: int, error: Exception | None, shown: str, told: str, *, plugins: bool) -> tuple[Kind, str, str]:
    if found := _UNJUDGED.search(" ".join(shown.split())):
        return Kind.UNJUDGED, found[1], f"{found[2]}:{found[3]}"
    if error is None and (found := _INTERNAL.search(told)):
        return Kind.INTERNAL, found[3], f"{found[1]}:{found[2]}"
    if status < 2:
        return Kind.OK, "", ""
    if error is None:
        name = _names().get(status, "")
    elif isinstance(error, DlpuconvError) and (plugins or not isinstance(error, PluginError)):
        name = type(error).__name__
    else:
        cause = error.__cause__ if isinstance(error, PluginError) else error
        return Kind.INTERNAL, type(cause or error).__name__, place_of(cause or error)
    sentences = [line for line in told.splitlines() if line.startswith("error: ") and len(line) > len("error: ")]
    explained = len(sentences) == 1 or (error is None and shown)  # `check` prints why a chip does not take a model
    return (Kind.REFUSED if explained else Kind.SPEECHLESS), name, ""


def _names() -> dict[int, str]:
    """The classes of errors by exit status."""

    def below(kind: type[DlpuconvError]) -> list[type[DlpuconvError]]:
        return [kind, *(deeper for nearer in kind.__subclasses__() for deeper in below(nearer))]

    return {kind.status: kind.__name__ for kind in below(DlpuconvError)}


def place_of(error: BaseException) -> str:
    """Where in this repository an exception passed last, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = next((frame for frame in reversed(frames) if is_ours(frame.filename)), frames[-1])
    place = f"{Path(last.filename).name}:{last.lineno}"
    raised = Path(frames[-1].filename).name
    return place if frames[-1] is last else f"{place} ({raised}:{frames[-1].lineno})"


def is_ours(file: str) -> bool:
    """Whether a file's code is dlpuconv's: neither the fuzzer's nor a library's."""
    path = Path(file)
    if not path.is_relative_to(REPOSITORY):
        return False
    return path.relative_to(REPOSITORY).parts[0] not in ("scripts", ".venv")
