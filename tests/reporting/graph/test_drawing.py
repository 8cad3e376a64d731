"""The drawing of a graph: below what it reads, beside nobody else's place, and every edge from its start to its end."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.reporting.graph.drawing import HEIGHT, WIDTH, draw
from dlpuconv.reporting.graph.layers import in_rows
from dlpuconv.reporting.graph.order import ordered

if TYPE_CHECKING:
    import pytest

    from dlpuconv.reporting.graph.drawing import Drawing

    type Edge = tuple[int, int]

GRAPHS = st.integers(1, 25).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40),
    )
)


def ends(path: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a path begins and where it ends."""
    numbers = [int(number) for number in re.findall(r"\d+", path)]
    last = re.findall(r"[CV][^CV]*", path)[-1]
    if last.startswith("C"):
        return (numbers[0], numbers[1]), (numbers[-2], numbers[-1])
    curves = re.findall(r"C[^CV]*", path)
    x = int(curves[-1].split()[-2]) if curves else numbers[0]
    return (numbers[0], numbers[1]), (x, numbers[-1])


def check(count: int, edges: list[Edge], found: Drawing) -> None:
    for (x, y), (other_x, other_y) in combinations(found.corners, 2):
        assert abs(x - other_x) >= WIDTH or abs(y - other_y) >= HEIGHT
    for x, y in found.corners:
        assert 0 <= x <= found.width - WIDTH
        assert 0 <= y <= found.height - HEIGHT
    assert len(found.corners) == count
    assert set(found.paths) == set(edges)
    for (start, end), path in found.paths.items():
        (left, top), (right, bottom) = found.corners[start], found.corners[end]
        assert ends(path) == ((left + WIDTH // 2, top + HEIGHT), (right + WIDTH // 2, bottom))
        if start < end:
            assert bottom >= top + HEIGHT


@settings(max_examples=50)
@given(GRAPHS)
def test_nodes_have_places_of_their_own_and_edges_lead_downwards_to_their_ends(graph: tuple[int, list[Edge]]) -> None:
    count, edges = graph
    check(count, edges, draw(count, edges))


def test_a_chain_is_a_straight_line() -> None:
    found = draw(4, [(0, 1), (1, 2), (2, 3)])
    assert len({x for x, _ in found.corners}) == 1
    assert all("C" not in path for path in found.paths.values())


def test_a_constant_beside_a_chain_does_not_push_it_aside() -> None:
    edges = [
        edge for at in range(10) for edge in ((3 * at, 3 * at + 2), (3 * at + 1, 3 * at + 2), (3 * at + 2, 3 * at + 3))
    ]
    found = draw(31, edges)
    chain = [found.corners[3 * at + 2][0] for at in range(10)]
    assert max(chain) - min(chain) < WIDTH  # each constant would push it by half a box


def test_edges_that_need_not_cross_do_not() -> None:
    given = in_rows(4, [(0, 3), (1, 2)])
    first, second = ordered(given)
    assert [first.index(0) < first.index(1), second.index(3) < second.index(2)] in ([True, True], [False, False])


def test_a_long_edge_passes_beside_the_nodes_between_its_ends() -> None:
    found = draw(5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)])
    (line,) = {int(x) for x in re.findall(r"(\d+) \d+V", found.paths[0, 4])}
    for node in (1, 2, 3):
        left = found.corners[node][0]
        assert not left <= line <= left + WIDTH


def test_nothing_and_one_node_are_drawings_too() -> None:
    assert draw(0, []).corners == ()
    assert len(draw(1, []).corners) == 1


def test_edges_of_more_bends_than_there_may_be_are_straight_but_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlpuconv.reporting.graph.layers._MOST_BENDS", 100)
    edges = [*pairwise(range(40)), *((at, 39) for at in range(0, 30, 3))]
    given = in_rows(40, edges)
    assert len(given.above) <= 40 + 100
    assert set(given.straight) == {edge for edge in edges if edge not in given.chains} != set()
    check(40, edges, draw(40, edges))
