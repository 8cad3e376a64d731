"""All ways to convert one model of the zoo, with all draws of calibration samples, as one batch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.batches.job import BatchJob
from scripts.benchmarks.shared import source_model, zoo_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlpuconv.batches.batch import Batch
    from dlpuconv.batches.record import JobRecord
    from scripts.benchmarks.shared import Array


def convert_all(
    model: str,
    ways: Mapping[str, tuple[str, Mapping[str, str]]],
    draws: Sequence[Array],
    store: Path,
    workers: int | None,
) -> tuple[Batch, dict[str, list[JobRecord]]]:
    """Convert; what the store has already is not made again.

    Args:
        model: name in the zoo.
        ways: target and further options of each, by its title.
        draws: calibration samples, [N, ...] each.
        store: folder of the batch's store.
        workers: jobs at the same time; one for each processor if None.

    Returns:
        The batch, and of each way a record for each draw.
    """
    import dlpuconv

    with tempfile.TemporaryDirectory() as folder:
        samples = [_saved(model, values, Path(folder) / f"{at}.npz") for at, values in enumerate(draws)]
        jobs = {title: list(_jobs(model, title, *way, samples)) for title, way in ways.items()}
        done = dlpuconv.batch(
            [job for each in jobs.values() for job in each], store=store, workers=workers, progress=None
        )
    return done, {title: [done[job.name] for job in each] for title, each in jobs.items()}


def _saved(model: str, values: Array, file: Path) -> Path:
    (port,) = source_model(model).signature.inputs
    arrays: dict[str, Any] = {port.name: values}
    np.savez(file, **arrays)
    return file


def _jobs(
    model: str, title: str, target: str, options: Mapping[str, str], samples: Sequence[Path]
) -> Iterator[BatchJob]:
    for draw, file in enumerate(samples):
        yield BatchJob(
            name=f"{model}.{target}.{title.replace(', ', '-')}.{draw}",
            model=str(zoo_folder() / model / "model.onnx"),
            target=target,
            calibration=str(file),
            options={**options, "cache": False},
            axes={"model": model, "target": target, **options, "draw": str(draw)},
        )
