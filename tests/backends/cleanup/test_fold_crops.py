"""Crops of transposed convolutions."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.fold_crops import fold_crops
from tests.backends.cleanup.graphs import SAME, Builder, rewritten


@pytest.mark.parametrize(("kernel", "begin", "folds"), [(4, 1, True), (3, 0, True), (3, 1, False), (4, 0, False)])
def test_a_crop_is_same_padding_only_if_it_cuts_exactly_that(kernel: int, begin: int, folds: bool) -> None:
    b = Builder()
    full = (5 - 1) * 2 + kernel
    operands = [np.array([1, full, full, 2], np.int32), b.values(2, kernel, kernel, 3), b.input(1, 5, 5, 3)]
    y = b.op("TRANSPOSE_CONV", operands, (1, full, full, 2))
    graph = b.graph(b.slice(y, (0, begin, begin, 0), (1, 10, 10, 2)))
    left = rewritten(graph, fold_crops, int(folds))
    assert left == (["TRANSPOSE_CONV"] if folds else ["TRANSPOSE_CONV", "SLICE"])
    if folds:
        assert graph.operators[0].options.padding == SAME
        assert list(np.asarray(graph.operators[0].input(0).data)) == [1, 10, 10, 2]
