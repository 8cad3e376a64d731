"""MAXIMUM and MINIMUM by a number, in front of what tells no values apart beyond it.

They change nothing by themselves; they tell the quantizer what is seen, which mostly takes them into the scale of what
makes their input, so that the file has neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_backends.flatbuffer.edit import scalar

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Tensor


def at_least(x: Tensor, bound: float, out: Tensor, source_name: str) -> Operator:
    """`out = max(x, bound)`."""
    return _bounded("MAXIMUM", x, bound, out, source_name)


def at_most(x: Tensor, bound: float, out: Tensor, source_name: str) -> Operator:
    """`out = min(x, bound)`."""
    return _bounded("MINIMUM", x, bound, out, source_name)


def _bounded(kind: str, x: Tensor, bound: float, out: Tensor, source_name: str) -> Operator:
    bounds = scalar(f"{out.name}_bound", bound)
    return Operator(kind, [x, bounds], [out], schema.MaximumMinimumOptionsT(), source_name)
