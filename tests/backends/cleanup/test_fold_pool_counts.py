"""Averages that leave their padding out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dlpuconv_backends.cleanup.fold_pool_counts import fold_pool_counts
from tests.backends.cleanup.graphs import Builder, rewritten

SHARE = np.outer([2 / 3, 1, 1, 2 / 3], [2 / 3, 1, 1, 2 / 3]).astype(np.float32).reshape(1, 4, 4, 1)
WINDOW = {"filterHeight": 3, "filterWidth": 3, "strideH": 1, "strideW": 1}


@pytest.mark.parametrize(("kind", "share"), [("DIV", SHARE), ("MUL", 1 / SHARE)])
def test_a_correction_at_the_borders_is_same_padding(kind: str, share: npt.NDArray[np.float32]) -> None:
    b = Builder()
    y = b.op("AVERAGE_POOL_2D", [b.pad(b.input(1, 4, 4, 2))], (1, 4, 4, 2), **WINDOW)
    graph = b.graph(b.op(kind, [y, share], y.shape))
    assert rewritten(graph, fold_pool_counts, 1) == ["AVERAGE_POOL_2D"]


def test_any_other_factor_stays() -> None:
    b = Builder()
    y = b.op("AVERAGE_POOL_2D", [b.pad(b.input(1, 4, 4, 2))], (1, 4, 4, 2), **WINDOW)
    graph = b.graph(b.op("DIV", [y, np.sqrt(SHARE)], y.shape))
    assert rewritten(graph, fold_pool_counts, 0) == ["PAD", "AVERAGE_POOL_2D", "DIV"]
