"""What users say of outputs."""

from __future__ import annotations

import pytest

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.stated import demand_outputs, parse_output_kind
from tests.error_ids import raises_error


def test_a_name_and_a_kind_are_read() -> None:
    assert parse_output_kind("head=0=scores") == ("head=0", OutputKind.SCORES)


@pytest.mark.parametrize(("text", "says"), [("y=score", "scores"), ("scores", "NAME=KIND"), ("=masks", "NAME=KIND")])
def test_what_is_mistyped_is_refused_with_a_guess(text: str, says: str) -> None:
    with raises_error("option-value", says):
        parse_output_kind(text)


def test_a_name_that_no_output_has_is_refused_with_a_guess() -> None:
    demand_outputs(["boxes"], ["boxes", "scores"])
    with raises_error("output-kind-misfit", "'scores'"):
        demand_outputs(["score"], ["boxes", "scores"])
