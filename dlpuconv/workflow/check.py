"""check(): the stages from a model to what each chip would make of it, top to bottom; no file is made or measured."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.checkup import judge_draft, refused
from dlpuconv.errors import OF_ONE_TARGET
from dlpuconv.workflow.explain import explain, origins
from dlpuconv.workflow.jobs import fold
from dlpuconv.workflow.run import dividing, opened
from dlpuconv.workflow.stated import told_of_scales

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.checkup import Checkup
    from dlpuconv.display.progress import Progress
    from dlpuconv.division.division import Division
    from dlpuconv.passes import FoldResult
    from dlpuconv.plugin import Backend, Draft, Job, Target
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Data, Run


def check(
    model: Any, request: Request, data: Data, progress: Progress | None = None, *, explained: bool = False
) -> tuple[Checkup, ...]:
    """Bring a model as far towards each requested target as that goes without samples, and judge it there.

    Args:
        model: anything that `frontends.load` reads.
        request: what is wanted.
        data: example inputs of a PyTorch module; samples only tell whether the network is fed what it was trained on.
        progress: where long work reports; nowhere if None.
        explained: also tell how the model was rewritten.

    Returns:
        One checkup for each target, in the order asked for; one that it cannot be converted for says why.

    Raises:
        DlpuconvError: the model or the request cannot be used, or a tool failed.
    """
    with opened(model, request, data, progress) as run:
        found = {
            checkup.target: checkup
            for backend, targets in run.backends
            for checkup in _checkups(backend, targets, run, explained=explained)
        }
        explanation = explain(run.source, run.rewritten.passes, {}) if explained else None
    return tuple(replace(found[target.name], explanation=explanation) for target in run.targets)


def _as_drafted(division: Division, draft: Draft) -> Division:
    """The division with the bytes of the types that the file would have."""
    outputs = [draft.view.tensors[index] for index in draft.view.outputs]
    return replace(division, crossing=sum(prod(x.shape) * np.dtype(x.dtype).itemsize for x in outputs))


def _drafted(backend: Backend, targets: list[Target], run: Run) -> tuple[FoldResult, Job, tuple[Draft, ...]]:
    folded, job = fold(backend, targets, run)
    return folded, job, backend.draft(replace(job, calibration=None, moments={}), targets)


def _checkups(backend: Backend, targets: list[Target], run: Run, *, explained: bool) -> Iterator[Checkup]:
    """Checkups for the targets of one backend."""
    try:
        run, (folded, job, drafts) = dividing(run, partial(_drafted, backend, targets))
    except OF_ONE_TARGET as error:
        yield from (refused(target, error) for target in targets)
        return
    for draft, target in zip(drafts, targets, strict=True):
        of_samples = (*run.calibration.warnings, *folded.notes) if run.calibration else told_of_scales(run.source)
        warnings = (*of_samples, *draft.warnings)
        found = judge_draft(replace(draft, warnings=warnings), target, run.misfits)
        told = explain(run.source, draft.rewritten, origins(job.model)) if explained and draft.rewritten else None
        yield replace(found, of_backend=told, division=run.division and _as_drafted(run.division, draft))
