"""Reading and writing at constant places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.passes import constant_indices, tidy
from dlpuconv.passes.contract import Pass
from dlpuconv.passes.editor import Editor
from tests.passes.rewriting import Array, ints, model, random, rewrite

SCATTER, GATHER = constant_indices.SCATTER, constant_indices.GATHER


def grid(*axes: list[int]) -> Array:
    """All combinations of indices, the last axis fastest: [len, ..., K]."""
    return np.stack(np.meshgrid(*(np.asarray(axis, np.int64) for axis in axes), indexing="ij"), -1)


def test_a_column_is_joined_to_the_others() -> None:
    source = model(
        "(float[1,6,4] x, float[1,6,1] u) => (float[1,6,4] y) { y = ScatterND(x, i, u) }",
        i=grid([0], list(range(6)), [1]),
    )
    assert rewrite(source, SCATTER, decibels=300).operators == ["Reshape", "Slice", "Slice", "Concat"]


def test_columns_that_are_assigned_one_after_the_other_become_one_concat() -> None:
    columns = [grid([0], list(range(6)), [column]) for column in range(3)]
    source = model(
        "(float[1,6,3] x, float[1,6,1] a, float[1,6,1] b, float[1,6,1] c) => (float[1,6,3] y)"
        " { p = ScatterND(x, i, a)  q = ScatterND(p, j, b)  y = ScatterND(q, k, c) }",
        **dict(zip("ijk", columns, strict=True)),
    )
    result = rewrite(source, SCATTER, tidy.NODES, decibels=300)
    assert [operator for operator in result.operators if operator != "Reshape"] == ["Concat"]
    assert len(result.node("Concat").inputs) == 3


def test_a_corner_is_joined_axis_by_axis() -> None:
    source = model(
        "(float[1,4,5,2] x, float[1,2,3,2] u) => (float[1,4,5,2] y) { y = ScatterND(x, i, u) }",
        i=grid([0], [0, 1], [2, 3, 4]),
    )
    assert rewrite(source, SCATTER, decibels=300).operators.count("Concat") == 2


def test_elements_along_an_axis_are_joined_too() -> None:
    source = model(
        "(float[1,6,4] x, float[1,6,2] u) => (float[1,6,4] y) { y = ScatterElements<axis=-1>(x, i, u) }",
        i=np.broadcast_to(ints(3, 0), (1, 6, 2)),
    )
    assert rewrite(source, SCATTER, decibels=300).operators == ["Reshape", *["Slice"] * 3, "Concat"]


def test_what_is_overwritten_altogether_is_not_read() -> None:
    source = model(
        "(float[2,3] x, float[2,3] u) => (float[2,3] y) { a = ScatterND(x, i, u)  y = Relu(a) }", i=grid([0, 1])
    )
    assert rewrite(source, SCATTER, decibels=300).operators == ["Reshape", "Relu"]


@pytest.mark.parametrize("reduction", ["add", "mul", "min", "max"])
def test_a_reduction_reads_the_old_values(reduction: str) -> None:
    source = model(
        f'(float[5,4] x, float[2,4] u) => (float[5,4] y) {{ y = ScatterND<reduction="{reduction}">(x, i, u) }}',
        i=grid([1, 3]),
    )
    assert rewrite(source, SCATTER, decibels=130).fired == (1,)


def test_a_reduction_at_the_same_place_twice_stays() -> None:
    text = '(float[5,4] x, float[2,4] u) => (float[5,4] y) { y = ScatterND<reduction="add">(x, i, u) }'
    reasons = rewrite(model(text, i=ints(1, 1).reshape(2, 1)), SCATTER).reasons
    assert reasons == ("its places form no grid, and its reduction is add",)


def test_indices_that_are_computed_stay() -> None:
    source = model("(float[5,4] x, int64[1,1] i, float[1,4] u) => (float[5,4] y) { y = ScatterND(x, i, u) }")
    assert rewrite(source, SCATTER).reasons == ("its indices are not constant",)


def test_an_index_beyond_the_axis_stays() -> None:
    source = model("(float[1,4] x) => (float[1,1] y) { y = GatherElements<axis=1>(x, i) }", i=ints(4).reshape(1, 1))
    editor = Editor(source.copy().graph)
    assert GATHER.run(editor).declined[0].reason == "an index is beyond its axis"


@pytest.mark.parametrize(
    ("call", "entry", "indices", "reason"),
    [
        ("GatherElements<axis=9>(x, i)", GATHER, ints(0).reshape(1, 1), "its indices or its axis do not fit its shape"),
        ("GatherElements(x, i)", GATHER, ints(0), "its indices or its axis do not fit its shape"),
        ("GatherND<batch_dims=-1>(x, i)", GATHER, ints(0).reshape(1, 1), "its indices have no such axes of batches"),
        ("GatherND<batch_dims=2>(x, i)", GATHER, ints(0).reshape(1, 1), "its indices have no such axes of batches"),
        ('ScatterND<reduction="mean">(x, i, u)', SCATTER, ints(0).reshape(1, 1),
         "its reduction is mean, which nobody knows"),
    ],
)  # fmt: skip
def test_what_no_specification_allows_stays(call: str, entry: Pass, indices: Array, reason: str) -> None:
    source = model(f"(float[1,4] x) => (float[?] y) {{ y = {call} }}", i=indices, u=random(1, 4))
    assert entry.run(Editor(source.copy().graph)).declined[0].reason == reason


def test_a_block_is_a_slice() -> None:
    source = model("(float[5,4] x) => (float[2,1] y) { y = GatherND(x, i) }", i=grid([1, 2], [3]))
    result = rewrite(source, GATHER, decibels=300)
    assert [operator for operator in result.operators if operator != "Reshape"] == ["Slice", "Slice"]


@st.composite
def accesses(draw: st.DrawFn) -> tuple[tuple[int, ...], Array, int]:
    """A shape, indices of ScatterND, each place once, and how many axes these are of."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    indexed = draw(st.integers(1, len(shape)))
    if draw(st.booleans()):
        axes = [draw(st.permutations(range(n)).map(lambda p: p[: max(1, len(p) - 1)])) for n in shape[:indexed]]
        return shape, grid(*axes), indexed
    every = grid(*(list(range(n)) for n in shape[:indexed])).reshape(-1, indexed)
    order = draw(st.permutations(range(len(every))))
    return shape, every[order[: draw(st.integers(1, len(every)))]], indexed


def dims(shape: tuple[int, ...]) -> str:
    return ",".join(map(str, shape))


@given(accesses(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_places_are_written(access: tuple[tuple[int, ...], Array, int], negative: bool) -> None:
    shape, indices, indexed = access
    updates = (*indices.shape[:-1], *shape[indexed:])
    source = model(
        f"(float[{dims(shape)}] x, float[{dims(updates)}] u) => (float[{dims(shape)}] y)"
        " { a = ScatterND(x, i, u)  y = Relu(a) }",
        i=indices - np.asarray(shape[:indexed]) if negative else indices,
    )
    assert rewrite(source, SCATTER, decibels=300).fired == (1,)


@given(accesses())
@settings(max_examples=60, deadline=None)
def test_any_places_are_read(access: tuple[tuple[int, ...], Array, int]) -> None:
    shape, indices, indexed = access
    result = (*indices.shape[:-1], *shape[indexed:])
    text = f"(float[{dims(shape)}] x) => (float[{dims(result)}] y) {{ a = GatherND(x, i)  y = Relu(a) }}"
    assert rewrite(model(text, i=indices), GATHER, decibels=300).fired == (1,)


def test_places_that_are_no_grid_are_picked_from_both() -> None:
    source = model(
        "(float[4,4] x, float[4] u) => (float[4,4] y) { y = ScatterND(x, i, u) }",
        i=np.repeat(np.arange(4), 2).reshape(4, 2),
    )
    assert rewrite(source, SCATTER, decibels=300).operators == ["Reshape", "Reshape", "Concat", "Gather", "Reshape"]


def test_elements_anywhere_are_read() -> None:
    indices = np.random.default_rng(3).integers(0, 5, (2, 6))
    source = model("(float[2,5] x) => (float[2,6] y) { y = GatherElements<axis=1>(x, i) }", i=indices)
    assert rewrite(source, GATHER, decibels=300).fired == (1,)


def test_a_batch_of_places_is_read() -> None:
    source = model(
        "(float[2,5,3] x) => (float[2,2,3] y) { y = GatherND<batch_dims=1>(x, i) }", i=ints(0, 4, 2, 1).reshape(2, 2, 1)
    )
    assert rewrite(source, GATHER, decibels=300).fired == (1,)


def test_places_are_folded_however_many_they_are() -> None:
    source = model(
        "(float[1,300,400] x, float[1,300,399] u) => (float[1,300,400] y) {"
        "  first = Expand(zero, shape)  second = Expand(rows, shape)  third = Expand(columns, shape)"
        "  places = Concat<axis=-1>(first, second, third)  y = ScatterND(x, places, u) }",
        shape=ints(1, 300, 399, 1),
        zero=np.zeros((1, 1, 1, 1), np.int64),
        rows=np.arange(300).reshape(1, 300, 1, 1),
        columns=np.arange(399).reshape(1, 1, 399, 1),
    )
    assert rewrite(source, SCATTER, decibels=300).fired == (1,)
