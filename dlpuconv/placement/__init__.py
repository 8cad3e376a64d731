"""Where a chip will run each layer of a file: on its accelerator or on the CPU, and in how many pieces.

Targets hold a `Placement`, and must cost nothing to import.
"""

from dlpuconv.placement.facts import Placement
from dlpuconv.placement.forecast import Forecast, LayerPlacement, Memory
from dlpuconv.placement.partition import Piece, Processor, delegated, single_cut
from dlpuconv.placement.predict import forecast, foresee

__all__ = [
    # what a target says
    "Placement",
    # how a graph is cut
    "delegated", "single_cut",
    # what comes of it
    "forecast", "foresee", "Forecast", "LayerPlacement", "Memory", "Piece", "Processor",
]  # fmt: skip
