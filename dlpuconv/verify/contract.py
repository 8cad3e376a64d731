"""Whether a file's inputs and outputs are what its backend or its manifest says: applications are written by that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.names import port_names
from dlpuconv.verify.rule import Finding, Hit, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.formats import FileView, TensorView
    from dlpuconv.plugin import Port

RULE = "IO-CONTRACT"
_TOLERANCE = 1e-6  # a float32 that went through JSON


def contract_findings(
    view: FileView, inputs: Sequence[Port] | None, outputs: Sequence[Port] | None
) -> tuple[Finding, ...]:
    """One finding with every difference; none where all agree or nothing was said.

    Args:
        view: the file.
        inputs: what was said of its inputs.
        outputs: what was said of its outputs.
    """
    hits = (*_compare(view, view.inputs, inputs, "input"), *_compare(view, view.outputs, outputs, "output"))
    if not hits:
        return ()
    sentence = "Inputs and outputs must be what the manifest says."
    return (Finding(rule=RULE, severity=Severity.FAIL, sentence=sentence, hits=hits),)


def _compare(view: FileView, indices: Sequence[int], said: Sequence[Port] | None, noun: str) -> Iterator[Hit]:
    if said is None:
        return
    found = dict(zip(port_names(view, indices), (view.tensors[index] for index in indices), strict=True))
    for port in said:
        name = port.file_name or port.name
        if name not in found:
            yield Hit(f"there is no such {noun}; the file has {', '.join(found) or 'none'}", name)
        elif difference := _difference(port, found.pop(name)):
            yield Hit(difference, name)
    for name in found:
        yield Hit(f"nothing was said of this {noun}", name)


def _difference(port: Port, tensor: TensorView) -> str:
    if (port.dtype, port.shape) != (tensor.dtype, tensor.shape):
        return f"{port.dtype} {list(port.shape)} was said, the file has {tensor.dtype} {list(tensor.shape)}"
    if port.scale is None or port.zero_point is None:
        return ""
    scale = tensor.quantization.scale[0] if tensor.quantization else 0.0
    zero_point = tensor.quantization.zero_point[0] if tensor.quantization else 0
    if abs(scale - port.scale) > _TOLERANCE * abs(port.scale) or zero_point != port.zero_point:
        return (
            f"scale {port.scale:.7g} and zero point {port.zero_point} were said,"
            f" the file has {scale:.7g} and {zero_point}"
        )
    return ""
