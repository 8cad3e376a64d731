"""SIGN(x) -> SELECT_V2(x > 0, 1, SELECT_V2(x < 0, -1, 0)): SIGN has no int8 kernel.

It stands in Erf as onnx2tf spells it, and in softshrink and lp_pool2d as PyTorch does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.flatbuffer.edit import like, replace_each, scalar

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every float SIGN; the names of those."""
    return replace_each(graph, "SIGN", _choices)


def _choices(op: Operator) -> list[Operator] | None:
    x, out = op.input(0), op.output
    if out.dtype.kind != "f":
        return None
    above, below = (Tensor(f"{out.name}_{what}", out.shape, np.dtype(np.bool_)) for what in ("above", "below"))
    one, zero, minus = (scalar(f"{out.name}_{what}", n) for what, n in (("one", 1), ("zero", 0), ("minus", -1)))
    rest = like(out, "rest")
    return [
        Operator("GREATER", [x, zero], [above], schema.GreaterOptionsT(), op.source_name),
        Operator("LESS", [x, zero], [below], schema.LessOptionsT(), op.source_name),
        Operator("SELECT_V2", [below, minus, zero], [rest], schema.SelectV2OptionsT(), op.source_name),
        Operator("SELECT_V2", [above, one, rest], [out], schema.SelectV2OptionsT(), op.source_name),
    ]
