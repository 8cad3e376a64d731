"""What became of each of ONNX's models, as data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from dlpuconv.ir.operators import SEQUENCES
from scripts.operator_table.chips import CHIPS, Place, places
from scripts.operator_table.examples import Binding
from scripts.operator_table.files import faults
from scripts.operator_table.trial import Ending, tried

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scripts.operator_table.examples import Example
    from scripts.operator_table.trial import Trial

FILE = Path(__file__).parents[2] / "docs" / "operators.json"
_OUTSIDE = ("in training mode", "for training", "optional values and text")
"""Words of refusals for what is outside of scope."""
_LEARNERS = "ai.onnx.ml"
_NAMES = re.compile(r" \((?:which makes|of) '[^']*'\)|'[^']*'|\"[^\"]*\"")


class Group(StrEnum):
    """There is no fifth; `fault` is what the tests forbid."""

    CONVERTED = "converted"
    """One operator of TFLite, which gives what ONNX states."""
    REWRITTEN = "rewritten"
    """Several operators, another number of them than the model's, or a constant: they give what ONNX states."""
    REFUSED = "refused"
    """A sentence says why."""
    OUTSIDE = "outside"
    """Refused likewise: training, text, sequences, classical learners."""
    FAULT = "fault"
    """Other values, or no words of ours."""


EQUAL = (Group.CONVERTED, Group.REWRITTEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one model.

    Attributes:
        operator: that the model is about.
        group: where it is counted.
        binding: the constants that this took, or that did not help.
        constant: inputs of the model that had to be constants, by position.
        operators: of the float TFLite graph, in running order.
        why: the refusal, or what is to be said of an equality, without the names of the model's values.
        places: by chip, where it runs.
    """

    operator: str
    group: Group
    binding: Binding
    constant: tuple[int, ...] = ()
    operators: tuple[str, ...] = ()
    why: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)


def outcome_of(example: Example, bindings: Iterable[Binding] = Binding, *, files: bool = False) -> Outcome:
    """Try a model: as it is, then with ever more constants, until its outputs are those that ONNX states.

    Args:
        example: the model.
        bindings: the constants to try; the last ones are what is told where none helps.
        files: also make the files of what is equal, and see that they are right.
    """
    found: Outcome | None = None
    for binding in bindings:
        bound = example.bound(binding)
        if bound is None:
            continue
        trial = tried(bound)
        found = _judged(bound, binding, trial)
        if files and trial.normal is not None and found.group in EQUAL:
            wrong = faults(bound, trial.normal)
            found = replace(found, group=Group.FAULT, why=wrong) if wrong else found
        if trial.ending is not Ending.REFUSED:
            break
    assert found is not None, "one binding is always possible"
    return found


def read(path: Path = FILE) -> dict[str, Outcome]:
    """What was written, by the model's name."""
    return {name: _outcome(entry) for name, entry in json.loads(path.read_text("utf-8"))["models"].items()}


def write(outcomes: Mapping[str, Outcome], path: Path = FILE) -> None:
    """One line a model."""
    lines = [f"  {json.dumps(name)}: {json.dumps(_entry(outcomes[name]))}" for name in sorted(outcomes)]
    text = ",\n".join(lines)
    path.write_text(f'{{"onnx": "{onnx.__version__}", "models": {{\n{text}\n}}}}\n', "utf-8")


def _judged(bound: Example, binding: Binding, trial: Trial) -> Outcome:
    outcome = Outcome(
        operator=bound.operator,
        group=_group(bound, trial),
        binding=binding,
        constant=bound.constant,
        operators=trial.operators,
        why=_NAMES.sub("", trial.why).replace("  ", " ").strip(),
    )
    if outcome.group in (Group.FAULT, Group.OUTSIDE) or trial.normal is None:
        return outcome
    return replace(outcome, places=places(trial.normal))


def _group(example: Example, trial: Trial) -> Group:
    if trial.ending is Ending.FAULT:
        return Group.FAULT
    if trial.ending is Ending.REFUSED:
        domain = example.operator.rpartition(".")[0]
        foreign = domain.startswith(_LEARNERS) or example.operator in SEQUENCES or not example.is_plain
        return Group.OUTSIDE if foreign or any(word in trial.why for word in _OUTSIDE) else Group.REFUSED
    alone = len(example.proto.graph.node) == len(trial.operators) == 1
    return Group.CONVERTED if alone else Group.REWRITTEN


def _entry(outcome: Outcome) -> dict[str, Any]:
    """As little as tells it."""
    entry = {
        "operator": outcome.operator,
        "group": outcome.group,
        "binding": "" if outcome.binding is Binding.NONE else outcome.binding,
        "constant": list(outcome.constant),
        "tflite": " ".join(outcome.operators),
        "why": outcome.why,
        "places": [outcome.places[chip] for chip in CHIPS] if outcome.places else [],
    }
    return {key: value for key, value in entry.items() if value}


def _outcome(entry: Mapping[str, Any]) -> Outcome:
    return Outcome(
        operator=entry["operator"],
        group=Group(entry["group"]),
        binding=Binding(entry.get("binding", Binding.NONE)),
        constant=tuple(entry.get("constant", ())),
        operators=tuple(entry.get("tflite", "").split()),
        why=entry.get("why", ""),
        places=dict(zip(CHIPS, map(Place, entry.get("places", ())), strict=bool(entry.get("places")))),
    )
