"""The graph of a file as a page: every layer drawn, found by any of its names, and followed along its edges.

`make_graph` words and draws what a file holds as a frozen `GraphPage`; `render_graph` fills the template. The drawing
is computed here: no library draws it, and the page loads nothing.
"""

from dlpuconv.reporting.graph.build import make_graph
from dlpuconv.reporting.graph.render import render_graph

__all__ = ["make_graph", "render_graph"]
