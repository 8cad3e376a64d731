"""What a float ONNX file for a vendor's compiler must not hold; every place is reported, once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dlpuconv.plugin import UnsupportedModelError, listed
from dlpuconv.plugin.onnx import UNKNOWN
from dlpuconv.plugin.views import CONTROL_FLOW, QUANTIZATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir

    from dlpuconv.plugin.onnx import SourceNames

_OTHER_FLOATS = frozenset(("FLOAT16", "BFLOAT16", "DOUBLE"))


def demand_convertible(model: onnx_ir.Model, names: SourceNames = UNKNOWN) -> None:
    """Make sure that a graph can become such a file.

    Args:
        model: in normal form.
        names: what the source model calls its nodes.

    Raises:
        UnsupportedModelError: lists every node that stands in the way.
    """
    wrong = {node: reasons for node in model.graph if (reasons := list(_reasons(node)))}
    if wrong:
        found = [f"{_label(node)} ({reason})" for node, reasons in wrong.items() for reason in reasons]
        made = (names.values_of(node.name or "", (v.name for v in node.outputs if v.name)) for node in wrong)
        raise UnsupportedModelError(
            f"a float ONNX file for the chip's compiler cannot hold: {listed(found, separator='; ')}",
            found,
            () if any(node.op_type in QUANTIZATION for node in wrong) else chain.from_iterable(made),
            id="operator-not-in-format",
        )


def _label(node: onnx_ir.Node) -> str:
    return f"{node.op_type} {node.name or node.outputs[0].name!r}"


def _reasons(node: onnx_ir.Node) -> Iterator[str]:
    if node.domain:
        yield f"operator of the domain {node.domain!r}"
    elif node.op_type in CONTROL_FLOW:
        yield "control flow"
    elif node.op_type in QUANTIZATION:
        yield "the model is quantized already; the chip's compiler wants the float model"
    elif node.op_type == "NonMaxSuppression":
        yield "runs in the application"
    for value in node.outputs:
        if value.dtype is not None and value.dtype.name in _OTHER_FLOATS:
            yield f"computes in {value.dtype.name.lower()}"
