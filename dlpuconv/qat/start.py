"""What training starts from: the float network as the target's recipe rewrites it, and its scales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UsageError
from dlpuconv.quantization import Recipe
from dlpuconv.workflow.jobs import prepare
from dlpuconv.workflow.option_values import make_request
from dlpuconv.workflow.recipe_choice import choose_recipe
from dlpuconv.workflow.run import Data, opened
from dlpuconv.workflow.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from dlpuconv.display.progress import Progress
    from dlpuconv.ir import Model
    from dlpuconv.network import Network
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.sites import Detour
    from dlpuconv.scheme import Scheme

RANGES_ALONE = "none"
"""Start without what changes weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where training starts.

    Attributes:
        network: float, of the target's file, as it was before the recipe.
        quantized: what the recipe makes of it.
        values: by the name of a node of the network's source, the value that it makes there.
        scheme: of the target.
        recipe: what `quantized` follows.
        detours: of the recipe, which it leaves to the module.
        left_out: what of the recipe training does without: a sentence each.
    """

    network: Network
    quantized: Quantized
    values: Mapping[str, str]
    scheme: Scheme
    recipe: Recipe
    detours: tuple[Detour, ...]
    left_out: tuple[str, ...]


def find_start(
    proto: onnx.ModelProto, target: str, calibration: Any, start: str | Recipe, progress: Progress | None = None
) -> Start:
    """Quantize a float model as `convert` would, but for what changes its layers.

    Args:
        proto: the model.
        target: see `convert`.
        calibration: see `convert`.
        start: `none`, or the effort of the search for a recipe; or the recipe.
        progress: where long work reports.

    Raises:
        UsageError: `start` is none of them, or the target's backend has no integers to train for.
        DlpuconvError: see `convert`.
    """
    given = start if isinstance(start, Recipe) else None
    effort = "fast" if isinstance(start, Recipe) or start == RANGES_ALONE else start
    request = make_request(
        targets=(target,),
        input_shape={},
        cut_at=(),
        tail="off",
        final_activation="keep",
        split_outputs="off",
        split_inputs="off",
        resize="stretch",
        color="rgb",
        mean=None,
        std=None,
        preset=None,
        effort=effort,
        recipe=given,
    )
    with opened(proto, request, Data(calibration=calibration), progress) as run:
        ((backend, (chosen,)),) = run.backends
        if not backend.follows_recipes:
            raise UsageError(
                f"{chosen.called} computes in floats, or its backend chooses all scales itself: training for its"
                " numbers would change nothing",
                id="training-not-quantized",
            )
        _, prepared = prepare(backend, [chosen], run)
        shop = Workshop(backend, prepared, chosen, run)
        recipe = Recipe(granularity=chosen.scheme.weights) if start == RANGES_ALONE else choose_recipe(shop)[0]
        kept, left_out = _kept(recipe)
        before = backend.quantized(prepared, chosen, Recipe(granularity=recipe.granularity))
        after = backend.quantized(prepared, chosen, kept)
        return Start(
            network=before.network,
            quantized=after,
            values=_values(run.normal),
            scheme=chosen.scheme,
            recipe=kept,
            detours=recipe.detours,
            left_out=left_out,
        )


def _kept(recipe: Recipe) -> tuple[Recipe, tuple[str, ...]]:
    """A recipe without what adds layers, and what of it training does without."""
    sites = (("gates", recipe.gates), ("groups", recipe.groups))
    told = tuple(f"{len(found)} {what} of the recipe are left out" for what, found in sites if found)
    return replace(recipe, detours=(), gates=(), groups=()), told


def _values(model: Model) -> dict[str, str]:
    return {str(node.name): str(node.outputs[0].name) for node in model.graph.graph}
