"""The schema knows every field of a recipe, and every word that it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema

from dlpuconv.quantization import Recipe
from dlpuconv.quantization.recipe import Balance
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from pathlib import Path


def test_any_recipe_obeys_it(repository: Path) -> None:
    whole = json.loads((repository / "dlpuconv" / "manifest" / "manifest.schema.json").read_text("utf-8"))
    schema = whole["$defs"]["recipe"]
    recipes = [Recipe(granularity=Granularity.PER_TENSOR, equalize=True, balance=balance) for balance in Balance]
    for recipe in recipes:
        jsonschema.Draft202012Validator(schema).validate(recipe.to_json())
    assert set(recipes[0].to_json()) <= set(schema["properties"])
