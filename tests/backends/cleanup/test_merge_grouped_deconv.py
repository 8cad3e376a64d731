"""Groups of transposed convolutions are one operator."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.merge_grouped_deconv import merge_grouped_deconv
from dlpuconv_backends.flatbuffer.graph import Tensor
from tests.backends.cleanup.graphs import Builder, rewritten


def deconv(b: Builder, part: Tensor, channels: int, bias: bool) -> Tensor:
    operands = [np.array([1, 8, 8, channels], np.int32), b.values(channels, 2, 2, part.shape[-1]), part]
    return b.op("TRANSPOSE_CONV", [*operands, b.values(channels)] if bias else operands, (1, 8, 8, channels))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_groups_of_a_split_are_merged(channels: int, bias: bool) -> None:
    b = Builder()
    x = b.input(1, 4, 4, 4)
    first = b.op("SPLIT", [np.array(3, np.int32), x], (1, 4, 4, 2))
    split = b.graph(first).operators[0]
    split.outputs.append(Tensor("second", (1, 4, 4, 2), np.dtype(np.float32)))
    parts = [deconv(b, part, channels, bias) for part in split.outputs]
    graph = b.graph(b.op("CONCATENATION", parts, (1, 8, 8, 2 * channels)))
    assert rewritten(graph, merge_grouped_deconv, 1) == ["TRANSPOSE_CONV"]


def test_parts_in_another_order_stay() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 4)
    first = b.op("SPLIT", [np.array(3, np.int32), x], (1, 4, 4, 2))
    split = b.graph(first).operators[0]
    split.outputs.append(Tensor("second", (1, 4, 4, 2), np.dtype(np.float32)))
    parts = [deconv(b, part, 2, False) for part in reversed(split.outputs)]
    graph = b.graph(b.op("CONCATENATION", parts, (1, 8, 8, 4)))
    assert "SPLIT" in rewritten(graph, merge_grouped_deconv, 0)
