"""--input-shape as text."""

from __future__ import annotations

import pytest

from dlpuconv.frontends import parse_input_shape
from dlpuconv.frontends.options import shape_flag
from tests.error_ids import raises_error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("images=1,3,224,224", ("images", (1, 3, 224, 224))),
        ("1,3,224,224", ("", (1, 3, 224, 224))),
        ("a=b:0=1, 2", ("a=b:0", (1, 2))),
        ("x=5", ("x", (5,))),
    ],
)
def test_a_shape_has_a_name_or_stands_for_the_only_input(text: str, expected: tuple[str, tuple[int, ...]]) -> None:
    assert parse_input_shape(text) == expected


@pytest.mark.parametrize("text", ["", "x=", "=1,3", "x=1,,3", "x=1,3,H,W", "x=-1,3", "x=1.5", "x=1x3", "x", "x=²"])
def test_another_form_is_answered_with_the_right_one(text: str) -> None:
    with raises_error("input-shape-form", "name=1,3,224,224"):
        parse_input_shape(text)


@pytest.mark.parametrize("text", ["x=1,0,3", "x=1,99999999999", f"x=1,{'9' * 5000}"])
def test_an_impossible_extent_is_refused(text: str) -> None:
    with raises_error("input-shape-form", "2147483647"):
        parse_input_shape(text)


def test_the_option_to_type_is_quoted_whole_where_a_shell_needs_it() -> None:
    assert shape_flag("x", (1, 3, "H")) == "--input-shape x=1,3,H"
    assert shape_flag("", (1, 3)) == "--input-shape 1,3"
    assert shape_flag("a b", (1, 3)) == "--input-shape 'a b=1,3'"
