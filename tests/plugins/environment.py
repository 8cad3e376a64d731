"""A fresh environment beside this one's libraries, as an author of plugins has it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOTS = (".", "backends", "targets")


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own, with the checkout and this interpreter's libraries on its path.

    Attributes:
        folder: where it is.
        place: the folder that commands run in.
    """

    folder: Path
    place: Path

    @classmethod
    def make(cls, folder: Path, repository: Path) -> Environment:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        paths = [*(str((repository / root).resolve()) for root in ROOTS), sysconfig.get_path("purelib")]
        (site / "beside.pth").write_text("\n".join(paths) + "\n")
        for command in ("dlpuconv", "pip", "pytest"):
            script = folder / "venv" / "bin" / command
            script.write_text(f'#!/bin/sh\nexec python -m {command} "$@"\n')
            script.chmod(0o755)
        place = folder / "place"
        place.mkdir()
        return cls(folder / "venv", place)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A command, in the environment's folder; without what the tests' own environment says of Python."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
        variables = {
            **inherited,
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]]),
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say: build without isolation
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        return subprocess.run(command, cwd=self.place, env=variables, capture_output=True, text=True, check=False)

    def install(self, package: Path) -> None:
        """What `pip install -e` does, offline."""
        done = self.run("python", "-m", "pip", "install", "--quiet", "--editable", package)
        assert done.returncode == 0, done.stdout + done.stderr
