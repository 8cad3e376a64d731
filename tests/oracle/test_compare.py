"""How operators of two files find each other."""

from __future__ import annotations

from tests.oracle.compare import pairs


def test_a_block_that_one_file_has_once_more_moves_no_other() -> None:
    ours, theirs = "ab-ab-ab", "ab=xyz=ab=ab"
    assert [(ours[i], theirs[j]) for i, j in pairs(ours, theirs)] == list(zip("ababab", "ababab", strict=True))


def test_many_single_operators_count_for_more_than_one_long_run() -> None:
    assert list(pairs("XYZp1q1r1s", "p2q2r2sXYZ")) == [(3, 0), (5, 2), (7, 4), (9, 6)]


def test_what_has_no_partner_is_in_no_pair() -> None:
    assert list(pairs("ab", "ba")) == [(1, 0)]
    assert list(pairs("", "ab")) == []
