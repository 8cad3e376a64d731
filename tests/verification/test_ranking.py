"""What a ranking loses, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.verification.ranking import MOST, RankingLoss, competing


def loss(exact: list[float], rounded: list[float]) -> RankingLoss:
    return RankingLoss.of(np.array(exact), np.array(rounded))


def test_ties_and_swaps_of_what_is_found_are_lost_pairs() -> None:
    exact = [0.9, 0.8, 0.7, 0.2, 0.1]  # three are found, which are three pairs
    assert loss(exact, exact).pairs == 0
    assert loss(exact, [0.8, 0.8, 0.7, 0.2, 0.1]).pairs == pytest.approx(1 / 3)
    assert loss(exact, [0.7, 0.8, 0.9, 0.2, 0.1]).pairs == 1
    assert loss(exact, [0.9, 0.8, 0.7, 0.1, 0.1]).pairs == 0


def test_where_nothing_is_found_the_highest_scores_are_ranked() -> None:
    assert loss([0.4, 0.3, 0.2, 0.1], [0.4, 0.4, 0.2, 0.1]).pairs == pytest.approx(1 / 6)


def test_equal_scores_have_no_order_to_lose() -> None:
    assert loss([0.9, 0.9], [0.9, 0.8]).pairs == 0


def test_only_the_highest_thousand_are_ranked() -> None:
    exact = np.array([0.99 - 0.0002 * rank for rank in range(2 * MOST)])
    rounded = np.concatenate([exact[:MOST], np.full(MOST, exact[-1])])
    assert RankingLoss.of(exact, rounded).pairs == 0


def test_precision_is_that_of_ties_together_where_what_is_found_is_right() -> None:
    assert loss([0.9, 0.8, 0.2], [0.9, 0.8, 0.2]).precision == 0
    assert loss([0.9, 0.6, 0.4], [0.9, 0.5, 0.5]).precision == pytest.approx(1 - (1 + 2 / 3) / 2)
    assert loss([0.4, 0.2], [0.2, 0.4]).precision == 0  # nothing is right


def test_of_many_scores_with_ties_the_first_of_the_highest_are_ranked() -> None:
    rng = np.random.default_rng(0)
    exact, rounded = rng.integers(0, 40, (2, 5000)) / 100  # nothing is found, and 125 are equal on the average
    first = np.argsort(-exact, kind="stable")[:MOST]
    above = exact[first, None] > exact[first]
    lost = above & (rounded[first, None] <= rounded[first])
    assert RankingLoss.of(exact, rounded).pairs == lost.sum() / above.sum()


def test_what_ranks_below_all_that_is_right_lowers_no_precision() -> None:
    exact = np.array([0.9, 0.7, *np.linspace(0.4, 0.0, 500)])
    rounded = np.array([0.9, 0.35, *np.linspace(0.4, 0.0, 500)])
    higher = np.count_nonzero(rounded[2:] >= 0.35)
    assert RankingLoss.of(exact, rounded).precision == pytest.approx(1 - (1 + 2 / (2 + higher)) / 2)


def test_a_background_competes_for_nothing() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.2]])
    assert competing(scores, 1).tolist() == [[False, True], [False, True]]
    assert competing(scores, None).all()
