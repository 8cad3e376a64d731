"""docs/operators.md is what becomes of ONNX's own models of its operators."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import onnx
import pytest

from scripts import operators
from scripts.operator_table import examples, outcomes
from scripts.operator_table.outcomes import Group, Outcome, outcome_of
from scripts.operator_table.page import PAGE, page

CHUNKS = 6
"""Tests that the models are divided among, so that two processors share them."""

ALIKE = 1
"""Models that are tried of those of one operator that came to the same operators or the same refusal."""


@pytest.fixture(scope="module")
def stated() -> dict[str, Outcome]:
    return outcomes.read()


def sampled(stated: dict[str, Outcome]) -> list[str]:
    """Names of models that stand for all: a few of each operator and each way that it went."""
    seen: Counter[tuple[object, ...]] = Counter()
    chosen = []
    for name, outcome in stated.items():
        way = (outcome.operator, outcome.group, outcome.binding, outcome.operators, outcome.why)
        seen[way] += 1
        chosen += [name] if seen[way] <= ALIKE else []
    return chosen


def test_the_page_is_written_from_the_outcomes(stated: dict[str, Outcome]) -> None:
    assert PAGE.read_text("utf-8") == page(stated), "run scripts/operators.py"


def test_each_of_onnxs_models_is_in_one_of_four_groups(stated: dict[str, Outcome]) -> None:
    assert list(stated) == list(examples.names()), "run scripts/operators.py --run"
    assert {outcome.group for outcome in stated.values()} == set(Group) - {Group.FAULT}


def test_every_refusal_has_a_reason(stated: dict[str, Outcome]) -> None:
    silent = [name for name, o in stated.items() if o.group in (Group.REFUSED, Group.OUTSIDE) and len(o.why) < 20]
    assert silent == []


def test_the_page_names_every_operator_of_onnx() -> None:
    text = PAGE.read_text("utf-8")
    newest = onnx.defs.onnx_opset_version()
    names = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain}
    assert [name for name in sorted(names) if onnx.defs.has(name, newest) and f"\n| `{name}` |" not in text] == []


def test_outcomes_are_read_as_they_were_written(stated: dict[str, Outcome], tmp_path: Path) -> None:
    outcomes.write(stated, tmp_path / "again.json")
    assert outcomes.read(tmp_path / "again.json") == stated


def test_a_pattern_that_no_model_matches_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = outcomes.FILE.read_bytes()
    monkeypatch.setattr(sys, "argv", ["operators.py", "--run", "nosuch*"])
    assert operators.main() == 2
    assert "no model of ONNX's matches 'nosuch*'" in capsys.readouterr().err
    assert outcomes.FILE.read_bytes() == before


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_what_is_stated_is_what_happens(stated: dict[str, Outcome], chunk: int) -> None:
    different = {}
    for name in sampled(stated)[chunk::CHUNKS]:
        (example,) = examples.examples(name)
        found = outcome_of(example, [stated[name].binding])
        if found != stated[name]:
            different[name] = (found, stated[name])
    assert different == {}, "run scripts/operators.py --run NAME for each, and look at what has changed"
