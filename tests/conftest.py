"""What all tests share: plugins in a bare checkout, the zoo, and a summary that hides no gap."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).parents[1]

# No time limits, which a busy machine breaks, and the same examples in every run: a failure is the change's own.
settings.register_profile(
    "dlpuconv", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("dlpuconv")


def pytest_configure() -> None:
    """Make a bare checkout testable.

    Plugins are found by entry point, which only an installed distribution has. When there is none, the entry
    points are taken from pyproject.toml instead.
    """
    try:
        importlib.metadata.distribution("dlpuconv")
    except importlib.metadata.PackageNotFoundError:
        sys.path.append(_metadata_from(REPOSITORY / "pyproject.toml"))
    if importlib.util.find_spec("tensorflow"):
        # Loaded after TensorFlow, triton (which torch's exporter imports) crashes the process; before it, all is well.
        with contextlib.suppress(ImportError):
            importlib.import_module("triton")


def _metadata_from(pyproject: Path) -> str:
    project = tomllib.loads(pyproject.read_text())["project"]
    folder = Path(tempfile.mkdtemp(prefix="dlpuconv-"))
    info = folder / "dlpuconv-0.dist-info"
    info.mkdir()
    extras = "".join(f"Provides-Extra: {name}\n" for name in project["optional-dependencies"])
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dlpuconv\nVersion: 0\n{extras}")
    with (info / "entry_points.txt").open("w") as file:
        for group, entries in project["entry-points"].items():
            print(f"[{group}]", *(f"{k} = {v}" for k, v in entries.items()), sep="\n", file=file)
    return str(folder)


def _zoo_folder() -> Path:
    return Path(os.environ.get("DLPUCONV_ZOO") or REPOSITORY.parent / "shared" / "zoo").resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the zoo where there is none; `pytest_terminal_summary` says so loudly."""
    zoo = _zoo_folder()
    if (zoo / "zoo.py").is_file():
        return
    for item in items:
        if item.get_closest_marker("zoo"):
            item.add_marker(pytest.mark.skip(reason=f"no model zoo in {zoo} (DLPUCONV_ZOO)"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that the tests on real models did not run."""
    skipped = [r for r in terminalreporter.stats.get("skipped", ()) if "no model zoo" in str(r.longrepr)]
    if not skipped:
        return
    terminalreporter.section("THE MODEL ZOO IS ABSENT", sep="!", red=True, bold=True)
    terminalreporter.write_line(
        f"{len(skipped)} tests on real models were SKIPPED: {_zoo_folder()} holds no zoo.py. This run proves little;"
        " set DLPUCONV_ZOO to the zoo's folder.",
        red=True,
        bold=True,
    )


@pytest.fixture(scope="session")
def zoo() -> Path:
    """The model zoo's folder: `zoo / NAME / "model.onnx"`. Tests that use it are marked `zoo`."""
    folder = _zoo_folder()
    if not (folder / "zoo.py").is_file():
        pytest.fail("a test that uses the `zoo` fixture must be marked `@pytest.mark.zoo`")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's folder."""
    return REPOSITORY
