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
    from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
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
        gates: likewise; none where the recipe is of a module that has them.
        groups: likewise.
        left_out: what of the recipe training does without: a sentence each.
    """

    network: Network
    quantized: Quantized
    values: Mapping[str, str]
    scheme: Scheme
    recipe: Recipe
    detours: tuple[Detour, ...]
    gates: tuple[Gate, ...]
    groups: tuple[LayerGroups, ...]
    left_out: tuple[str, ...]


def find_start(
    proto: onnx.ModelProto, target: str, calibration: Any, start: str | Recipe, progress: Progress | None = None
) -> Start:
    """Quantize a float model as `convert` would, but for what changes its layers.

    Args:
        proto: the model.
        target: see `convert`.
        calibration: see `convert`.
        start: `none`, or the effort of the search for a recipe; or the recipe of a module that has the layers of its
            gates, each named by the node that makes its product.
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
        final_activation="auto",
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
        before = backend.quantized(prepared, chosen, Recipe(granularity=recipe.granularity))
        kept, left_out = _kept(recipe, before.network, has_layers=given is not None)
        after = backend.quantized(prepared, chosen, kept)
        return Start(
            network=before.network,
            quantized=after,
            values=_values(run.normal),
            scheme=chosen.scheme,
            recipe=kept,
            detours=recipe.detours,
            gates=() if kept.gates else recipe.gates,
            groups=recipe.groups,
            left_out=left_out,
        )


def _kept(recipe: Recipe, network: Network, *, has_layers: bool) -> tuple[Recipe, tuple[str, ...]]:
    """A recipe without what adds layers, and what of it training does without.

    Args:
        recipe: found, or of a module that has the layers of its gates.
        network: float, before the recipe.
        has_layers: it is such a module's.
    """
    if not has_layers:
        return replace(recipe, detours=(), gates=(), groups=()), ()
    known = {name: y.name for y in network.gates() for name in (y.name, *y.source_names)}
    gates = tuple(replace(gate, site=known[gate.site]) for gate in recipe.gates if gate.site in known)
    lost = (gate.site for gate in recipe.gates if gate.site not in known)
    told = tuple(f"the gate {site!r} is left out: the file has no layer for it" for site in lost)
    return replace(recipe, detours=(), gates=gates, groups=()), told


def _values(model: Model) -> dict[str, str]:
    return {str(node.name): str(node.outputs[0].name) for node in model.graph.graph}
