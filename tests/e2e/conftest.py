"""One real conversion that several tests look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.support import IMAGES, MODEL, TRAINED_ON, Finished, Sandbox
from tests.once import once


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The demo model for all four chips at once; ARTPEC-8's per-tensor numbers may or may not pass."""
    return once("finished", tmp_path_factory, lambda: _converted(Sandbox(tmp_path_factory.mktemp("finished"))))


def _converted(sandbox: Sandbox) -> Finished:
    targets = [word for name in ("artpec7", "artpec8", "artpec9", "cv25") for word in ("--target", name)]
    done = sandbox.run(
        "convert", str(MODEL), *targets, "--calibration", str(IMAGES), *TRAINED_ON, "--output", str(sandbox.output),
        "--json",
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return Finished(sandbox, done.returncode, json.loads(done.stdout), done.stderr)
