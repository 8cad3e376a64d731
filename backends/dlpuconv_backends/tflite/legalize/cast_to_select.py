"""CAST(condition) -> SELECT_V2(condition, 1, 0).

A CAST copies integers and knows no scale, so that it cannot make quantized values; a choice of two codes can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_backends.flatbuffer.edit import replace_each, scalar

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every CAST from bool to float; the names of those."""
    return replace_each(graph, "CAST", _choice)


def _choice(op: Operator) -> list[Operator] | None:
    condition, out = op.input(0), op.output
    if condition.dtype != np.bool_ or out.dtype != np.float32:
        return None
    one, zero = scalar(f"{out.name}_one", 1.0), scalar(f"{out.name}_zero", 0.0)
    return [Operator("SELECT_V2", [condition, one, zero], [out], schema.SelectV2OptionsT(), op.source_name)]
