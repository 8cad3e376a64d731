"""The report that people read: everything known of one file, on one page of HTML that needs nothing else.

Three steps: `Material` is what there is to tell, `make_page` words and draws it as a frozen `Page`, `render` fills the
template. The page loads nothing from anywhere, and what a stranger's file says is never markup on it.
"""

from dlpuconv.reporting.build import make_page
from dlpuconv.reporting.files import GRAPH, check_report, report_names, write_report
from dlpuconv.reporting.material import Material, size_of
from dlpuconv.reporting.overlays import check_overlays, overlays_of, write_overlays
from dlpuconv.reporting.render import render

__all__ = [
    "GRAPH", "Material", "check_overlays", "check_report", "make_page", "overlays_of", "render", "report_names",
    "size_of", "write_overlays", "write_report",
]  # fmt: skip
