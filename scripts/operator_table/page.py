"""docs/operators.md: the outcomes of ONNX's models by operator, beside what ONNX says of the operators themselves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnx

from dlpuconv.frontends.operators import OLDEST
from dlpuconv.frontends.quantized.spelling import CONTRIBUTED
from dlpuconv.registry import load_target
from scripts.operator_table.chips import CHIPS, Place
from scripts.operator_table.outcomes import EQUAL, Group, Outcome
from scripts.operator_table.trial import AS_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE: Final = Path(__file__).parents[2] / "docs" / "operators.md"
_SHOWN = 5
_OUTSIDE = ("ai.onnx.ml", "ai.onnx.preview.training", "ai.onnx.training")
_INTRODUCTION = """\
# Operators

What becomes of each operator of ONNX, told by what became of ONNX's own {count} models of its operators (the node
tests of onnx {version}, opset {oldest} to {newest}). Every model is read, brought to normal form and lowered to a float
TFLite graph, which is run on the model's inputs and has to give the outputs that ONNX states, in their types and shapes
(floats as float32; relative tolerance 1e-3, as in ONNX's own tests of backends). Tests hold the project to this page,
which is written by `scripts/operators.py` from `docs/operators.json`, and that by `scripts/operators.py --run` from the
models.

| group | models | |
|---|---|---|
{groups}

There is no fifth group: a model that gives other values, or is refused in the words of another tool, is a fault. So is
one that is equal and whose file for ARTPEC-8, quantized on synthetic samples, holds a float, or whose file for CV25
gives other values in ONNX Runtime.

Of {disputed},
{saying}.
"""
_LEGEND = """\
## The operators

**Models** counts those of an operator by group, with those of the operator written out as a function. **As TFLite** is
what the float file holds for it most often. **Constants** are operands that had to be constants in some model for it to
be converted: ONNX's models give everything as inputs, networks hold weights, axes and shapes. Where a chip runs an
operator is told by the chip's rules ([what the verifier demands](rules/README.md)) on a draft of the file that it would
get:

- `DLPU`: on the accelerator; `DLPU?`: probably there, but the maker's public list lacks one of its operators.
- `CPU`: in the chip's file, and run by the camera's CPU; `split`: partly so.
- `tail`: in no file of the chip. A network is divided there, and the camera's CPU runs the rest (`--tail auto`).
- `no`: the file breaks one of the chip's rules, as the one against batches: ONNX's models are not made for cameras.

Several answers differ with the model, the most frequent first. Operators without a model have an empty row.
"""
_REASONS = """\
## What is refused, and why

The sentences that users read, without the names of their values.
"""


def page(outcomes: Mapping[str, Outcome]) -> str:
    """The whole page."""
    by_operator: dict[str, list[Outcome]] = {}
    for outcome in outcomes.values():
        by_operator.setdefault(outcome.operator, []).append(outcome)
    counted = Counter(outcome.group for outcome in outcomes.values())
    meanings = {
        Group.CONVERTED: "one operator of TFLite, equal",
        Group.REWRITTEN: "several operators of TFLite, or one for several, equal",
        Group.REFUSED: "refused in a sentence that says why",
        Group.OUTSIDE: "outside of scope, and refused likewise: training, text, sequences, classical learners",
    }
    introduction = _INTRODUCTION.format(
        count=f"{len(outcomes):,}",
        version=onnx.__version__,
        oldest=OLDEST,
        newest=onnx.defs.onnx_opset_version(),
        disputed=", ".join(f"`{name}`" for name, outcome in outcomes.items() if outcome.why == AS_RUNTIME),
        saying=AS_RUNTIME,
        groups="\n".join(f"| {group} | {counted[group]} | {meaning} |" for group, meaning in meanings.items()),
    )
    return "\n".join((introduction, _LEGEND, *_table(by_operator), "", *_foreign(), _REASONS, *_reasons(by_operator)))


def _table(by_operator: Mapping[str, Sequence[Outcome]]) -> list[str]:
    titles = [load_target(chip).title.split(" (")[0] for chip in CHIPS]
    head = ["operator", "since", "models", "as TFLite", "constants", *titles]
    rows = [_row(name, since, by_operator.get(name, ())) for name, since in _operators().items()]
    return [_cells(head), f"|{'---|' * len(head)}", *rows]


def _operators() -> dict[str, int]:
    """The opset that each of ONNX's own operators came with, of those that the newest one has."""
    newest = onnx.defs.onnx_opset_version()
    first: dict[str, int] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if not schema.domain and onnx.defs.has(schema.name, newest, ""):
            first[schema.name] = min(schema.since_version, first.get(schema.name, newest))
    return dict(sorted(first.items()))


def _row(name: str, since: int, outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return _cells([f"`{name}`", str(since), *[""] * (3 + len(CHIPS))])
    counted = Counter(outcome.group for outcome in outcomes)
    equal = [outcome for outcome in outcomes if outcome.group in EQUAL]
    shown = " + ".join(f"{counted[group]} {group}" for group in Group if counted[group])
    places = (_places(outcome.places[chip] for outcome in equal or outcomes if outcome.places) for chip in CHIPS)
    return _cells([f"`{name}`", str(since), shown, _as_tflite(equal), _constants(name, equal), *places])


def _as_tflite(equal: Sequence[Outcome]) -> str:
    """The shortest of the graphs that are most frequent."""
    if not equal:
        return ""
    counted = Counter(outcome.operators for outcome in equal)
    kinds = min(counted, key=lambda kinds: (-counted[kinds], len(kinds), kinds))
    return " ".join((*(f"`{kind}`" for kind in kinds[:_SHOWN]), *["…"] * (len(kinds) > _SHOWN)))


def _constants(name: str, equal: Sequence[Outcome]) -> str:
    formal = onnx.defs.get_schema(name).inputs
    positions = sorted({position for outcome in equal for position in outcome.constant})
    return ", ".join(dict.fromkeys(formal[min(position, len(formal) - 1)].name for position in positions if formal))


def _places(places: Iterable[Place]) -> str:
    counted = Counter(places)
    return ", ".join(place for place, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _foreign() -> list[str]:
    """Operators of other domains."""
    read = ", ".join(f"`{name}`" for name in sorted(CONTRIBUTED))
    lines = [
        "## Operators of other domains",
        "",
        f"Of `com.microsoft`, what quantizers write is read ([quantized models](quantized.md)): {read}. Operators that",
        "ONNX Runtime's optimizer makes are refused: convert the model as it was before that.",
        "",
        "Outside of scope:",
        "",
    ]
    schemas = onnx.defs.get_all_schemas()
    for domain in _OUTSIDE:
        names = ", ".join(f"`{schema.name}`" for schema in schemas if schema.domain == domain)
        lines += [f"- `{domain}`: {names}"] if names else []
    return [*lines, ""]


def _reasons(by_operator: Mapping[str, Sequence[Outcome]]) -> list[str]:
    lines = [_cells(["operator", "models", "why"]), "|---|---|---|"]
    for name, outcomes in sorted(by_operator.items()):
        why = Counter(outcome.why for outcome in outcomes if outcome.group in (Group.REFUSED, Group.OUTSIDE))
        lines += [_cells([f"`{name}`", str(count), told]) for told, count in sorted(why.items())]
    return [*lines, ""]


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
