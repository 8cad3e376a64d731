"""How a network's numbers become integers: recipes, the techniques that they name, and the search for a good one."""

from dlpuconv.quantization.recipe import BiasCorrection, Observer, Override, Recipe, Rounding, WeightScale

__all__ = ["BiasCorrection", "Observer", "Override", "Recipe", "Rounding", "WeightScale"]
