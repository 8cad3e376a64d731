"""The page of a whole batch: every job a row that sorts and filters, and what accuracy costs as a plot."""

from dlpuconv.reporting.batch.page import BatchPage, BatchRow, Figure, WordColumn
from dlpuconv.reporting.batch.render import render_batch
from dlpuconv.reporting.batch.scatter import Scatter, Sighting, draw_scatter

__all__ = ["BatchPage", "BatchRow", "WordColumn", "Figure", "Scatter", "Sighting", "draw_scatter", "render_batch"]
