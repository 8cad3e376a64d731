"""Every model that onnxruntime.quantization can quantize as a source: what the file keeps, and how alike it is."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.evaluation import DECIBEL_METRIC, Evaluation
from scripts.benchmarks.fed_layers import fed_layers
from scripts.benchmarks.kernels import kernels_that_round_once
from scripts.benchmarks.pt2e_source import NAME, Trained
from scripts.benchmarks.qdq import Scored, rivals
from scripts.benchmarks.qdq_rival import Way
from scripts.benchmarks.shared import console, decibels, mark, model_names, opened, source_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.calibration import Sample
    from dlpuconv.workflow.conversion import Conversion
    from scripts.benchmarks.shared import Array

WAYS = {
    "per-tensor": (Way("per-tensor"), "artpec8"),
    "per-channel": (Way("per-channel"), "artpec7"),
    "per-channel to one scale": (Way("per-channel"), "artpec8"),
    "normalizations not folded": (Way("per-tensor", prepared=False), "artpec8"),
}
"""By title, how a source is made, and the chip that it is for."""
LEAST_DB, MOST_LOST, LEAST_EQUAL = 20.0, 0.005, 0.99
_FED = 3
"""Samples on which layers are compared."""
_NOISE = 0.01
"""In steps of 8 bits over a sample's values."""


def run_sources(*, models: str, samples: int, limit: int | None, trained: bool) -> tuple[dict[str, Any], list[str]]:
    """Quantize, convert, evaluate, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        limit: of evaluation samples; None for all.
        trained: only a model that PyTorch's PT2E has trained.

    Returns:
        The figures by model and granularity, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    for name in [] if trained else model_names(models):
        evaluation = Evaluation.load(name, limit)
        values = np.asarray(evaluation.task.load_calib(samples), np.float32)
        for title, (way, target) in WAYS.items():
            if way.prepared or _has_normalizations(name):
                figures[f"{name}, {title}"] = found = _measured(evaluation, values, way, target)
                console.print(f"{name}, {title}: {found}")
    if trained:
        figures = _trained(Evaluation.load(NAME, limit), samples)
    missed = [f"{title}: {sentence}" for title, found in figures.items() for sentence in _missed(found)]
    _print(figures, missed)
    return {"samples": samples, "models": figures}, missed


def _trained(evaluation: Evaluation, samples: int) -> dict[str, Any]:
    """The figures of a model of PT2E by chip."""
    import dlpuconv

    values = np.asarray(evaluation.task.load_calib(samples), np.float32)
    made, figures = Trained(values), {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = made.save(Path(folder) / "model.pt2")
        outputs = [made.outputs(evaluation.x)]
        metric, ratio = evaluation.task.score(outputs, evaluation.y), evaluation.decibels(outputs)
        begun = {"metric": evaluation.task.METRIC, "evaluated": len(evaluation.x)}
        begun["source"] = {"metric": round(float(metric), 4), "sqnr_db": round(ratio, 2)}
        for target in ("artpec8", "artpec7"):
            converted = dlpuconv.convert(source, target=target, calibration=values, cache=False)
            figures[f"{NAME}, PT2E, {target}"] = begun | _compared(evaluation, source, converted, values)
    return figures


def _has_normalizations(name: str) -> bool:
    return any(node.op_type == "BatchNormalization" for node in source_model(name).graph.graph)


def _measured(evaluation: Evaluation, values: Array, way: Way, target: str) -> dict[str, Any]:
    import dlpuconv
    from dlpuconv.errors import DlpuconvError

    found: dict[str, Any] = {"metric": evaluation.task.METRIC, "evaluated": len(evaluation.x)}
    ((_, content),) = rivals(evaluation.name, values, ("MinMax",), way)
    if isinstance(content, str):
        return {**found, "no_source": content}
    found["source"] = Scored.of(evaluation, content).told()
    name = source_model(evaluation.name).signature.inputs[0].name
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = Path(folder) / "model.onnx"
        source.write_bytes(content)
        try:
            made = dlpuconv.convert(source, target=target, calibration={name: values}, cache=False)
        except DlpuconvError as error:
            return {**found, "error": f"{error.kind}: {error}"}
        return found | _compared(evaluation, source, made, values)


def _compared(evaluation: Evaluation, source: Path, made: Conversion, values: Array) -> dict[str, Any]:
    from dlpuconv.frontends import SourceOptions, load

    (artifact,), parity = made.artifacts, made.report.parity
    assert parity is not None
    scales: Any = artifact.artifact.facts["source_scales"]
    model = load(source, SourceOptions())
    held_out = list(opened(values, model).held_out)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = made.save(folder)[0]
        layers = fed_layers(model, file, artifact.artifact.links, held_out[:_FED])
        known = {port.name for port in model.signature.outputs}
        names = evaluation.names if known.issuperset(evaluation.names) else sorted(known)
        outputs = replace(evaluation, names=names).loaded(file)
        others = _sensitivity(source, file, held_out)
    return {
        "file": round(float(evaluation.task.score(outputs, evaluation.y)), 4),
        "sqnr_db": round(parity.min_sqnr, 2),
        **others,
        "kept": scales["kept"],
        "refitted": len(scales["refitted"]),
        "not_stated": len(scales["measured"]),
        "layers": len(layers),
        "most_steps": max((layer.most for layer in layers), default=0),
        "least_equal": round(min((layer.equal for layer in layers), default=1.0), 4),
    }


def _sensitivity(source: Path, file: Path, samples: Sequence[Sample]) -> dict[str, float]:
    """Decibels of others beside ONNX Runtime's float run of the source, of the worst output, to read our figure by.

    ONNX Runtime's integer kernels, and the source itself with a little noise on its input, tell how much such a network
    makes of single roundings. Our file on XNNPACK tells what is due to the plain kernels, which round twice.
    """
    if source.suffix != ".onnx":
        return {}
    exact = _onnxruntime(source, samples)
    beside = {
        "onnxruntime_db": _onnxruntime(source, samples, integer=True),
        "xnnpack_db": _xnnpack(file, samples),
        "disturbed_db": _onnxruntime(source, list(_disturbed(samples))),
    }
    return {
        what: round(min(decibels(exact[name], values) for name, values in found.items()), 2)
        for what, found in beside.items()
    }


def _disturbed(samples: Sequence[Sample]) -> Iterator[Sample]:
    """With uniform noise of a hundredth of a step of 8 bits: every two-hundredth code or so is another one."""
    noise = np.random.default_rng(0)
    for sample in samples:
        reach = {name: _NOISE * np.ptp(values) / 255 for name, values in sample.items()}
        yield {
            name: (values + noise.uniform(-reach[name], reach[name], values.shape)).astype(values.dtype)
            for name, values in sample.items()
        }


def _onnxruntime(source: Path, samples: Sequence[Sample], *, integer: bool = False) -> dict[str, Array]:
    """Each operator by itself in float, or fused as far as there are integer kernels."""
    import onnxruntime as ort

    levels = ort.GraphOptimizationLevel
    options = ort.SessionOptions()
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if integer else levels.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    answers = [session.run(None, dict(sample)) for sample in samples]
    names = [output.name for output in session.get_outputs()]
    return {name: np.stack(each) for name, each in zip(names, zip(*answers, strict=True), strict=True)}


def _xnnpack(file: Path, samples: Sequence[Sample]) -> dict[str, Array]:
    import dlpuconv

    with kernels_that_round_once(), dlpuconv.load(file) as network:
        answers = [network(dict(sample)) for sample in samples]
    return {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}


def _missed(found: dict[str, Any]) -> list[str]:
    if "no_source" in found:
        return []
    if "error" in found:
        return [found["error"]]
    lost = round(found["source"]["metric"] - found["file"], 4)
    share = 100 if DECIBEL_METRIC in found["metric"] else 1
    tests = {
        f"{found['sqnr_db']} dB beside the source": found["sqnr_db"] >= LEAST_DB,
        f"the metric is {lost:.4f} below the source's": lost <= MOST_LOST * share,
        f"a layer is {found['most_steps']} steps apart": found["most_steps"] <= 1,
        f"a layer has but {found['least_equal']:.2%} equal codes": found["least_equal"] >= LEAST_EQUAL,
    }
    return [sentence for sentence, good in tests.items() if not good]


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(
        title="Quantized sources: the metric, and dB beside the source in ONNX Runtime's float kernels, of ours and of"
        " its integer kernels, of ours by XNNPACK, and of the source itself with noise of .01 step on its input"
    )
    for column in (
        "model",
        "metric",
        "source",
        "file",
        "dB",
        "ORT int8",
        "XNNPACK",
        "noise",
        "kept",
        "re-fitted",
        "not stated",
        "equal",
        "bars",
    ):
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for title, found in figures.items():
        good = not any(sentence.startswith(f"{title}: ") for sentence in missed)
        source = f"{found['source']['metric']:.3f}" if "source" in found else "-"
        keys = (
            "file",
            "sqnr_db",
            "onnxruntime_db",
            "xnnpack_db",
            "disturbed_db",
            "kept",
            "refitted",
            "not_stated",
            "least_equal",
        )
        table.add_row(title, found["metric"], source, *(str(found.get(key, "-")) for key in keys), mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
