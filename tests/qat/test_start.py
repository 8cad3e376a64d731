"""What training starts from."""

from __future__ import annotations

from dataclasses import replace

from dlpuconv.qat.start import _kept
from dlpuconv.quantization import BiasCorrection, Recipe, Rounding
from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
from dlpuconv.scheme import Granularity

EQUALIZED = Recipe(granularity=Granularity.PER_TENSOR, equalize=True)


def test_of_a_recipe_only_what_adds_no_layers_is_kept_and_the_rest_is_told() -> None:
    learned = replace(EQUALIZED, bias_correction=BiasCorrection.ANALYTIC, rounding=Rounding.LEARNED)
    recipe = replace(
        learned,
        detours=(Detour("a", (0,)),),
        gates=(Gate("b", (0, 8)), Gate("c", (4,))),
        groups=(LayerGroups("d", (0, 1)),),
    )
    told = ("2 gates of the recipe are left out", "1 groups of the recipe are left out")
    assert _kept(recipe) == (learned, told)
