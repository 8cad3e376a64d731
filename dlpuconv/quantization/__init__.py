"""How a network's numbers become integers: recipes."""

from dlpuconv.quantization.recipe import Override, Recipe

__all__ = ["Override", "Recipe"]
