"""The line that is told of a part which the camera's CPU runs."""

from __future__ import annotations

from dataclasses import replace

import onnx
import pytest

from dlpuconv.division.division import Division, Rest
from dlpuconv.division.words import size_in_words, told_of_rest

TAIL = Rest(
    model=onnx.ModelProto(),
    reads=("boxes",),
    gives=("kept",),
    operators=("Transpose 't'", "NonMaxSuppression 'nms'", "Gather 'g'", "Gather 'h'"),
    macs=2,
)
DIVISION = Division(
    inputs=("x",),
    outputs=("kept",),
    tail=TAIL,
    entry=("x",),
    cut=("boxes",),
    reasons=("NonMaxSuppression 'nms' has no integer form",),
    macs=1000,
    macs_on_chip=998,
    crossing=67_200,
)


def test_the_refused_operator_is_named_and_the_others_counted() -> None:
    line = "tail: NonMaxSuppression and 3 more run on the CPU (0.2 % of the MACs; 67.2 kB cross)"
    assert told_of_rest(DIVISION, "tail", TAIL) == line


def test_what_crosses_from_the_front_is_what_it_gives_the_chip() -> None:
    front = replace(TAIL, operators=("DFT 'd'",), macs=0)
    line = "front: DFT runs on the CPU (none of the MACs; 512 bytes cross)"
    assert told_of_rest(replace(DIVISION, front=front, entering=512), "front", front) == line


def test_work_that_is_for_each_detection_is_told_as_the_least_that_there_is() -> None:
    each = replace(TAIL, uncounted=True)
    assert "(at least 0.2 % of the MACs; " in told_of_rest(replace(DIVISION, tail=each), "tail", each)


def test_a_strangers_name_of_an_operator_ends_no_code_and_no_table() -> None:
    evil = replace(TAIL, operators=("`a|b\n[red]",))
    assert told_of_rest(replace(DIVISION, tail=evil), "tail", evil).startswith("tail: ?a?b??red? runs on the CPU")


@pytest.mark.parametrize(("size", "told"), [(12, "12 bytes"), (1000, "1 kB"), (67_219, "67.2 kB"), (3e6, "3 MB")])
def test_sizes(size: int, told: str) -> None:
    assert size_in_words(size) == told
