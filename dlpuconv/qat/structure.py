"""The layers that a recipe adds, as layers of the module: the rest of the recipe takes them for the network's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.qat.capture import captured_again
from dlpuconv.qat.detours import insert_detours
from dlpuconv.qat.gates import insert_gates
from dlpuconv.qat.groups import insert_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from dlpuconv.qat.capture import Captured
    from dlpuconv.qat.start import Start
    from dlpuconv.quantization import Recipe


def with_layers(captured: Captured, start: Start) -> tuple[Captured, Recipe, tuple[str, ...]]:
    """A module with the layers of a recipe's groups, detours and gates.

    Args:
        captured: its graph is changed.
        start: what it was captured for.

    Returns:
        The module captured again; what is left of the recipe, whose gates are named by nodes of that; and a sentence
        for each layer that the module has no place for.
    """
    model = captured.graph_module
    told = (*insert_groups(model, start), *insert_detours(model, start))
    products, missing = insert_gates(model, start)
    model.graph.eliminate_dead_code()
    model.recompile()
    again = captured_again(captured)
    names = _new_names(model, again.graph_module)
    gates = tuple(replace(gate, site=names[product]) for gate, product in products.items())
    return again, replace(start.recipe, gates=gates), (*told, *missing)


def _new_names(before: torch.fx.GraphModule, after: torch.fx.GraphModule) -> Mapping[torch.fx.Node, str]:
    """What the nodes of a graph are called that was captured again: they come in the same order."""
    old, new = ([node for node in model.graph.nodes if node.op == "call_function"] for model in (before, after))
    return {one: other.name for one, other in zip(old, new, strict=True)}
