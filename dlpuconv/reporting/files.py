"""Where pages and overlays are written: each replaces an older one of its kind, and never anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.analysis.overlay import MARK
from dlpuconv.delivery import check_destination, write_all
from dlpuconv.errors import OutputError
from dlpuconv.files.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

GENERATOR = "dlpuconv report"
_HEAD = 2048  # bytes in which every page names its generator


@dataclass(frozen=True, slots=True)
class Written:
    """A kind of file that is written on demand.

    Attributes:
        noun: what people call it.
        option: that asks for it, and says where it goes.
        mark: that every such file has at its beginning.
        instead: what to give where a folder has the name.
    """

    noun: str
    option: str
    mark: str
    instead: str = "give a file, such as out.html"


REPORT = Written("report", "--report", GENERATOR)
GRAPH = Written("graph", "--html", "dlpuconv graph")
OVERLAY = Written("overlay", "--overlay", f'"name": "{MARK}', "give another folder")


def report_names(path: Path, targets: Sequence[str]) -> dict[str, Path]:
    """A page for each target: the path itself for one, `report.artpec8.html` and so on for several."""
    names = list(dict.fromkeys(targets))
    if len(names) == 1:
        return {names[0]: path}
    return {target: path.with_name(f"{path.stem}.{target}{path.suffix}") for target in names}


def check_report(path: Path, results: Iterable[Path] = (), kind: Written = REPORT) -> None:
    """Refuse early, before long work, what `write_report` would refuse at the end.

    Args:
        path: of the page.
        results: other files that the same run writes.
        kind: what the page is.

    Raises:
        OutputError: there is a folder, or a file that is no such page of ours, or will be; or none can be written
            there.
    """
    if path.is_dir():
        raise OutputError(
            f"cannot write the {kind.noun} to {str(path)!r}: it is a folder; {kind.instead}", id="output-is-folder"
        )
    check_destination(path.parent, [path.name], force="all")
    if path.resolve() in {result.resolve() for result in results}:
        raise OutputError(
            f"{str(path)!r} is the name of another file that this command writes: give another name to {kind.option}",
            id="output-is-result",
        )
    if not path.exists():
        return
    try:
        with open_regular(path) as stream:
            ours = kind.mark.encode() in stream.read(_HEAD)
    except OSError as error:
        raise OutputError(
            f"cannot write the {kind.noun} to {str(path)!r}: {error.strerror or error}", id="output-not-writable"
        ) from error
    if not ours:
        raise OutputError(
            f"{str(path)!r} exists already and is not one of dlpuconv's {kind.noun}s, so it is not replaced: give"
            f" another name to {kind.option}",
            id="output-foreign-page",
        )


def write_report(pages: Mapping[Path, str], kind: Written = REPORT) -> None:
    """Write pages, each to a temporary name first.

    Raises:
        OutputError: something else is there, or the folder cannot be written.
    """
    for path, text in pages.items():
        check_report(path, kind=kind)
        write_all(path.parent, {path.name: text.encode()}, force=True)


def remove_report(path: Path, kind: Written = REPORT) -> None:
    """Remove a page that tells of what is not there any more; none is no error.

    Raises:
        OutputError: something else is there, or it cannot be removed.
    """
    if not path.exists():
        return
    check_report(path, kind=kind)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot remove the {kind.noun} {str(path)!r}: {error.strerror or error}", id="output-not-writable"
        ) from error
