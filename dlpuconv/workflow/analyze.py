"""analyze(): the stages from a model to what each of its layers loses, top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dlpuconv.analysis import Analysis, judge_layers
from dlpuconv.errors import OF_ONE_TARGET, CalibrationError, UsageError
from dlpuconv.registry import load_backend
from dlpuconv.workflow.failure import Failure, made_and_failed
from dlpuconv.workflow.jobs import prepare
from dlpuconv.workflow.recipe_choice import choose_recipe, settings_of
from dlpuconv.workflow.run import dividing, opened, targets_of
from dlpuconv.workflow.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.display.progress import Progress
    from dlpuconv.plugin import Backend, Target
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Data, Run


@dataclass(frozen=True, slots=True)
class Analyses:
    """What was found for several targets.

    Attributes:
        found: one for every requested target that has one, in the order asked for.
        failures: the other targets, and why they have none.
    """

    found: tuple[Analysis, ...]
    failures: tuple[Failure, ...] = ()


def analyze(model: Any, request: Request, data: Data, progress: Progress | None = None) -> Analyses:
    """Quantize a model for every requested target, and measure its layers.

    Args:
        model: anything that `frontends.load` reads.
        request: what is wanted; the recipe is chosen as for a conversion.
        data: calibration and validation samples.
        progress: where long work reports; nowhere if None.

    Returns:
        One analysis for each target that has one, in the order asked for, and why the others have none.

    Raises:
        DlpuconvError: the model, the data or the request cannot be used, or no target can be analyzed.
    """
    _demand_blame(request)
    with opened(model, request, data, progress, calibrates=True) as run:
        done = [result for backend, targets in run.backends for result in _analyzed(backend, targets, run)]
    return Analyses(*made_and_failed(done, run.targets))


def _analyzed(backend: Backend, targets: list[Target], run: Run) -> Iterator[Analysis | Failure]:
    """The results of one backend's targets."""
    if not backend.tells_blame:
        yield from (Failure(target=target.name, error=_incapable(backend, target)) for target in targets)
        return
    try:
        run, (_, prepared) = dividing(run, partial(prepare, backend, targets))
    except OF_ONE_TARGET as error:
        yield from (Failure(target=target.name, error=error) for target in targets)
        return
    for target in targets:
        try:
            yield _of_one_target(Workshop(backend, prepared, target, run))
        except OF_ONE_TARGET as error:
            yield Failure(target=target.name, error=error)


def _of_one_target(shop: Workshop) -> Analysis:
    """Measure the layers of the target's file.

    Raises:
        CalibrationError: there are no samples.
    """
    run, backend = shop.run, shop.backend
    if run.calibration is None:
        raise CalibrationError(
            "an analysis needs samples: give --calibration a folder of images or an .npz", id="calibration-needed"
        )
    recipe, _ = choose_recipe(shop)
    samples = run.calibration.held_out if len(run.calibration.held_out) else run.calibration.fit
    blame = backend.blame(shop.prepared, shop.target, recipe, samples)
    return Analysis(
        target=shop.target.name,
        recipe=recipe,
        layers=judge_layers(blame.layers, settings_of(backend, recipe, run)),
        total_db=blame.total_db,
        samples=blame.samples,
        division=run.division,
    )


def _demand_blame(request: Request) -> None:
    """Check, before anything is read, that the layers of any target can be told apart.

    Raises:
        UsageError: no backend can.
    """
    targets = targets_of(request)
    backends = [load_backend(request.backend or target.backend) for target in targets]
    if not any(backend.tells_blame for backend in backends):
        raise _incapable(backends[0], targets[0])


def _incapable(backend: Backend | type[Backend], target: Target) -> UsageError:
    return UsageError(
        f"{target.name} cannot be analyzed: the backend {backend.name} cannot measure what each layer loses"
        " by quantization",
        id="backend-not-capable",
    )
