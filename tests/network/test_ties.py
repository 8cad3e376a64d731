"""Ties that every format has."""

from __future__ import annotations

import numpy as np

from dlpuconv.network import Tie, Value
from dlpuconv.network.ties import active, alike, by_channel, constants, laid_out, tied


def value(name: str, *shape: int, known: bool = False) -> Value:
    data = np.zeros(shape, np.float32) if known else None
    return Value(name=name, shape=shape, dtype=np.dtype(np.float32), data=data)


def told(tie: Tie) -> tuple[str, list[int], str, list[int]]:
    return tie.one.name, tie.channels.tolist(), tie.other.name, tie.as_channels.tolist()


A, B, WHOLE = value("a", 1, 4, 2), value("b", 1, 4, 3), value("whole", 1, 4, 5)


def test_parts_lie_one_behind_the_other_in_their_whole() -> None:
    ties = laid_out([A, B], WHOLE)
    assert ties is not None
    assert [told(tie) for tie in ties] == [("a", [0, 1], "whole", [0, 1]), ("b", [0, 1, 2], "whole", [2, 3, 4])]


def test_parts_that_are_not_all_of_it_have_no_ties() -> None:
    assert laid_out([A, A], WHOLE) is None
    assert tied(B, WHOLE, start=3) is None


def test_values_of_as_many_channels_are_tied_channel_by_channel() -> None:
    (tie,) = alike([value("c", 1, 9, 2)], A) or ()
    assert told(tie) == ("c", [0, 1], "a", [0, 1])
    assert alike([A, B], A) is None


def test_constants_that_vary_along_channels_alone_are_told_from_others() -> None:
    assert by_channel([value("n", known=True), value("k", 2, known=True), value("m", 4, 1, known=True)], A)
    assert not by_channel([value("row", 4, known=True)], A)


def test_what_flows_is_told_from_what_is_known() -> None:
    known = value("k", 2, known=True)
    assert active([A, None, known]) == [A]
    assert constants([A, None, known]) == [known]
