"""One conversion of a demo: made through the public API, saved, and measured from the files on disk.

ONNX Runtime runs the float models, TFLite's integer kernels (LiteRT without delegates) the int8 ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

import dlpuconv
from dlpuconv.verification.report_text import render_reasons
from tests.models import zoo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from rich.console import Console

    from dlpuconv.workflow.conversion import Conversion

    type Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A conversion that was saved.

    Attributes:
        label: how its recipe was found.
        conversion: what came of it.
        paths: of its artifacts, in the same order.
    """

    label: str
    conversion: Conversion
    paths: list[Path]

    @classmethod
    def of(cls, source: Path, folder: Path, *, label: str = "balanced", **options: Any) -> Attempt:
        """Convert as a user would, with the default effort unless told otherwise."""
        made = dlpuconv.convert(source, cache=False, **options)
        return cls(label, made, made.save(folder, force=True))


def source(name: str) -> Path:
    """A bundled model."""
    return zoo.HERE / name / "model.onnx"


def answers(file: Path, samples: Array) -> list[Array]:
    """What a model or an artifact answers to samples as the source takes them: each output, [N, ...]."""
    with dlpuconv.load(file) as network:
        rows = [network(sample[None]) for sample in samples]
    return [np.concatenate([row[name] for row in rows]) for name in rows[0]]


def table(name: str, attempts: Sequence[Attempt]) -> Table:
    """One row an artifact: the model's own metric of the file on disk, beside that of the float model."""
    task = zoo.task(name)
    samples, right = task.load_eval()
    reference = task.score(answers(source(name), samples), right)
    made = Table("target", "recipe", "file", box=None, pad_edge=False)
    for heading in ("size", "numbers", "float", "converted", "verdict"):
        made.add_column(heading, justify="right")
    for tried in attempts:
        for converted, path in zip(tried.conversion.artifacts, tried.paths, strict=True):
            is_float = converted.artifact.inputs[0].quantization is None
            made.add_row(
                converted.target,
                "-" if is_float else tried.label,
                path.name,
                size(path),
                "float32" if is_float else "int8",
                f"{reference:.1%}",
                f"{task.score(answers(path, samples), right):.1%}",
                "[green]pass[/]" if converted.report.passed else "[bold red]FAIL[/]",
            )
    return made


def size(path: Path) -> str:
    """Of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return f"{sum(file.stat().st_size for file in files if file.is_file()) / 1000:.0f} kB"


def tell_failures(console: Console, attempts: Sequence[Attempt]) -> None:
    """Why files failed, if any did."""
    for tried in attempts:
        for converted in tried.conversion.artifacts:
            for reason in render_reasons(converted.report):
                console.print(f"[bold]{tried.label}[/]", reason)
