"""Every model of the zoo for every chip: the verdict, the float graph beside its source, operators, seconds."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.shared import (
    TARGETS,
    console,
    decibels,
    float_graph,
    mark,
    model_names,
    opened,
    source_model,
    zoo_folder,
    zoo_module,
)

if TYPE_CHECKING:
    from dlpuconv.calibration import Calibration
    from dlpuconv.ir import Model
    from dlpuconv.workflow.conversion import Converted
    from scripts.benchmarks.shared import Array

FLOAT_BAR_DB = 90.0
FLOAT_SAMPLES = 3
LEFT_OVER = frozenset(("SHAPE", "EQUAL", "SELECT", "SELECT_V2", "FILL", "CAST"))
WORTH_WATCHING = ("TRANSPOSE", "PAD", "QUANTIZE", "RESHAPE")


def run_zoo(*, models: str, samples: int) -> tuple[dict[str, Any], list[str]]:
    """Convert, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.

    Returns:
        The figures by model, and the bars that were missed.
    """
    zoo = zoo_module()
    figures: dict[str, Any] = {}
    missed: list[str] = []
    for name in model_names(models):
        values = np.asarray(zoo.task(name).load_calib(samples), np.float32)
        figures[name] = _one(name, values)
        console.print(f"{name}: {_told(figures[name])}")
        missed += [f"{name}: {sentence}" for sentence in _missed(figures[name])]
    _print(figures)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
    return {"models": figures}, missed


_PER_CHANNEL: dict[str, Any] = {"granularity": "per-channel"}


def _one(name: str, values: Array) -> dict[str, Any]:
    import dlpuconv
    from dlpuconv.errors import DlpuconvError

    model = source_model(name)
    found: dict[str, Any] = {"transposes_in_source": sum(n.op_type == "Transpose" for n in model.graph.graph)}
    common: dict[str, Any] = {"effort": "fast", "cache": False, "calibration": {model.signature.inputs[0].name: values}}
    try:
        found["float_db"] = round(_float_db(model, opened(values, model)), 1)
        for title, targets, options in (("default", TARGETS, {}), ("per-channel", ("artpec9",), _PER_CHANNEL)):
            start = time.perf_counter()
            file = zoo_folder() / name / "model.onnx"
            made = dlpuconv.convert(file, target=targets, **common, **options)
            found[title] = {"seconds": round(time.perf_counter() - start, 2)}
            found[title] |= {artifact.target: _artifact(artifact) for artifact in made.artifacts}
    except DlpuconvError as error:
        found["error"] = f"{error.kind}: {error}"
    return found


def _told(found: dict[str, Any]) -> str:
    """One line while the table is not ready."""
    if "error" in found:
        return str(found["error"])
    verdicts = [f"{target} {found['default'][target]['verdict']}" for target in TARGETS]
    return f"float {found['float_db']} dB, {', '.join(verdicts)}, {found['default']['seconds']} s"


def _artifact(made: Converted) -> dict[str, Any]:
    parity = made.report.parity
    return {
        "verdict": made.report.verdict.value,
        "reasons": list(made.report.reasons),
        "broken_rules": [f.rule for f in made.report.findings if f.severity.value == "fail"],
        "warned_rules": [f.rule for f in made.report.findings if f.severity.value == "warn"],
        "sqnr_db": None if parity is None else round(parity.min_sqnr, 1),
        "ops": dict(made.report.op_counts),
    }


def _float_db(model: Model, calibration: Calibration) -> float:
    """The worst output of the float TFLite graph against ONNX Runtime, on samples that calibration does not see."""
    from dlpuconv.formats.litert_runner import LiteRtRunner
    from dlpuconv.formats.ort_runner import OrtRunner

    lowered, content = float_graph(model)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.tflite"
        file.write_bytes(content)
        ours, reference = LiteRtRunner(file), OrtRunner(model.to_bytes())
        pairs: dict[str, list[tuple[Array, Array]]] = {}
        for _, sample in zip(range(FLOAT_SAMPLES), calibration.held_out, strict=False):
            orders = lowered.input_permutations
            got = ours.run({n: np.ascontiguousarray(np.transpose(x, orders[n])) for n, x in sample.items()})
            for output, value in reference.run(sample).items():
                order = lowered.output_permutations[output]
                pairs.setdefault(output, []).append((np.transpose(value, order), got[output]))
    return min(
        decibels(np.stack([r for r, _ in both]), np.stack([g.reshape(r.shape) for r, g in both]))
        for both in pairs.values()
    )


def _missed(found: dict[str, Any]) -> list[str]:
    if "error" in found:
        return [found["error"]]
    missed = []
    if found["float_db"] < FLOAT_BAR_DB:
        missed.append(f"the float graph keeps {found['float_db']} dB")
    for title in ("default", "per-channel"):
        for target in TARGETS:
            made = found[title].get(target)
            if made is None:
                continue
            missed += [f"{target} {title} breaks {rule}" for rule in made["broken_rules"]]
            missed += [f"{target} {title} holds {op}" for op in sorted(LEFT_OVER & set(made["ops"]))]
    pad = found["per-channel"]["artpec9"]["ops"]
    if found["per-channel"]["artpec9"]["verdict"] != "pass":
        missed += found["per-channel"]["artpec9"]["reasons"]
    if pad.get("TRANSPOSE", 0) > found["transposes_in_source"]:
        missed.append(f"{pad['TRANSPOSE']} TRANSPOSE, the source has {found['transposes_in_source']}")
    return missed


def _print(figures: dict[str, Any]) -> None:
    table = Table(title="the zoo; SQNR in dB on held-out samples; `verdict` counts parity, `rules` does not")
    for column in ("model", "float", "target", "weights", "rules", "verdict", "SQNR", "s", "ops", *WORTH_WATCHING):
        table.add_column(column, justify="left" if column in ("model", "target", "weights") else "right")
    for name, found in figures.items():
        if "error" in found:
            table.add_row(name, "", "[red]error[/]")
            continue
        first = True
        for title in ("default", "per-channel"):
            for target in TARGETS:
                made = found[title].get(target)
                if made is None:
                    continue
                ops = made["ops"]
                head = (name, f"{found['float_db']:.0f}") if first else ("", "")
                counts = [str(ops.get(op, "")) for op in WORTH_WATCHING]
                good, passed = not made["broken_rules"], made["verdict"] == "pass"
                sqnr = "" if made["sqnr_db"] is None else f"{made['sqnr_db']:.1f}"
                seconds = f"{found[title]['seconds']:.1f}" if target == TARGETS[0] or title != "default" else ""
                row = (target, title, mark(good), "pass" if passed else "[yellow]fail[/]", sqnr, seconds)
                table.add_row(*head, *row, str(sum(ops.values())), *counts)
                first = False
        table.add_section()
    console.print(table)
