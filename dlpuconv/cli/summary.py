"""What `convert` prints at the end: what was made, how good it is, and what to do on the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from dlpuconv.conversion import Conversion, Converted


def summary_table(done: Conversion, paths: list[Path]) -> Table:
    """One row an artifact."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("target", "file", "size", "weights", "SQNR", "verdict"):
        table.add_column(heading, justify="right" if heading in ("size", "SQNR") else "left", overflow="fold")
    for artifact, path in zip(done.artifacts, paths, strict=True):
        table.add_row(
            artifact.target,
            str(path),
            _size(sum(map(len, artifact.artifact.files.values()))),
            _weights(artifact),
            _sqnr(artifact),
            "[green]pass[/]" if artifact.report.passed else "[red]FAIL[/]",
        )
    return table


def next_steps(done: Conversion, paths: list[Path]) -> list[str]:
    """Lines that say what to run next."""
    lines: list[str] = []
    for artifact, path in zip(done.artifacts, paths, strict=True):
        if artifact.report.passed:
            lines += _steps(artifact, path)
    if lines:
        lines = [
            "",
            "next, on the camera (the first load can take minutes, while the chip compiles the graph):",
            *lines,
        ]
    return lines


def _steps(artifact: Converted, path: Path) -> list[str]:
    target = artifact.provenance.target
    file = path.name
    before: list[str] = []
    if artifact.compilation is not None:
        file = artifact.compilation.file
        if not artifact.compilation.content:
            before = [f"  {artifact.compilation.command}   # first, where the chip's compiler is installed"]
    return [*before, f"  {target.run_on_camera.format(file=file, device=target.device)}"]


def _weights(artifact: Converted) -> str:
    if artifact.provenance.target.scheme.numbers.value == "float32":
        return "float32"
    return artifact.report.granularity.summary


def _sqnr(artifact: Converted) -> str:
    parity = artifact.report.parity
    if parity is None:
        return "-"
    return "exact" if parity.exact else f"{parity.min_sqnr:.1f} dB"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
