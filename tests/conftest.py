"""What all tests share: plugins in a bare checkout, the zoo, and a summary that hides no gap."""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import HealthCheck, settings

from tests.whole_zoo import is_there, larger, missing, put_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

REPOSITORY = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
C_COMPILERS = ("cc", "gcc", "clang")

# No time limits, which a busy machine breaks, and the same examples in every run: a failure is the change's own.
settings.register_profile(
    "dlpuconv", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("dlpuconv")


_LONGEST_NAME = 200
_LONGEST_CONTENT = 20
_ONLY_LARGE = "only a larger zoo"


def pytest_configure(config: pytest.Config) -> None:
    """Make a bare checkout testable, with a cache that holds nothing from an earlier run and is all workers' of this.

    Plugins are found by entry point, which only an installed distribution has. When there is none, the entry
    points are taken from pyproject.toml instead.
    """
    if not hasattr(config, "workerinput"):
        cache = tempfile.mkdtemp(prefix="dlpuconv-cache-")
        os.environ["DLPUCONV_CACHE"] = cache  # which workers inherit
        config.add_cleanup(lambda: shutil.rmtree(cache, ignore_errors=True))
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
    told = "".join(f"Provides-Extra: {name}\n" for name in project["optional-dependencies"])
    told += "".join(f"Requires-Dist: {line}\n" for line in project["dependencies"])
    for name, lines in project["optional-dependencies"].items():
        told += "".join(f"Requires-Dist: {line}; extra == '{name}'\n" for line in lines)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dlpuconv\nVersion: 0\n{told}")
    with (info / "entry_points.txt").open("w") as file:
        for group, entries in project["entry-points"].items():
            print(f"[{group}]", *(f"{k} = {v}" for k, v in entries.items()), sep="\n", file=file)
    return str(folder)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Short names for hostile texts, and one name for all contents of files, which pytest then counts.

    pytest tells the running test's name in the environment, which has room for 128 KiB: where that is full, no process
    can be started, and whether one is depends on which test comes first. Contents of archives hold the time at which a
    worker made them, and workers that name a test differently end the run.
    """
    if isinstance(val, bytes) and len(val) > _LONGEST_CONTENT:
        return "content"
    if isinstance(val, str) and len(val) > _LONGEST_NAME:
        return f"{val[:20]!a} and {len(val) - 20} more"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, so that no worker has it left when the others have ended.

    Skip what needs a model that only a larger zoo has, where there is none; the summary counts it.
    """
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if is_there(larger()):
        return
    for item in items:
        if names := missing(item):
            reason = f"{_ONLY_LARGE} has {', '.join(names)}"
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking the thousands of tests again and again: they live to the end."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests did not run for want of a larger zoo."""
    skipped = [r for r in terminalreporter.stats.get("skipped", ()) if _ONLY_LARGE in str(r.longrepr)]
    if not skipped:
        return
    terminalreporter.section("there is no larger zoo", sep="-", yellow=True)
    terminalreporter.write_line(
        f"{len(skipped)} tests were skipped, whose models are not in this repository: {larger()} holds no zoo.py. All"
        " others ran, those on the trained models of tests/models among them. DLPUCONV_ZOO names a larger zoo."
    )


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained models: `zoo / NAME / "model.onnx"`, and `task(zoo, NAME)`. Tests that use them are marked `zoo`."""
    folder = tmp_path_factory.mktemp("zoo")
    put_together(folder)
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def c_compiler() -> str:
    """The system's C compiler: what dlpuconv writes in C is compiled and run."""
    found = next(filter(None, map(shutil.which, C_COMPILERS)), None)
    if found is None:
        pytest.fail("the C code of headers and reports is compiled, and there is no cc: scripts/setup test installs it")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail("the report is tested in Chromium, and there is none: scripts/setup test installs it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a document from disk; complaints of the browser, and requests of the page, fail the test."""
    troubles: list[str] = []
    contexts: list[BrowserContext] = []

    def open_document(text: str, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Page:
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith("file:") else troubles.append(asked.url))
        page.goto(file.as_uri())
        return page

    yield open_document
    for context in contexts:
        context.close()
    assert troubles == []
