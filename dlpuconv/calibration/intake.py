"""The one loop that every source goes through: store, look, tell how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.calibration.linter import Linter
    from dlpuconv.calibration.preprocess import Preprocessing
    from dlpuconv.calibration.spool import Record, Spool
    from dlpuconv.calibration.stored import ArraySamples, ImageSamples
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir import Signature

MOST = 10_000
"""More samples than this are never read: an endless iterator must end somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """What every reader must know.

    Attributes:
        signature: of the source model.
        preprocessing: for images.
        progress: where reading is shown.
        limit: the most samples to take.
        title: what the progress bar says.
        calibrates: ranges are taken from the samples.
    """

    signature: Signature
    preprocessing: Preprocessing
    progress: Progress
    limit: int = MOST
    title: str = "reading calibration samples"
    calibrates: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a reader found."""

    samples: ArraySamples | ImageSamples
    warnings: tuple[str, ...] = ()


def fill(
    spool: Spool,
    records: Iterable[tuple[str, Record] | None],
    linter: Linter,
    request: SampleRequest,
    total: int | None,
) -> None:
    """Store records with their labels; None marks one that could not be read.

    Raises:
        CalibrationError: a sample cannot be used, or the temporary folder is full.
    """
    spool.demand_room(total or 0)
    with request.progress.stage(request.title, total) as step:
        for labelled in records:
            if labelled is not None:
                label, record = labelled
                linter.add(label, record, spool.append(record))
            step()


def skipped(total: int, taken: int) -> tuple[str, ...]:
    """A warning where `MOST` cut samples off that nobody asked to leave out."""
    if taken < MOST or total <= MOST:
        return ()
    return (f"{taken} of {total} samples were read, evenly spread; that is the most that is ever read",)


def evenly(total: int, limit: int) -> list[int]:
    """At most `limit` of `total` positions, evenly spread: folders are often sorted by class."""
    if total <= limit:
        return list(range(total))
    return [int(position) for position in np.linspace(0, total - 1, limit).round()]
