"""Crops of transposed convolutions."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.fold_crops import fold_crops
from tests.backends.cleanup.graphs import SAME, Builder, rewritten


@pytest.mark.parametrize(
    ("kernel", "begin", "wider"),
    [(4, 1, 4), (3, 0, 3), (3, 1, 4), (2, 0, 2), (5, 2, 6), (5, 3, 0), (4, 0, 5), (4, 2, 6)],
)
def test_a_crop_is_same_padding_of_a_kernel_with_few_zeros(kernel: int, begin: int, wider: int) -> None:
    b = Builder()
    full = (5 - 1) * 2 + kernel
    operands = [np.array([1, full, full, 2], np.int32), b.values(2, kernel, kernel, 3), b.input(1, 5, 5, 3)]
    y = b.op("TRANSPOSE_CONV", operands, (1, full, full, 2))
    graph = b.graph(b.slice(y, (0, begin, begin, 0), (1, 10, 10, 2)))
    folds = wider > 0
    left = rewritten(graph, fold_crops, int(folds))
    assert left == (["TRANSPOSE_CONV"] if folds else ["TRANSPOSE_CONV", "SLICE"])
    if folds:
        assert graph.operators[0].options.padding == SAME
        assert graph.operators[0].input(1).shape == (2, wider, wider, 3)
        assert list(np.asarray(graph.operators[0].input(0).data)) == [1, 10, 10, 2]
