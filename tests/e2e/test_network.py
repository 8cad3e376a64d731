"""No process of a conversion uses the network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import IMAGES, MODEL, TRAINED_ON, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

_WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        with open(os.environ["WATCHED"], "a") as log:
            log.write(f"{event} {arguments}\\n")

with open(os.environ["WATCHED"], "a") as log:
    log.write(f"python {os.getpid()}\\n")
sys.addaudithook(watch)
"""
"""Python runs a module of this name at each start, in workers too."""


@pytest.mark.slow
def test_neither_the_program_nor_its_workers_use_the_network(tmp_path: Path) -> None:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(_WATCH)
    log = tmp_path / "log"
    path = os.pathsep.join(filter(None, (str(tmp_path / "watch"), os.environ.get("PYTHONPATH"))))
    arguments = ("-t", "artpec8,cv25", "--calibration", str(IMAGES), *TRAINED_ON, "--effort", "fast", "--no-cache")
    sandbox = Sandbox(tmp_path)
    process = sandbox.start(
        "convert", str(MODEL), *arguments, "--output", str(sandbox.output), PYTHONPATH=path, WATCHED=str(log)
    )
    _, errors = process.communicate()
    assert process.returncode == 1, errors  # the demo model fails on artpec8 when nothing is tried
    lines = log.read_text().splitlines()
    assert len([line for line in lines if line.startswith("python ")]) >= 2
    assert not [line for line in lines if not line.startswith("python ")]
