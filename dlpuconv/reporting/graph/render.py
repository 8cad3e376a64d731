"""GraphPage -> HTML, by the same rules as a report: what a file says is text, and nothing is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.language.printable import printable
from dlpuconv.reporting.files import GRAPH
from dlpuconv.reporting.render import fill

if TYPE_CHECKING:
    from dlpuconv.reporting.graph.page import GraphPage


def render_graph(page: GraphPage) -> str:
    """The whole document."""
    return fill("graph", GRAPH.mark, printable(page))
