"""How a network's numbers become integers: recipes, the techniques that they name, and the search for a good one."""

from dlpuconv.quantization.recipe import (
    Balance,
    BiasCorrection,
    Observer,
    Override,
    Recipe,
    Rounding,
    ScaleOrigin,
    WeightScale,
)

__all__ = ["Balance", "BiasCorrection", "Observer", "Override", "Recipe", "Rounding", "ScaleOrigin", "WeightScale"]
