"""Which orders of axes a RESHAPE can follow: checked against numpy on every element."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv_backends.cleanup.layout.labels import (
    after_reshape,
    channels_last,
    identity,
    inverse,
    is_reshape,
    moves_data,
    permuted,
    step,
)

SHAPES = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=5).map(tuple)


@st.composite
def labelled_shapes(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = draw(SHAPES)
    return shape, tuple(draw(st.permutations(range(len(shape)))))


@st.composite
def reshapes(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """A shape, its label, and another shape of as many elements (axes split and merged at random)."""
    before, label = draw(labelled_shapes())
    factors = [f for extent in before for f in {1: [1], 2: [2], 3: [3], 4: [2, 2], 6: [2, 3]}[extent]]
    after: list[int] = []
    for factor in factors:
        if after and draw(st.booleans()):
            after[-1] *= factor
        else:
            after.append(factor)
    return before, label, tuple(after)


@given(reshapes())
def test_every_offered_label_is_a_plain_reshape_of_the_stored_values(case: Any) -> None:
    before, stored, after = case
    values = np.arange(prod(before))
    held = values.reshape(before).transpose(stored)
    for label in after_reshape(before, stored, after):
        wanted = values.reshape(after).transpose(label)
        assert np.array_equal(held.reshape(-1), wanted.reshape(-1))


@given(reshapes(), st.data())
def test_a_label_is_refused_only_if_no_reshape_gives_it(case: Any, data: Any) -> None:
    before, stored, after = case
    label = tuple(data.draw(st.permutations(range(len(after)))))
    values = np.arange(prod(before))
    equal = np.array_equal(
        values.reshape(before).transpose(stored).reshape(-1), values.reshape(after).transpose(label).reshape(-1)
    )
    assert is_reshape(before, stored, after, label) == equal


@given(labelled_shapes(), st.data())
def test_a_step_leads_from_one_label_to_the_other(case: Any, data: Any) -> None:
    shape, stored = case
    wanted = tuple(data.draw(st.permutations(range(len(shape)))))
    values = np.arange(prod(shape)).reshape(shape)
    assert np.array_equal(values.transpose(stored).transpose(step(stored, wanted)), values.transpose(wanted))
    same_order = np.array_equal(values.transpose(stored).reshape(-1), values.transpose(wanted).reshape(-1))
    assert moves_data(shape, stored, wanted) != same_order


@given(labelled_shapes())
def test_a_permutation_and_its_inverse_cancel(case: Any) -> None:
    shape, label = case
    assert permuted(permuted(shape, label), inverse(label)) == shape


def test_channels_last_of_common_ranks() -> None:
    assert channels_last(4) == (0, 2, 3, 1)
    assert channels_last(3) == (0, 2, 1)
    assert channels_last(2) == identity(2) == (0, 1)
