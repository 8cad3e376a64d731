"""The report that people read: everything known of one file, on one page of HTML that needs nothing else.

Three steps: `Material` is what there is to tell, `make_page` words and draws it as a frozen `Page`, `render` fills the
template. The page loads nothing from anywhere, and what a stranger's file says is never markup on it.
"""

from dlpuconv.reporting.build import make_page
from dlpuconv.reporting.files import check_report, report_names, write_report
from dlpuconv.reporting.material import Material, size_of
from dlpuconv.reporting.render import render

__all__ = ["Material", "check_report", "make_page", "render", "report_names", "size_of", "write_report"]
