"""Models trained with a chip's numbers, without labels: beside float and beside the search for a recipe.

Nothing is chosen on evaluation data: training holds some calibration samples out itself, and keeps its best epoch.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.evaluation import Evaluation
from scripts.benchmarks.kernels import kernels_that_round_once
from scripts.benchmarks.metrics import closeness_of
from scripts.benchmarks.resampling import paired_bootstrap
from scripts.benchmarks.shared import console, mark, model_names, zoo_folder

if TYPE_CHECKING:
    from dlpuconv.qat.preparation import Starts
    from dlpuconv.workflow.conversion import Conversion
    from scripts.benchmarks.metrics import Measure
    from scripts.benchmarks.shared import Array

TARGET = "artpec8"
MOST_TIMES, MOST_APART = 3.0, 0.005
"""An epoch beside one of float training; the module's metric beside its file's."""
_BATCH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How each model is trained.

    Attributes:
        samples: for calibration and training.
        start: see `dlpuconv.qat.prepare`.
        epochs: of distillation.
        limit: of evaluation samples; None for all.
    """

    samples: int
    start: Starts
    epochs: int
    limit: int | None


def run_qat(*, models: str, training: Training) -> tuple[dict[str, Any], list[str]]:
    """Convert, train, evaluate, print, collect.

    Args:
        models: glob of names.
        training: how each is trained.

    Returns:
        The figures by model, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    for name in model_names(models):
        figures[name] = _measured(Evaluation.load(name, training.limit), training)
        console.print(f"{name}: {figures[name]}")
    missed = [f"{name}: {sentence}" for name, found in figures.items() for sentence in _missed(found)]
    _print(figures, missed)
    return {"training": {"start": training.start, "epochs": training.epochs}, "models": figures}, missed


def _measured(evaluation: Evaluation, training: Training) -> dict[str, Any]:
    import torch

    import dlpuconv
    from dlpuconv import qat

    values = np.asarray(evaluation.task.load_calib(training.samples), np.float32)
    file = zoo_folder() / evaluation.name / "model.onnx"
    module = qat.from_onnx(file)
    wanted: dict[str, Any] = {"target": TARGET, "calibration": values}
    torch.manual_seed(0)
    prepared = qat.prepare(module, example_inputs=torch.from_numpy(values[:1]), start=training.start, **wanted)
    begun = time.process_time()
    qat.distil(prepared, module, values, epochs=training.epochs)
    seconds = (time.process_time() - begun) / training.epochs
    in_module = _module_outputs(prepared, evaluation)
    trained = dlpuconv.convert(prepared, **wanted, progress=None)
    ours = _file_outputs(trained, evaluation)
    with kernels_that_round_once():
        once_rounded = _file_outputs(trained, evaluation)
    theirs = _file_outputs(dlpuconv.convert(file, **wanted, progress=None), evaluation)
    closer = partial(closeness_of, evaluation.reference)
    once = np.ones(len(evaluation.x))
    measured = evaluation.measure(ours), evaluation.measure(theirs)
    return {
        "metric": evaluation.task.METRIC,
        "evaluated": len(evaluation.x),
        "trained_on": len(values),
        "float": round(evaluation.exact(once), 4),
        "metrics": _gain(*measured, len(evaluation.x)),
        "room": _apart(evaluation.exact, measured[1], len(evaluation.x)),
        "sqnr_db": _gain(closer(ours), closer(theirs), len(evaluation.x)),
        "module": round(evaluation.measure(in_module)(once), 4),
        "module_less_file": _apart(evaluation.measure(in_module), measured[0], len(evaluation.x)),
        "file_beside_module_db": round(closeness_of(in_module, ours)(once), 2),
        "xnnpack": round(evaluation.measure(once_rounded)(once), 4),
        "xnnpack_beside_module_db": round(closeness_of(in_module, once_rounded)(once), 2),
        "epoch_seconds": round(seconds, 1),
        "times_float": round(seconds / _float_epoch(module, values), 2),
        "unmapped": list(prepared.unmapped),
    }


def _gain(ours: Measure, theirs: Measure, samples: int) -> dict[str, float]:
    """Both, and the interval of the difference."""
    apart, once = paired_bootstrap([ours], theirs, samples), np.ones(samples)
    found = {"trained": ours(once), "balanced": theirs(once), "gain": apart.mean, "low": apart.low, "high": apart.high}
    return {what: round(value, 4) for what, value in found.items()}


def _apart(one: Measure, other: Measure, samples: int) -> dict[str, float]:
    """How far one is above the other, and the interval that luck leaves."""
    apart = paired_bootstrap([one], other, samples)
    return {"mean": round(apart.mean, 4), "low": round(apart.low, 4), "high": round(apart.high, 4)}


def _file_outputs(made: Conversion, evaluation: Evaluation) -> list[Array]:
    """In the model's order: a module's outputs have names of their own."""
    import dlpuconv

    with tempfile.TemporaryDirectory() as folder, dlpuconv.load(made.save(folder)[0]) as network:
        answers = [list(network(evaluation.x[at : at + 1]).values()) for at in range(len(evaluation.x))]
    return [np.concatenate(parts) for parts in zip(*answers, strict=True)]


def _module_outputs(module: Any, evaluation: Evaluation) -> list[Array]:
    import torch
    from torch.utils._pytree import tree_leaves

    with torch.no_grad():
        found = [[o.numpy() for o in tree_leaves(module(b))] for b in torch.from_numpy(evaluation.x).split(_BATCH)]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _float_epoch(module: Any, values: Array) -> float:
    """Processor seconds of an epoch of float training."""
    import torch
    from torch.utils._pytree import tree_leaves

    optimizer = torch.optim.Adam(module.parameters(), lr=0.0)
    begun = time.process_time()
    for batch in torch.from_numpy(values).split(_BATCH):
        optimizer.zero_grad()
        sum(output.square().mean() for output in tree_leaves(module(batch))).backward()
        optimizer.step()
    return time.process_time() - begun


def _missed(found: dict[str, Any]) -> list[str]:
    metrics = found["metrics"]
    apart, once_rounded = (abs(found["module"] - file) for file in (metrics["trained"], found["xnnpack"]))
    tests = {
        f"the gain over balanced may be luck: [{metrics['low']}, {metrics['high']}]": metrics["low"] > 0,
        f"an epoch takes {found['times_float']} x one of float training": found["times_float"] <= MOST_TIMES,
        f"the module's metric is {apart:.4f} from the file's ({once_rounded:.4f} on XNNPACK)": apart <= MOST_APART,
    }
    return [sentence for sentence, good in tests.items() if not good]


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(
        title=f"Trained with the numbers of {TARGET} per tensor; in square brackets the paired bootstrap's 95 %"
        " interval, in points and in dB: of float and of what was trained less balanced, of the module less the file;"
        " XNNPACK: the file on kernels that round once, as the module does"
    )
    titles = (
        "model",
        "metric",
        "float",
        "balanced",
        "trained",
        "module",
        "XNNPACK",
        "dB balanced",
        "dB trained",
        "x float",
        "bars",
    )
    for column in titles:
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for name, found in figures.items():
        metrics, ratios = found["metrics"], found["sqnr_db"]
        table.add_row(
            name,
            f"{found['metric']} ({found['evaluated']})",
            _with_interval(found["float"], found["room"]),
            f"{metrics['balanced']:.3f}",
            _with_interval(metrics["trained"], metrics),
            _with_interval(found["module"], found["module_less_file"]),
            f"{found['xnnpack']:.3f}",
            f"{ratios['balanced']:.1f}",
            rf"{ratios['trained']:.1f} \[{ratios['low']:+.1f} {ratios['high']:+.1f}]",
            f"{found['times_float']:.2f}",
            mark(not any(sentence.startswith(f"{name}: ") for sentence in missed)),
        )
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")


def _with_interval(metric: float, apart: dict[str, float]) -> str:
    return rf"{metric:.3f} \[{100 * apart['low']:+.1f} {100 * apart['high']:+.1f}]"
