"""Two files side by side for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dlpuconv.placement.forecast_text import quantity
from dlpuconv.verification.report_text import render_parity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from dlpuconv.contrast.result import Contrast, Side
    from dlpuconv.verification.report import IoTensor

type Rows = list[tuple[str, str, str]]


def contrast_text(found: Contrast) -> Iterator[RenderableType]:
    """What differs is bold; then the answers."""
    yield _table(found.a, found.b)
    a, b = found.a.file, found.b.file
    if a == b:
        a, b = f"the first {a}", f"the second {b}"
    if found.between is not None:
        yield ""
        yield render_parity(found.between, f"{b} beside {a}")
    for name, parity in ((a, found.a_to_reference), (b, found.b_to_reference)):
        if parity is not None:
            yield ""
            yield render_parity(parity, f"{name} beside the float source")
    yield from (Text(f"note: {text}", style="yellow") for text in found.warnings)


def _table(a: Side, b: Side) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for side in (a, b):
        table.add_column(Text(side.file), overflow="fold")
    for name, left, right in _rows(a, b):
        style = "" if left == right else "bold"
        table.add_row(Text(name), Text(left or "-", style), Text(right or "-", style))
    return table


def _rows(a: Side, b: Side) -> Rows:
    return [
        ("format", a.format, b.format),
        ("size", f"{a.size:,} bytes", f"{b.size:,} bytes"),
        ("layers", str(a.layers), str(b.layers)),
        ("MACs", quantity(a.macs), quantity(b.macs)),
        ("parameters", quantity(a.parameters), quantity(b.parameters)),
        ("weights", a.weights, b.weights),
        *_ports("input", a.inputs, b.inputs),
        *_ports("output", a.outputs, b.outputs),
        *_placements(a, b),
        *_ops(a, b),
    ]


def _ports(noun: str, a: Sequence[IoTensor], b: Sequence[IoTensor]) -> Rows:
    """Inputs or outputs in the files' order; a name of its own is no difference that matters, but it is shown."""
    count = max(len(a), len(b))
    texts = [[_port(tensor) for tensor in tensors] + [""] * (count - len(tensors)) for tensors in (a, b)]
    return [(noun, left, right) for left, right in zip(*texts, strict=True)]


def _port(tensor: IoTensor) -> str:
    scale = "" if tensor.scale is None else f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
    return f"{tensor.name}  {tensor.dtype} {list(tensor.shape)}{scale}"


def _placements(a: Side, b: Side) -> Rows:
    lines = [side.placement.sentences if side.placement else () for side in (a, b)]
    count = max(map(len, lines))
    padded = [[*found, *[""] * (count - len(found))] for found in lines]
    return [("runs", left, right) for left, right in zip(*padded, strict=True)]


def _ops(a: Side, b: Side) -> Rows:
    """Every op of either, the most frequent first."""
    ops = {op: max(a.op_counts.get(op, 0), b.op_counts.get(op, 0)) for op in (*a.op_counts, *b.op_counts)}
    ordered = sorted(ops, key=lambda op: (-ops[op], op))
    return [(op, str(a.op_counts.get(op, "")), str(b.op_counts.get(op, ""))) for op in ordered]
