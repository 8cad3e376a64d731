"""Vendor compilers: run when they are on PATH, and otherwise the command that the user has to run."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.errors import BackendError
from dlpuconv.files.regular import read_regular

if TYPE_CHECKING:
    from dlpuconv.jsonable import Json
    from dlpuconv.plugin import ExternalCompiler

_TIME_LIMIT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """What came of a vendor compiler.

    Attributes:
        command: what was run, or is to be run by hand, with file names relative to the output folder.
        file: name of the compiled file.
        content: of the compiled file; empty when the compiler is not installed.
        log: what the compiler printed.
        problem: why there is no compiled file although the compiler is installed; empty if there is none.
    """

    command: str
    file: str
    content: bytes = b""
    log: str = ""
    problem: str = ""

    def to_json(self) -> dict[str, Json]:
        """For the manifest."""
        return {
            "command": self.command,
            "file": self.file,
            "compiled": bool(self.content),
            "problem": self.problem or None,
            "log": [*self.log.splitlines()],
        }


def compile_for_chip(compiler: ExternalCompiler, file: Path) -> Compilation:
    """Run the compiler on a file in a folder of its own; the file is not changed.

    A compiler that fails, takes too long or leaves no file is a problem of the result, not an error: the file that it
    was given is good, and may be compiled elsewhere.
    """
    command = " ".join([compiler.executable, *(_fill(a, file.name, ".") for a in compiler.arguments)])
    executable = shutil.which(compiler.executable)
    produced = compiler.produces.format(stem=file.stem)
    if executable is None:
        return Compilation(command=command, file=produced)
    log = ""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        arguments = [_fill(a, str(file), folder) for a in compiler.arguments]
        try:
            log = _run(compiler.executable, [executable, *arguments], folder)
            content = read_regular(Path(folder, produced))
        except BackendError as error:
            return Compilation(command=command, file=produced, problem=str(error))
        except OSError:  # none, or no regular file
            problem = f"{compiler.executable} left no {produced}; it printed: {_last_line(log)}"
            return Compilation(command=command, file=produced, log=log, problem=problem)
    return Compilation(command=command, file=produced, content=content, log=log)


def _run(name: str, command: list[str], folder: str) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"{name} did not finish within {_TIME_LIMIT_S} s", id="compiler-failed") from error
    except OSError as error:
        raise BackendError(f"{name} cannot be run: {error.strerror}", id="compiler-failed") from error
    log = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise BackendError(f"{name} failed with status {done.returncode}: {_last_line(log)}", id="compiler-failed")
    return log


def _fill(argument: str, file: str, folder: str) -> str:
    return argument.format(file=file, folder=folder)


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
