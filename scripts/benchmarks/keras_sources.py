"""Keras networks of real architectures as sources: what becomes of a `.keras` file, a SavedModel and a `.tflite`."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from scripts.benchmarks.shared import console, decibels

if TYPE_CHECKING:
    from dlpuconv.workflow.conversion import Conversion
    from tests.keras_networks.networks import Network

LEAST_DB = 90.0
TARGETS = {"per-channel": "artpec7", "per-tensor": "artpec8"}
"""A chip that takes such weights."""


def run_keras(*, models: str, side: int | None) -> tuple[dict[str, Any], list[str]]:
    """Build, read, lower, convert, print.

    Args:
        models: glob of the networks' names.
        side: of their pictures; by default the small one that each network states.

    Returns:
        The figures by network, and the bars that were missed.
    """
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    from tests.keras_networks.networks import APPLICATIONS, HEADED, network

    figures: dict[str, Any] = {}
    for name in (name for name in (*APPLICATIONS, *HEADED) if fnmatchcase(name.lower(), models.lower())):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            figures[name] = _measured(network(name, side), Path(folder))
        console.print(f"{name}: {figures[name]}")
    missed = [f"{name}: {sentence}" for name, found in figures.items() for sentence in _missed(found)]
    _print(figures, missed)
    return {"side": side, "models": figures}, missed


def _measured(made: Network, folder: Path) -> dict[str, Any]:
    from dlpuconv.errors import DlpuconvError
    from dlpuconv.frontends import SourceOptions, load
    from dlpuconv_backends.flatbuffer import encode
    from tests.keras_networks.sources import answers, float_graph, kinds, run, write

    files, expected = write(made, folder), answers(made)
    theirs = kinds(files["tflite"].read_bytes())
    found: dict[str, Any] = {"theirs": dict(Counter(theirs))}
    for form, path in files.items():
        try:
            start = time.perf_counter()
            model = load(path, SourceOptions())
            found[f"{form}_seconds"] = round(time.perf_counter() - start, 1)
            graph = float_graph(model)
            got = run(encode(graph), list(made.samples), made)
        except DlpuconvError as error:
            found[f"{form}_error"] = f"{error.kind}: {error}"
            continue
        found[f"{form}_db"] = round(min(map(decibels, expected, got)), 1)
        found[f"{form}_operators"] = dict(Counter(op.kind for op in graph.operators))
    return found | _converted(made, files)


def _converted(made: Network, files: dict[str, Path]) -> dict[str, Any]:
    """What the integer files of the Keras file and the SavedModel have in common, and dB."""
    from dlpuconv.errors import DlpuconvError
    from tests.keras_networks.sources import integers

    found: dict[str, Any] = {}
    for granularity, target in TARGETS.items():
        try:
            one, other = (_conversion(made, files[form], target) for form in ("keras", "saved"))
        except DlpuconvError as error:
            found[f"{granularity}_error"] = f"{error.kind}: {error}"
            continue
        found[f"{granularity}_equal"] = integers(_content(one)) == integers(_content(other))
        parity = one.report.parity
        found[f"{granularity}_db"] = None if parity is None else round(parity.min_sqnr, 1)
    return found


def _conversion(made: Network, path: Path, target: str) -> Conversion:
    import dlpuconv
    from dlpuconv.frontends import SourceOptions, load

    names = [spec.name for spec in load(path, SourceOptions()).signature.inputs]
    samples = dict(zip(names, made.samples.values(), strict=True))
    return dlpuconv.convert(path, target=target, calibration=samples, effort="fast", cache=False)


def _content(made: Conversion) -> bytes:
    (artifact,) = made.artifacts
    return bytes(artifact.content)


def _missed(found: dict[str, Any]) -> list[str]:
    """The bars that one network does not clear."""
    missed = [f"{key}: {value}" for key, value in found.items() if key.endswith("_error")]
    for form in ("keras", "saved", "tflite"):
        if found.get(f"{form}_db", LEAST_DB) < LEAST_DB:
            missed.append(f"{form}: {found[f'{form}_db']} dB")
        more = found.get(f"{form}_operators", {}).get("TRANSPOSE", 0) - found["theirs"].get("TRANSPOSE", 0)
        if more > 0:
            missed.append(f"{form}: {more} TRANSPOSEs more than TFLiteConverter leaves")
    missed += [f"{key}: other integers from a SavedModel" for key in found if key.endswith("_equal") and not found[key]]
    return missed


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table("network", "s", "float dB", "operators", "theirs", "differ", "equal", "per channel", "per tensor")
    for name, found in figures.items():
        ours, theirs = Counter(found.get("keras_operators", {})), Counter(found["theirs"])
        differ = {kind: ours[kind] - theirs[kind] for kind in sorted(ours | theirs) if ours[kind] != theirs[kind]}
        table.add_row(
            name,
            str(found.get("keras_seconds")),
            " ".join(str(found.get(f"{form}_db")) for form in ("keras", "saved", "tflite")),
            str(ours.total()),
            str(theirs.total()),
            " ".join(f"{kind} {count:+}" for kind, count in differ.items()),
            " ".join(str(found.get(f"{granularity}_equal")) for granularity in TARGETS),
            *(str(found.get(f"{granularity}_db")) for granularity in TARGETS),
        )
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed[/] {sentence}")
