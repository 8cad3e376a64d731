"""No process of a conversion uses the network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import IMAGES, MODEL, PLAIN, TRAINED_ON, Sandbox

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
    sandbox = Sandbox(tmp_path)
    given = ("--calibration", str(IMAGES), *TRAINED_ON, "--no-cache", "--output", str(sandbox.output))
    for target, status in ((("artpec8", "--recipe", str(PLAIN)), 1), (("cv25",), 0)):  # a failure is looked into
        done = sandbox.run("convert", str(MODEL), *given, "-t", *target, PYTHONPATH=path, WATCHED=str(log))
        assert done.returncode == status, done.stderr
    lines = log.read_text().splitlines()
    assert len([line for line in lines if line.startswith("python ")]) >= 2
    assert not [line for line in lines if not line.startswith("python ")]
