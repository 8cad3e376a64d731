"""A command line in a process of its own, and a finished conversion to look at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.models.cifar import CALIBRATION
from tests.whole_zoo import SMALL

MODEL = SMALL / "cifar_mobilenetv2.onnx"
PLAIN = SMALL / "cifar_mobilenetv2" / "plain.recipe.toml"
"""A recipe under which that model fails with one scale a layer."""
IMAGES = CALIBRATION
LONGEST = 500
"""Seconds, which only a hang exceeds."""
TRAINED_ON = ("--mean", "125.307,122.961,113.8575", "--std", "62.985,62.0925,66.708")


@dataclass(frozen=True)
class Sandbox:
    """A process's whole world: its home, cache, temporary folder and working folder are ours to look at."""

    root: Path

    @property
    def output(self) -> Path:
        return self.root / "out"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    def environment(self, **more: str) -> dict[str, str]:
        home = self.root / "home"
        for folder in (home, self.temporary, self.root / "cwd"):
            folder.mkdir(parents=True, exist_ok=True)
        return {
            **os.environ,
            "HOME": str(home),
            "TMPDIR": str(self.temporary),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "DLPUCONV_CACHE": str(self.root / "cache"),
            **more,
        }

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "dlpuconv", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.root / "cwd",
            env=self.environment(**more),
            start_new_session=True,
            # A shell starts background jobs with Ctrl-C ignored, and children inherit that: begin as a terminal does.
            preexec_fn=_listen_to_signals,
        )

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **more) as process:
            try:
                out, err = process.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@dataclass(frozen=True)
class Finished:
    """A finished `dlpuconv convert --json`."""

    sandbox: Sandbox
    status: int
    answer: dict[str, Any]
    stderr: str

    def manifest(self, target: str) -> dict[str, Any]:
        path = Path(next(a["path"] for a in self.answer["artifacts"] if a["target"] == target))
        manifest = path / "manifest.json" if path.is_dir() else path.with_suffix(".json")
        return json.loads(manifest.read_text())  # type: ignore[no-any-return]


def _listen_to_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
