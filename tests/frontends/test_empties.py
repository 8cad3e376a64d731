"""Operands without elements: what an export joins with nothing."""

from __future__ import annotations

import numpy as np

from tests.error_ids import raises_error
from tests.frontends.support import chain, node, operators, read, run

WEIGHTS = {
    "first": np.array([4]),
    "last": np.array([9]),
    "axis": np.array([2]),
    "none": np.zeros((1, 3, 0), np.float32),
}


def test_what_a_slice_leaves_empty_is_not_joined() -> None:
    # x has 4 columns: those from the fifth on, the masks of a plain detector, are none
    slices = node("Slice", ["x", "first", "last", "axis"], ["masks"])
    proto = chain(slices, node("Concat", ["x", "masks", "x"], ["y"], axis=2), shape=(1, 3, 4), weights=WEIGHTS)
    model = read(proto)
    assert operators(model) == ["Concat"]
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    assert np.array_equal(run(model, x=x)[0], np.concatenate([x, x], axis=2))


def test_an_empty_constant_is_not_joined() -> None:
    proto = chain(node("Concat", ["none", "x"], ["y"], axis=2), shape=(1, 3, 4), weights=WEIGHTS)
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    assert np.array_equal(run(read(proto), x=x)[0], x)


def test_an_input_too_small_for_the_network_is_still_refused() -> None:
    slices = node("Slice", ["x", "first", "last", "axis"], ["y"])
    with raises_error("shape-empty"):
        read(chain(slices, shape=(1, 3, 4), weights=WEIGHTS))


def test_an_empty_part_that_nothing_reads_is_no_reason_to_refuse() -> None:
    parts = node("Split", ["x", "sizes"], ["some", "nothing"], axis=2)
    proto = chain(parts, node("Relu", ["some"], ["y"]), shape=(1, 3, 4), weights={"sizes": np.array([4, 0])})
    assert operators(read(proto))[-1] == "Relu"
