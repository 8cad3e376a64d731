"""A batch of the zoo beside what it replaces: a shell's loop, one job of all threads, as many jobs of one thread."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.benchmarks.batch_overhead import run_overhead
from scripts.benchmarks.process import measure
from scripts.benchmarks.shared import TARGETS, console, model_names, zoo_folder, zoo_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as Folder

GRANULARITIES = ("per-tensor", "per-channel")
BESIDE_LOOP, BESIDE_BEST = 0.9, 1.1
"""Bars: of the loop's wall time, and of the better one of the two ways to use all processors."""

_BATCH = """
import json, resource, sys
import dlpuconv
if __name__ == "__main__":
    jobs, store, workers = sys.argv[1:]
    done = dlpuconv.batch(jobs, store=store, workers=int(workers) or None, progress=None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"parent": peak, "outcomes": {r.name: r.verdict or r.outcome for r in done}}))
"""


def run_batch(*, models: str, samples: int, only_overhead: bool) -> tuple[dict[str, Any], list[str]]:
    """Measure, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        only_overhead: leave out the zoo, which takes an hour.

    Returns:
        The figures, and the bars that were missed.
    """
    overhead, missed = run_overhead()
    figures: dict[str, Any] = {"overhead": [asdict(each) for each in overhead]}
    if not only_overhead:
        with tempfile.TemporaryDirectory() as folder:
            figures["zoo"], of_zoo = _zoo(model_names(models), samples, Path(folder))
        missed += of_zoo
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
    return figures, missed


def _zoo(names: list[str], samples: int, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Each way from nothing: an empty cache and an empty store."""
    data = _data(names, samples, folder)
    (folder / "jobs.toml").write_text(_jobs(data))
    processors = len(os.sched_getaffinity(0))
    ways = {"batch": (_batch(folder, "batch", 0), 1), "one job": (_batch(folder, "one", 1), processors)}
    seconds: dict[str, float] = {}
    parent = 0.0
    for way, (command, _) in ways.items():
        taken = measure(command, folder, _environment(folder, way, ""))
        if taken.status:
            raise RuntimeError(taken.stderr)
        seconds[way] = taken.wall_s
        parent = max(parent, json.loads(taken.stdout)["parent"] / 1e6)
        console.print(f"{way}: {taken.wall_s:.0f} s, {taken.cpu_s:.0f} s of processors, {taken.peak_mb:.0f} MB")
    loop = folder / "loop.sh"
    loop.write_text("\n".join(_loop(data, folder)))
    seconds["loop"] = measure(["sh", str(loop)], folder, _environment(folder, "loop", str(processors))).wall_s
    console.print(f"shell loop: {seconds['loop']:.0f} s; the batch's own process: {parent:.0f} MB")
    best = min(seconds["batch"], seconds["one job"])
    bars = (("the loop", BESIDE_LOOP * seconds["loop"]), ("the best way", BESIDE_BEST * best))
    missed = [f"the batch takes {seconds['batch']:.0f} s, {bar:.0f} s by the bar of {w}" for w, bar in bars
              if seconds["batch"] > bar]  # fmt: skip
    return {"seconds": seconds, "parent_mb": parent}, missed


def _data(names: list[str], samples: int, folder: Path) -> dict[Folder, Folder]:
    """Calibration samples by model, as files."""
    zoo, found = zoo_module(), {}
    for name in names:
        from scripts.benchmarks.shared import source_model

        model = source_model(name)
        values = np.asarray(zoo.task(name).load_calib(samples), np.float32)
        found[zoo_folder() / name / "model.onnx"] = folder / f"{name}.npz"
        np.savez(folder / f"{name}.npz", allow_pickle=False, **{model.signature.inputs[0].name: values})
    return found


def _jobs(data: dict[Folder, Folder]) -> str:
    head = f'[batch]\ntargets = {json.dumps(TARGETS)}\neffort = "fast"\n\n[matrix]\ngranularity = {json.dumps(GRANULARITIES)}\n'  # noqa: E501
    rows = (f'\n[[models]]\nmodel = "{model}"\ncalibration = "{samples}"\n' for model, samples in data.items())
    return head + "".join(rows)


def _batch(folder: Path, name: str, workers: int) -> list[str]:
    return [sys.executable, "-c", _BATCH, str(folder / "jobs.toml"), str(folder / f"store-{name}"), str(workers)]


def _loop(data: dict[Folder, Folder], folder: Path) -> Iterator[str]:
    for model, samples in data.items():
        for target in TARGETS:
            for granularity in GRANULARITIES:
                yield (
                    f"{sys.executable} -m dlpuconv convert {model} --target {target} --calibration {samples}"
                    f" --granularity {granularity} --effort fast --quiet"
                    f" --output {folder}/loop/{model.parent.name}.{target}.{granularity}"
                )


def _environment(folder: Path, way: str, threads: str) -> dict[str, str]:
    own = {"DLPUCONV_CACHE": str(folder / f"cache-{way}")}
    return {**own, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads} if threads else own
