"""One conversion of a batch, as plain values that any process on any machine can be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one job may take.

    Attributes:
        memory: bytes of its processes together.
        seconds: by the clock.
        threads: that its libraries compute with; the engine decides.
    """

    memory: int
    seconds: float
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob:
    """One conversion.

    Attributes:
        name: unique in its batch, and fit for a folder's name: `model.target`, with what else the matrix varies.
        model: path, or a URL that fsspec reads.
        target: one chip.
        calibration: path or URL of samples, or one of the words that `convert` takes; empty: none.
        validation: likewise.
        options: further options of `dlpuconv.convert`, by their names in Python, with values that JSON holds.
        axes: what the matrix varies, by axis, for tables: `model`, `target`, and options.
    """

    name: str
    model: str
    target: str
    calibration: str = ""
    validation: str = ""
    options: Mapping[str, Json] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
