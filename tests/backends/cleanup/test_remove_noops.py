"""Operators that change nothing go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv_backends.cleanup.remove_noops import remove_noops
from tests.backends.cleanup.graphs import RELU, Builder, rewritten

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Tensor

SHAPE = (1, 4, 4, 2)


def nothing(b: Builder, kind: str, x: Tensor) -> Tensor:
    every: dict[str, list[Any]] = {
        "RESHAPE": [np.array(SHAPE, np.int32)],
        "SLICE": [np.zeros(4, np.int32), np.array(SHAPE, np.int32)],
        "STRIDED_SLICE": [np.zeros(4, np.int32), np.array(SHAPE, np.int32), np.ones(4, np.int32)],
        "PAD": [np.zeros((4, 2), np.int32)],
        "TRANSPOSE": [np.arange(4, dtype=np.int32)],
        "TILE": [np.ones(4, np.int32)],
        "MUL": [np.ones(2, np.float32)],
        "ADD": [np.zeros(1, np.float32)],
        "CONCATENATION": [],
    }
    return b.op(kind, [x, *every[kind]], SHAPE)


@pytest.mark.parametrize(
    "kind", ["RESHAPE", "SLICE", "STRIDED_SLICE", "PAD", "TRANSPOSE", "TILE", "MUL", "ADD", "CONCATENATION"]
)
def test_an_operator_that_changes_nothing_goes(kind: str) -> None:
    b = Builder()
    x = b.op("ABS", [b.input(*SHAPE)], SHAPE)
    graph = b.graph(b.op("NEG", [nothing(b, kind, x)], SHAPE))
    assert rewritten(graph, remove_noops, 1) == ["ABS", "NEG"]


def test_a_reversal_and_a_fused_activation_stay() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 2)
    operands = [np.array([0, 3, 0, 0], np.int32), np.array([1, -5, 4, 2], np.int32), np.array([1, -1, 1, 1], np.int32)]
    y = b.op("STRIDED_SLICE", [x, *operands], SHAPE)
    y = b.op("MUL", [y, np.ones(1, np.float32)], SHAPE, fusedActivationFunction=RELU)
    graph = b.graph(b.transpose(y, 0, 2, 1, 3))
    assert rewritten(graph, remove_noops, 0) == ["STRIDED_SLICE", "MUL", "TRANSPOSE"]
