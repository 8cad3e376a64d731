"""Every error that dlpuconv raises on purpose, each with its own exit status.

A message says what was asked, what was found and what is possible, in one sentence that a user can act on. Each error
has an id beside it, which stays when the sentence is improved: programs match it, and `dlpuconv errors ID` tells the
cause and the way out (`dlpuconv/error_catalog/`).
Exit statuses 0 (ok), 1 (verification failed), 2 (usage) and those from 129 on (a signal) belong to the command line.
"""

from __future__ import annotations

import re
import shlex
import sys
import traceback
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv.language.brief import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlpuconv.jsonable import Json

_CORE, _LIBRARY = (re.escape(str(Path(file).parent)) for file in (__file__, traceback.__file__))
_FOREIGN = re.compile(rf"<|{_CORE}/|{_LIBRARY}/(?!(site|dist)-packages/)")
"""Files of this package, of Python's own library and of the import system."""


class DlpuconvError(Exception):
    """Base of all errors that are the user's to act on; `status` is the exit status of the command line.

    Args:
        message: one sentence.
        problems: all that is wrong, where the message tells the first few.
        id: which cause it has, such as `model-truncated`; what each one means is in `dlpuconv/error_catalog/`. Classes
            that have one cause only know their own. Without one, the error of a plugin, which the catalogue does not
            hold.
    """

    status: ClassVar[int] = 10
    id: str = ""
    _problems: tuple[str, ...] = ()

    def __init__(self, message: str = "", problems: Iterable[str] = (), *, id: str = "") -> None:  # noqa: A002 - its name
        super().__init__(message)
        self._problems = tuple(problems)
        if id:
            self.id = id

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem in full; the message alone if it names all of them."""
        return self._problems or (str(self),)

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return error_json(self.kind, str(self), self.status, self.problems, self.id)

    def tell(self, message: str, problems: Iterable[str]) -> None:
        """Say this from now on, and stay the same object: a copy would lose its cause and its traceback."""
        self.args, self._problems = (message,), tuple(problems)

    @property
    def kind(self) -> str:
        """The stable name of the error's class, as `--json` prints it."""
        return type(self).__name__


class UsageError(DlpuconvError):
    """An option or argument has a value that cannot be used."""

    status = 2


class ModelError(DlpuconvError):
    """The model cannot be read: not ONNX, truncated, cyclic, missing data, unusable weights."""

    status = 3


class ShapeError(ModelError):
    """A shape is unknown, zero, or does not fit what was asked for."""

    status = 4


class UnsupportedModelError(DlpuconvError):
    """The model is well-formed but holds constructs that no conversion exists for.

    Args:
        message: one sentence.
        problems: all that is wrong, where the message tells the first few.
        refused: values of the source model whose operators have no form on the chip, where the rest of the network may
            well run on the camera's CPU; empty where a division would not help.
        id: which cause it has.
    """

    status = 5

    def __init__(
        self,
        message: str = "",
        problems: Iterable[str] = (),
        refused: Iterable[str] = (),
        *,
        id: str = "",  # noqa: A002 - as above
    ) -> None:
        super().__init__(message, problems, id=id)
        self.refused = tuple(refused)


class CalibrationError(DlpuconvError):
    """The calibration or validation data cannot be used."""

    status = 6


class BackendError(DlpuconvError):
    """A backend, or the tool that it drives, failed."""

    status = 7


class PluginError(DlpuconvError):
    """A plugin cannot be found or loaded, or its code failed."""

    status = 8


class OutputError(DlpuconvError):
    """A file cannot be written: it exists, the folder is read-only, the disk is full."""

    status = 9


class ArtifactError(DlpuconvError):
    """A converted file cannot be read back: corrupted, truncated, or of an unknown format."""

    status = 11


class MissingDependencyError(DlpuconvError):
    """An optional library is needed for what was asked.

    Args:
        library: the distribution that is missing.
        extra: the extra of dlpuconv that brings it.
        purpose: what it is needed for.
        interpreter: the Python that lacks it; empty: this one.
    """

    status = 12
    id = "library-missing"

    def __init__(self, library: str, extra: str, purpose: str, interpreter: str = "") -> None:
        self._needed = library, extra, purpose, interpreter
        place = f"missing for {interpreter}" if interpreter else "not installed"
        super().__init__(f"{purpose} needs {library}, which is {place}: {self.remedy}")

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        _, extra, _, interpreter = self._needed
        return pip_install(extra, interpreter)

    @override
    def __reduce__(self) -> tuple[type[MissingDependencyError], tuple[str, str, str, str]]:
        """Pickled as it is made, so that a pool of processes can hand it on."""
        return type(self), self._needed


class MetricError(DlpuconvError):
    """The user's own metric failed, or gave no number."""

    status = 13


class StoreError(DlpuconvError):
    """The store of a batch cannot be read or written, or holds something else in the place of what is its own."""

    status = 14


class RegressionError(DlpuconvError):
    """Of two batches, the second is worse than `--fail-on` allows."""

    status = 15
    id = "batch-regression"


OF_ONE_TARGET = (ArtifactError, BackendError, PluginError, ShapeError, UnsupportedModelError)
"""What ends the work for one target, or for all of one backend, and says nothing of other targets."""


@contextmanager
def faults_of(who: str) -> Iterator[None]:
    """Around every call of a plugin's code: what it raises without meaning to is a PluginError that names it.

    What it prints goes to stderr: results on stdout are to be read by programs.

    Args:
        who: the plugin, and which part of it: `the rule T-ODD of the target 'toy' (distribution toychip)`.

    Raises:
        PluginError: the code raised anything but a DlpuconvError, or tried to end the program.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except DlpuconvError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{who} failed: {what_was_raised(error)}", id="plugin-failed") from error


def what_was_raised(error: BaseException) -> str:
    """The exception and where it was raised, for whoever can mend that."""
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    # What called the plugin, and the standard library that it called, are no places that its author could mend.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _FOREIGN.match(frame.filename)]
    if not frames:
        return text
    path = Path(frames[-1].filename)
    file = f"{path.parent.name}/{path.name}" if path.name == "__init__.py" else path.name
    return f"{text} ({file}, line {frames[-1].lineno})"


def error_json(kind: str, message: str, status: int, problems: Iterable[str], cause: str = "") -> dict[str, Json]:
    """What `--json` prints of an error: its id, the message as people see it, and all problems in full."""
    told: dict[str, Json] = {"type": kind, "message": brief(message), "status": status, "problems": list(problems)}
    return {"id": cause or None} | told


def pip_install(extra: str, interpreter: str = "") -> str:
    """The command that installs an extra of dlpuconv.

    Args:
        extra: its name.
        interpreter: for which Python; empty: this one.
    """
    pip = f"{shlex.quote(interpreter)} -m pip" if interpreter else "pip"
    return f'{pip} install "dlpuconv[{extra}]"'


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the closest known name, or an empty string."""
    names = {name.lower(): name for name in known}
    close = get_close_matches(wrong.lower(), list(names), n=1, cutoff=0.5)
    return f" (did you mean {names[close[0]]!r}?)" if close else ""
