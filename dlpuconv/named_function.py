"""A function of the user's own, by the text `module:function`."""

from __future__ import annotations

import importlib
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.errors import DlpuconvError


def named_function(option: str, text: str, example: str, failed: Callable[[str], DlpuconvError]) -> Callable[..., Any]:
    """The function, imported with the current folder at the end of the path.

    Args:
        option: of the command line, for messages.
        text: what it was given.
        example: of such a text.
        failed: makes the error that is raised where the module fails while it is imported.

    Raises:
        UsageError: there is no such function.
        DlpuconvError: what `failed` made.
    """
    module_name, colon, name = text.partition(":")
    if not colon or not module_name or not name:
        raise UsageError(f"{option} {text!r} is not MODULE:FUNCTION, such as {example}", id="function-form")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # at the end: a numpy.py that lies there is not what this program, or a library, imports
    importlib.invalidate_caches()  # the file may be younger than what Python remembers of its folder
    try:
        with redirect_stdout(sys.stderr):
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise failed(f"{option} {text}: importing {module_name} failed: {first_line(error)}") from error
        raise UsageError(
            f"{option} {text}: there is no module {error.name!r} in {here} or on Python's path", id="function-not-found"
        ) from error
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        what = f"importing {module_name} failed{place_of(error)}: {first_line(error)}"
        raise failed(f"{option} {text}: {what}") from error
    if hidden := _hidden(module_name, here):
        raise UsageError(f"{option} {text}: {hidden}; give yours another name", id="function-hidden")
    function = getattr(module, name, None)
    if not callable(function):
        known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        what = "has no function" if function is None else "has no function but another value"
        raise UsageError(
            f"{option} {text}: the module {module_name} {what} {name!r}{did_you_mean(name, known)}",
            id="function-not-found",
        )
    return function  # type: ignore[no-any-return]


def first_line(error: BaseException) -> str:
    """What was raised, in one line."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


def place_of(error: BaseException) -> str:
    """` (top1.py:12)`: where in the user's code it happened, as far as it can be told from where it was raised."""
    ours = Path(__file__).parent
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not Path(f.filename).is_relative_to(ours) and "importlib" not in f.filename]
    return f" ({Path(theirs[0].filename).name}:{theirs[0].lineno})" if theirs else ""


def _hidden(module_name: str, here: str) -> str:
    """Why a module of the current folder is not the one that was imported, where there are two of its name."""
    top = module_name.partition(".")[0]
    own = next((path for path in (Path(here, f"{top}.py"), Path(here, top, "__init__.py")) if path.exists()), None)
    found = getattr(sys.modules[top], "__file__", None)
    if own is None or (found and own.samefile(found)):
        return ""
    return f"{own} is hidden by the module {top} that Python finds first, {found or 'which is built in'}"
