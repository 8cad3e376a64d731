from __future__ import annotations

from dataclasses import replace

import pytest

from dlpuconv.manifest.fields import Fields
from dlpuconv.manifest.sections import RecipeRecord
from dlpuconv.quantization import Recipe
from dlpuconv.quantization.sites import Gate
from dlpuconv.scheme import Granularity

PLAIN = Recipe(granularity=Granularity.PER_TENSOR)


@pytest.mark.parametrize(
    ("recipe", "scales"),
    [(PLAIN, False), (replace(PLAIN, equalize=True), True), (replace(PLAIN, gates=(Gate("y", (0, 8)),)), True)],
)
def test_equalization_and_gates_scale_channels(recipe: Recipe, *, scales: bool) -> None:
    assert RecipeRecord.parse(Fields(recipe.to_json())).scales is scales
