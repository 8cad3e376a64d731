"""How many scales the weights of a layer get, and which wishes about that name no layer."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError
from dlpuconv.ir.layer_names import closest
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.network import Node
    from dlpuconv.quantization.recipe import Recipe
    from dlpuconv.scheme import Scheme


def granularity(node: Node, recipe: Recipe, scheme: Scheme, names: LayerNames) -> Granularity:
    """What an override says of a layer, else the chip of its operator, else the recipe.

    Args:
        node: has a layer.
        recipe: has the overrides.
        scheme: of the chip.
        names: of the layer.
    """
    by_default = node.layer is not None and node.layer.by_default
    default = recipe.granularity if by_default else Granularity.PER_TENSOR
    return recipe.granularity_of(names) or scheme.by_operator.get(node.kind, default)


def check_overrides(recipe: Recipe, layers: Sequence[LayerNames], others: Sequence[LayerNames]) -> None:
    """Refuse what would be ignored: names of no layer, and of layers that have no weights.

    Args:
        recipe: has the overrides.
        layers: with weights.
        others: all of the network.

    Raises:
        UsageError: there is one.
    """
    for override in recipe.overrides:
        if any(names.match(override.pattern) for names in layers):
            continue
        asked = f"--override {quote(f'{override.pattern}={override.granularity}')}"
        told = f"{asked} matches none of the {len(layers)} layers with weights"
        weightless = next((names for names in others if names.match(override.pattern)), None)
        if weightless is not None:
            raise UsageError(f"{told}: {weightless.title} has none", id="override-matches-nothing")
        first = ", ".join(names.title for names in layers[:3])
        raise UsageError(
            f"{told}{closest(override.pattern, layers)}; the first are {first}", id="override-matches-nothing"
        )
