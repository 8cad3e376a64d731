"""What training starts from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from dlpuconv.network import Value
from dlpuconv.qat.start import _kept
from dlpuconv.quantization import BiasCorrection, Recipe, Rounding
from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
from dlpuconv.scheme import Granularity

EQUALIZED = Recipe(granularity=Granularity.PER_TENSOR, equalize=True)
LEARNED = replace(EQUALIZED, bias_correction=BiasCorrection.ANALYTIC, rounding=Rounding.LEARNED)


def network(*gates: Value) -> Any:
    return SimpleNamespace(gates=lambda: dict.fromkeys(gates))


def value(name: str, source: str) -> Value:
    return Value(name=name, shape=(1, 2, 2, 2), dtype=np.dtype(np.float32), source_names=(source,))


def test_of_a_recipe_only_what_adds_no_layers_is_kept_for_a_module_without_them() -> None:
    recipe = replace(
        LEARNED,
        detours=(Detour("a", (0,)),),
        gates=(Gate("b", (0, 8)), Gate("c", (4,))),
        groups=(LayerGroups("d", (0, 1)),),
    )
    assert _kept(recipe, network(value("b", "b")), has_layers=False) == (LEARNED, ())


def test_gates_that_the_module_has_layers_of_are_kept_under_their_names_in_the_file() -> None:
    recipe = replace(LEARNED, gates=(Gate("mul_1", (0, 8)), Gate("mul_2", (4,))))
    kept, told = _kept(recipe, network(value("product", "mul_1")), has_layers=True)
    assert kept == replace(LEARNED, gates=(Gate("product", (0, 8)),))
    assert told == ("the gate 'mul_2' is left out: the file has no layer for it",)
