"""What a package folder for CVflow's compiler must hold beside its model; plain `.onnx` files have none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.package import FEWEST_SAMPLES
from dlpuconv.plugin.rules import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context
    from dlpuconv.plugin.views import FileView

_GUIDE = "Axis: ONNX to CV25 guide"
_RUN = "the tools resolve the names in a list from the folder that they run in"


def unchanged(view: FileView, _: Context) -> Iterator[Hit]:
    """By `SHA256SUMS` and the manifest, where there are such."""
    for name, fault in view.package.faults if view.package else ():
        yield Hit(fault, name)


def lists_readable(view: FileView, _: Context) -> Iterator[Hit]:
    """Where the package names one, or calibrates one input and not another."""
    lists = view.package.lists if view.package else ()
    for entry in lists:
        if entry.problem:
            yield Hit(f"{entry.list} {entry.problem}", entry.input)
        elif not entry.list and any(other.list for other in lists):
            yield Hit("the package has calibration files for other inputs, none for this one", entry.input)
    counts = {entry.input: len(entry.files) for entry in lists if entry.list and not entry.problem}
    if len(set(counts.values())) > 1:
        yield Hit("the lists differ in length: " + ", ".join(f"{name} {count}" for name, count in counts.items()))


def files_whole(view: FileView, _: Context) -> Iterator[Hit]:
    """H x W x C bytes for pixels: raw, planar, not padded."""
    for entry in view.package.lists if view.package else ():
        for file in entry.files:
            if file.problem:
                yield Hit(file.problem, file.name)
            elif file.size != entry.sample_bytes:
                yield Hit(f"has {file.size} bytes; one sample of {entry.input} has {entry.sample_bytes}", file.name)


def enough_images(view: FileView, _: Context) -> Iterator[Hit]:
    """Without any, the package cannot be compiled as it is."""
    if view.package is not None and view.package.samples < FEWEST_SAMPLES:
        count = view.package.samples
        yield Hit(f"there are {count}" if count else "there are none: it cannot be compiled as it is")


PACKAGE_RULES: tuple[Rule, ...] = (
    Rule(
        id="CV-FILES",
        severity=Severity.FAIL,
        sentence="Every file of a package is there, inside it, and as it was written.",
        source="dlpuconv's own SHA256SUMS and manifest",
        check=unchanged,
        fix="copy the package again, or convert again",
    ),
    Rule(
        id="CV-LISTS",
        severity=Severity.FAIL,
        sentence="Every input has a list of calibration files, or none has.",
        source=_GUIDE,
        check=lists_readable,
        fix="convert again with --calibration",
    ),
    Rule(
        id="CV-BINS",
        severity=Severity.FAIL,
        sentence="Every file that a list names lies in the package and holds exactly one sample.",
        source=f"{_GUIDE}; {_RUN}",
        check=files_whole,
        fix="convert again with --calibration",
    ),
    Rule(
        id="CV-IMAGES",
        severity=Severity.WARN,
        sentence="The compiler has 100 to 200 samples to take its ranges from.",
        source=_GUIDE,
        check=enough_images,
        fix="--calibration FOLDER with 100 to 200 images",
    ),
)
"""For a package folder; fatal ones first."""
