"""What a page is made of: all that is known of one file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.calibration import Preprocessing
    from dlpuconv.contract import Contract
    from dlpuconv.formats import FileView
    from dlpuconv.placement import Forecast
    from dlpuconv.plugin import Target
    from dlpuconv.reporting.origin import FileOrigin
    from dlpuconv.verification.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that there is to tell; most of it may be missing.

    Attributes:
        report: the verifier's.
        view: what the file holds.
        target: the chip.
        size: of the file or folder, in bytes.
        contract: how to feed the file and how to read its answers.
        origin: what it was made from, and how; None where nothing tells.
        blamed: what each layer costs alone, and why; empty where that was not measured.
        asked_db: signal-to-noise ratio that the outputs must reach.
        preprocessing: how images became the samples that were compared on; None where they were no images.
    """

    report: Report
    view: FileView = field(repr=False)
    target: Target
    size: int
    contract: Contract
    origin: FileOrigin | None = None
    blamed: tuple[BlamedLayer, ...] = ()
    asked_db: float
    preprocessing: Preprocessing | None = None

    @property
    def forecast(self) -> Forecast | None:
        """Where each layer will run; None where nothing is known of that."""
        return self.report.placement


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [entry for entry in path.rglob("*") if entry.is_file()]
    return sum(file.stat().st_size for file in files)
