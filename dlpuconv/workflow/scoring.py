"""The user's own metric, where there is one: of the float model first, and of every file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.linking import network_of

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.display.progress import Progress
    from dlpuconv.formats import Runner
    from dlpuconv.plugin import Artifact, Backend
    from dlpuconv.quantization.search import Trial
    from dlpuconv.verification.metric import MetricScore
    from dlpuconv.workflow.dividing import Reading
    from dlpuconv.workflow.metric import Yardstick
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Run


def yardstick_of(request: Request, reading: Reading, progress: Progress) -> Yardstick | None:
    """The metric with what it says of the float model: what it cannot do shows before the long work."""
    metric = request.quantization.metric
    if metric is None:
        return None
    from dlpuconv.division.chain import Chain
    from dlpuconv.verification.source_runner import source_runner
    from dlpuconv.workflow.metric import Yardstick

    with progress.stage(f"scoring the float model with {metric.name}") as step:
        network: Runner = source_runner(reading.source)
        if reading.division is not None:
            network = Chain(reading.division, network)
        return Yardstick.take(metric, network, reading.signature, step)


def score_of(
    file: Path, artifact: Artifact, backend: Backend, trials: tuple[Trial, ...], run: Run
) -> MetricScore | None:
    """What the metric says of a file: the search knows, where there was one."""
    yardstick = run.yardstick
    if yardstick is None:
        return None
    known = [trial.score.metric for trial in trials if trial.chosen and trial.score.metric is not None]
    if known:
        return yardstick.judged(known[0])
    network = network_of(backend.runner(file), artifact.links, run.division)
    with run.progress.stage(f"scoring {file.name} with {yardstick.metric.name}", yardstick.calls) as step:
        return yardstick.judged(yardstick(network, step))
