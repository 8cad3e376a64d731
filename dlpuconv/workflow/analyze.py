"""analyze(): the stages from a model to what each of its layers loses, top to bottom."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dlpuconv.analysis import Analysis, judge_layers
from dlpuconv.errors import CalibrationError, UsageError
from dlpuconv.registry import load_backend
from dlpuconv.workflow.jobs import prepare
from dlpuconv.workflow.recipe_choice import choose_recipe, settings_of
from dlpuconv.workflow.run import dividing, opened, targets_of
from dlpuconv.workflow.workshop import Workshop

if TYPE_CHECKING:
    from dlpuconv.display.progress import Progress
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Data


def analyze(model: Any, request: Request, data: Data, progress: Progress | None = None) -> tuple[Analysis, ...]:
    """Quantize a model for every requested target, and measure its layers.

    Args:
        model: anything that `frontends.load` reads.
        request: what is wanted; the recipe is chosen as for a conversion.
        data: calibration and validation samples.
        progress: where long work reports; nowhere if None.

    Returns:
        One analysis for each target, in the order asked for.

    Raises:
        DlpuconvError: the model, the data or the request cannot be used, or a backend cannot tell.
    """
    _demand_blame(request)
    found: dict[str, Analysis] = {}
    with opened(model, request, data, progress, calibrates=True) as run:
        for backend, targets in run.backends:
            part, (_, prepared) = dividing(run, partial(prepare, backend, targets))
            if part.calibration is None:
                raise CalibrationError(
                    "an analysis needs samples: give --calibration a folder of images or an .npz",
                    id="calibration-needed",
                )
            for target in targets:
                recipe, _ = choose_recipe(Workshop(backend, prepared, target, part))
                samples = part.calibration.held_out if len(part.calibration.held_out) else part.calibration.fit
                blame = backend.blame(prepared, target, recipe, samples)
                found[target.name] = Analysis(
                    target=target.name,
                    recipe=recipe,
                    layers=judge_layers(blame.layers, settings_of(backend, recipe, part)),
                    total_db=blame.total_db,
                    samples=blame.samples,
                    division=part.division,
                )
    return tuple(found[target.name] for target in run.targets)


def _demand_blame(request: Request) -> None:
    """Check, before anything is read, that every target's layers can be told apart.

    Raises:
        UsageError: a backend cannot.
    """
    for target in targets_of(request):
        backend = load_backend(request.backend or target.backend)
        if not backend.tells_blame:
            raise UsageError(
                f"{target.name} cannot be analyzed: the backend {backend.name} cannot measure what each layer loses"
                " by quantization",
                id="backend-not-capable",
            )
