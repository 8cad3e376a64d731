"""A batch of the zoo beside what it replaces: a shell's loop, and one job at a time with all threads."""

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
BARS = {"loop": 0.9, "best way": 1.1}
"""Most of a batch's wall time as a share of the loop's, and of the better one's of the two ways to use all processors:
as many jobs at a time, each with one thread, which is what a batch does, and one at a time, with as many threads.
"""
PARENT_MB = 200.0
"""Most of a batch's own process, whatever its models and samples weigh."""

_BATCH = """
import json, resource, sys
import dlpuconv
if __name__ == "__main__":
    jobs, store, executor, workers = sys.argv[1:]
    done = dlpuconv.batch(jobs, store=store, executor=executor, workers=int(workers) or None, progress=None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    made = {r.name: [r.verdict or r.outcome, *sorted(f.sha256 for f in r.files.values())] for r in done}
    print(json.dumps({"parent": peak, "made": made}))
"""


def run_batch(*, models: str, samples: int, executor: str, only_overhead: bool) -> tuple[dict[str, Any], list[str]]:
    """Measure, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        executor: to run the batch on too, as `--executor` takes it; empty for none.
        only_overhead: leave out the zoo, which takes an hour.

    Returns:
        The figures, and the bars that were missed.
    """
    overhead, missed = run_overhead()
    figures: dict[str, Any] = {"overhead": [asdict(each) for each in overhead]}
    if not only_overhead:
        with tempfile.TemporaryDirectory() as folder:
            figures["zoo"], of_zoo = _zoo(model_names(models), samples, executor, Path(folder))
        missed += of_zoo
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
    return figures, missed


def _zoo(names: list[str], samples: int, executor: str, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Each way from nothing: an empty cache and an empty store."""
    data = _data(names, samples, folder)
    (folder / "jobs.toml").write_text(_jobs(data))
    processors = len(os.sched_getaffinity(0))
    ways = {"batch": ("own", 0), "one job at a time": ("own", 1), **({executor: (executor, 0)} if executor else {})}
    seconds: dict[str, float] = {}
    told: dict[str, Any] = {}
    for way, how in ways.items():
        taken = measure(_batch(folder, way, *how), folder, _environment(folder, way, ""))
        if taken.status:
            raise RuntimeError(taken.stderr)
        seconds[way], told[way] = taken.wall_s, json.loads(taken.stdout)
        console.print(f"{way}: {taken.wall_s:.0f} s, {taken.cpu_s:.0f} s of processors, {taken.peak_mb:.0f} MB")
    parent = max(each["parent"] for each in told.values()) / 1e6
    loop = folder / "loop.sh"
    loop.write_text("\n".join(_loop(data, folder)))
    seconds["loop"] = measure(["sh", str(loop)], folder, _environment(folder, "loop", str(processors))).wall_s
    seconds["best way"] = min(seconds["batch"], seconds["one job at a time"])
    beside = {way: seconds["batch"] / seconds[way] for way in BARS}
    console.print(
        f"shell loop: {seconds['loop']:.0f} s; the batch takes {beside['loop']:.2f} of that (bar {BARS['loop']}), and"
        f" {beside['best way']:.2f} of the best way (bar {BARS['best way']}); its own process {parent:.0f} MB"
    )
    missed = [f"the batch takes {beside[way]:.2f} of the {way}, of {bar}" for way, bar in BARS.items()
              if beside[way] > bar]  # fmt: skip
    missed += [f"the batch's own process takes {parent:.0f} MB, of {PARENT_MB:.0f}"] * (parent > PARENT_MB)
    missed += [f"{way} made other files than the batch" for way in ways if told[way]["made"] != told["batch"]["made"]]
    return {"jobs": len(data) * len(TARGETS) * len(GRANULARITIES), "seconds": seconds, "beside": beside,
            "parent_mb": parent}, missed  # fmt: skip


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


def _batch(folder: Path, way: str, executor: str, workers: int) -> list[str]:
    store = folder / f"store-{way.replace('/', '-')}"
    return [sys.executable, "-c", _BATCH, str(folder / "jobs.toml"), str(store), executor, str(workers)]


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
    own = {"DLPUCONV_CACHE": str(folder / f"cache-{way.replace('/', '-')}")}
    return {**own, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads} if threads else own
