"""Rules about what was said of a file's inputs and outputs, by its backend or its manifest: applications go by that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.names import port_names
from dlpuconv.language.brief import listed
from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.formats import FileView, TensorView
    from dlpuconv.ir import Port
    from dlpuconv.verification.rule import Context

_TOLERANCE = 1e-6  # a float32 that went through JSON


def as_said(view: FileView, context: Context) -> Iterator[Hit]:
    """Every difference between the file and what was said of it; none where nothing was said."""
    yield from _compare(view, view.inputs, context.inputs, "input")
    yield from _compare(view, view.outputs, context.outputs, "output")


def order_is_written_down(view: FileView, context: Context) -> Iterator[Hit]:
    """Several outputs are told apart by a manifest; one needs no order."""
    if len(view.outputs) > 1 and context.outputs is None:
        names = listed(port_names(view, view.outputs))
        yield Hit(f"there are {len(view.outputs)} outputs ({names}), and no manifest beside the file")


def _compare(view: FileView, indices: Sequence[int], said: Sequence[Port] | None, noun: str) -> Iterator[Hit]:
    if said is None:
        return
    found = dict(zip(port_names(view, indices), (view.tensors[index] for index in indices), strict=True))
    for port in said:
        name = port.name_in_file
        if name not in found:
            yield Hit(f"there is no such {noun}; the file has {listed(found) or 'none'}", name)
        elif difference := _difference(port, found.pop(name)):
            yield Hit(difference, name)
    for name in found:
        yield Hit(f"nothing was said of this {noun}", name)


def _difference(port: Port, tensor: TensorView) -> str:
    if (port.dtype, port.shape) != (tensor.dtype, tensor.shape):
        return f"{port.dtype} {list(port.shape)} was said, the file has {tensor.dtype} {list(tensor.shape)}"
    said, found = port.quantization, tensor.quantization
    if said is None:
        return ""
    scale, zero_point = (found.scale, found.zero_point) if found else (0.0, 0)
    if abs(scale - said.scale) > _TOLERANCE * abs(said.scale) or zero_point != said.zero_point:
        return (
            f"scale {said.scale:.7g} and zero point {said.zero_point} were said,"
            f" the file has {scale:.7g} and {zero_point}"
        )
    return ""


CONTRACT_RULES: tuple[Rule, ...] = (
    Rule(
        id="IO-CONTRACT",
        severity=Severity.FAIL,
        sentence="Inputs and outputs must be what the manifest says.",
        source="the manifest (.json) beside the file",
        check=as_said,
        fix="Convert again, or keep the manifest with the file that it was written for.",
    ),
    Rule(
        id="IO-SIDECAR",
        severity=Severity.WARN,
        sentence="The names and the order of several outputs should be written down beside the file.",
        source="Axis: larod does not promise an order of outputs",
        check=order_is_written_down,
        fix="Keep the manifest (.json) that convert writes beside the file, and find outputs by name and shape.",
    ),
)
