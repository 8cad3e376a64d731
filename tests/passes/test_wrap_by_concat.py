"""Pads that wrap around."""

from __future__ import annotations

import pytest

from dlpuconv.passes import wrap_by_concat
from dlpuconv.passes.editor import Editor
from tests.passes.rewriting import ints, model, rewrite

PASS = wrap_by_concat.PASS


@pytest.mark.parametrize(
    ("pads", "result", "operators"),
    [
        ((0, 0, 1, 2, 0, 0, 3, 0), (8, 7), ["Slice", "Slice", "Concat", "Slice", "Concat"]),
        ((0, 0, 0, 0, 0, 0, 4, 0), (8, 5), ["Slice", "Concat"]),
    ],
)
def test_the_other_end_is_joined(pads: tuple[int, ...], result: tuple[int, int], operators: list[str]) -> None:
    text = f'(float[1,2,4,5] x) => (float[1,2,{result[0]},{result[1]}] y) {{ y = Pad<mode="wrap">(x, p) }}'
    assert rewrite(model(text, p=ints(*pads)), PASS, decibels=300).operators == operators


def test_one_axis_may_be_named() -> None:
    text = '(float[1,2,4,5] x) => (float[1,2,4,7] y) { y = Pad<mode="wrap">(x, p, , a) }'
    assert rewrite(model(text, p=ints(1, 1), a=ints(-1)), PASS, decibels=300).fired == (1,)


def test_more_than_once_around_stays() -> None:
    text = '(float[1,2,4,5] x) => (float[1,2,9,5] y) { y = Pad<mode="wrap">(x, p) }'
    declined = PASS.run(Editor(model(text, p=ints(0, 0, 5, 0, 0, 0, 0, 0)).graph)).declined
    assert [each.reason for each in declined] == ["it goes around more than once, crops, or adds nothing"]
