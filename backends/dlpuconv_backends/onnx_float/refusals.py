"""What a float ONNX file for a vendor's compiler must not hold; every place is reported, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import UnsupportedModelError, listed
from dlpuconv.plugin.views import CONTROL_FLOW, QUANTIZATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir

_OTHER_FLOATS = frozenset(("FLOAT16", "BFLOAT16", "DOUBLE"))


def demand_convertible(model: onnx_ir.Model) -> None:
    """Make sure that a graph can become such a file.

    Raises:
        UnsupportedModelError: lists every node that stands in the way, and the way out.
    """
    found = list(_found(model))
    if found:
        raise UnsupportedModelError(
            f"a float ONNX file for the chip's compiler cannot hold: {listed(found, separator='; ')}. "
            "--cut-at NAME,... ends the network at values before them",
            found,
        )


def _found(model: onnx_ir.Model) -> Iterator[str]:
    for node in model.graph:
        name = f"{node.op_type} {node.name or node.outputs[0].name!r}"
        if node.domain:
            yield f"{name} (operator of the domain {node.domain!r})"
        elif node.op_type in CONTROL_FLOW:
            yield f"{name} (control flow)"
        elif node.op_type in QUANTIZATION:
            yield f"{name} (the model is quantized already; the chip's compiler wants the float model)"
        elif node.op_type == "NonMaxSuppression":
            before = ", ".join(v.name for v in node.inputs[:2] if v is not None and v.name)
            yield f"{name} (runs in the application; cut at {before})"
        for value in node.outputs:
            if value.dtype is not None and value.dtype.name in _OTHER_FLOATS:
                yield f"{name} (computes in {value.dtype.name.lower()})"
