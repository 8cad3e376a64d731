"""What a file holds, layer by layer: for the terminal and as JSON."""

from dlpuconv.inspection.details import render_layers
from dlpuconv.inspection.overview import render_overview
from dlpuconv.inspection.selection import select_layers
from dlpuconv.inspection.serialize import inspection_json

__all__ = ["inspection_json", "render_layers", "render_overview", "select_layers"]
