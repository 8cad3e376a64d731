"""Where a chip runs each layer: what a target says of it, ways to cut a graph, and the forecast that rules ask for."""

from __future__ import annotations

from dlpuconv.placement import (
    Forecast,
    LayerPlacement,
    Memory,
    Piece,
    Placement,
    Processor,
    delegated,
    forecast,
    single_cut,
)
from dlpuconv.placement.macs import macs, parameter_bytes

__all__ = [
    # what a target says
    "Placement",
    # how a graph is cut
    "Piece", "Processor", "delegated", "single_cut",
    # what comes of it
    "Forecast", "LayerPlacement", "Memory", "forecast",
    # what layers take
    "macs", "parameter_bytes",
]  # fmt: skip
