"""DIV(AVERAGE_POOL_2D(PAD(x)), share of real pixels) -> SAME AVERAGE_POOL_2D(x), which leaves pads out of its mean.

averages that do not count their padding are lowered to a mean with zeros and a correction at the borders
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.cleanup.fold_pads import Window, same_pads
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator

_TOLERANCE = 1e-5


def fold_pool_counts(graph: Graph) -> int:
    """Rewrite in place; how many corrections went."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        share = constant_input(op, 1) if op.kind in ("DIV", "MUL") else None
        pool = uses.sole_producer(op.input(0)) if share is not None else None
        pad = uses.producer(pool.input(0)) if pool is not None and pool.kind == "AVERAGE_POOL_2D" else None
        if share is None or pool is None or pad is None or pad.kind != "PAD" or op.options.fusedActivationFunction:
            continue
        real = _real_share(pad, pool)
        if real is not None and _equal(share, real if op.kind == "DIV" else 1.0 / real):
            pool.options.padding = schema.Padding.SAME
            pool.inputs[0] = pad.input(0)
            pool.outputs[0] = op.output
            gone.append(op)
    graph.remove(gone)
    return len(gone)


def _equal(share: npt.NDArray[Any], expected: npt.NDArray[np.float64]) -> bool:
    return share.size == expected.size and np.allclose(share.reshape(expected.shape), expected, rtol=_TOLERANCE)


def _real_share(pad: Operator, pool: Operator) -> npt.NDArray[np.float64] | None:
    """[1, H, W, 1]: how much of each window is no padding, if SAME pads as `pad` does."""
    pads = constant_input(pad, 1)
    options = pool.options
    if pads is None or options.padding != schema.Padding.VALID or np.any(pads[[0, 3]]):
        return None
    windows = Window(options.filterHeight, options.strideH), Window(options.filterWidth, options.strideW)
    shares = []
    for axis, window in zip((1, 2), windows, strict=True):
        size = pad.input(0).shape[axis]
        if same_pads(size, window) != tuple(int(p) for p in pads[axis]):
            return None
        real = np.pad(np.ones(size), tuple(pads[axis]))
        starts = range(0, pool.output.shape[axis] * window.stride, window.stride)
        shares.append(np.array([real[s : s + window.extent].mean() for s in starts]))
    return np.asarray(np.multiply.outer(*shares)[None, :, :, None])
