"""BatchPage -> HTML, by the same rules as a file's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.language.printable import printable
from dlpuconv.reporting.files import GENERATOR
from dlpuconv.reporting.render import fill

if TYPE_CHECKING:
    from dlpuconv.reporting.batch.page import BatchPage


def render_batch(page: BatchPage) -> str:
    """The whole document."""
    return fill("batch", GENERATOR, printable(page), shared=("palette.css", "report.css"))
