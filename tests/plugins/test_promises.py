"""What a plugin gets wrong in its data is told when it is loaded, all of it at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlpuconv.plugin import Backend, Target
from dlpuconv.registry import backend_names, load_backend, load_target, target_names
from dlpuconv.registry.promises import wrong_with_backend, wrong_with_target
from dlpuconv.verification.rule import Rule, Severity
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC9

TOY = replace(ARTPEC9, name="toy1")
RULE = Rule(id="TOY-1", severity=Severity.FAIL, sentence="It holds.", source="a test", check=lambda *_: ())


def changed(value: object, **fields: Any) -> Any:
    """Like `replace`, with values of types that no type checker would let pass."""
    return replace(value, **fields)  # type: ignore[type-var]


@pytest.mark.parametrize("name", target_names())
def test_every_built_in_target_keeps_its_promises(name: str) -> None:
    target = load_target(name)
    assert wrong_with_target(target, name) == ()
    assert target.called == f"the target {name!r} (distribution dlpuconv)"


@pytest.mark.parametrize("name", backend_names())
def test_every_built_in_backend_keeps_its_promises(name: str) -> None:
    assert wrong_with_backend(load_backend(name), name) == ()


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (changed(TOY, name="toy2"), "it calls itself 'toy2', but the entry point must have the same name"),
        (
            changed(TOY, name="../toy1"),
            "name is '../toy1', not of at most 64 letters, digits and '.', '_' and '-', as files are named",
        ),
        (changed(TOY, title=None), "title is None, not a str"),
        (changed(TOY, scheme={"numbers": "int8"}), "scheme is {'numbers': 'int8'}, not a Scheme"),
        (
            changed(TOY, scheme=changed(TOY.scheme, numbers="int8")),
            "scheme.numbers is 'int8', not Numbers.INT8 or Numbers.FLOAT32",
        ),
        (
            changed(TOY, scheme=changed(TOY.scheme, weights="per-tensor")),
            "scheme.weights is 'per-tensor', not Granularity.PER_TENSOR or Granularity.PER_CHANNEL",
        ),
        (
            changed(TOY, scheme=changed(TOY.scheme, discouraged=frozenset({"per-channel"}))),
            "scheme.discouraged is 'per-channel', not Granularity.PER_TENSOR or Granularity.PER_CHANNEL",
        ),
        (
            changed(TOY, scheme=changed(TOY.scheme, weight_codes="int8")),
            "scheme.weight_codes is 'int8', not a Coding",
        ),
        (
            changed(TOY, scheme=changed(TOY.scheme, by_operator={"Conv": "per-tensor"})),
            "scheme.by_operator['Conv'] is 'per-tensor', not a Granularity",
        ),
        (
            changed(TOY, scheme=changed(TOY.scheme, prescribed=[("Sigmoid", 1 / 256)])),
            "scheme.prescribed is [('Sigmoid', 0.00390625)], not a Mapping",
        ),
        (
            changed(TOY, scheme=changed(TOY.scheme, discouraged=("per-channel",))),
            "scheme.discouraged is ('per-channel',), not a frozenset",
        ),
        (changed(TOY, min_sqnr=float("nan")), "min_sqnr is nan, not a finite number"),
        (changed(TOY, min_sqnr="10"), "min_sqnr is '10', not a finite number"),
        (changed(TOY, suffix="tflite"), "suffix is 'tflite': it begins with a dot, such as '.bin', or is ''"),
        (changed(TOY, suffix="/../x"), "suffix is '/../x'"),
        (changed(TOY, calibration_required="no"), "calibration_required is 'no', not a bool"),
        (changed(TOY, packager="make.sh"), "packager is 'make.sh', not a function, or None"),
        (
            changed(TOY, run_on_camera="run {model}"),
            "run_on_camera is 'run {model}', in which {file} and {device} can be",
        ),
        (changed(TOY, run_on_camera='run {"a": 1}'), "a brace is written twice"),
        (changed(TOY, rules=[RULE]), "rules is a list, not a tuple"),
        (changed(TOY, rules=(RULE, "TOY-2")), "rules[1] is 'TOY-2', not a Rule"),
        (changed(TOY, rules=(RULE, RULE)), "2 rules have the id TOY-1"),
        (
            changed(TOY, rules=(replace(RULE, id="OUT-SQNR"),)),
            "2 rules have the id OUT-SQNR (dlpuconv has one itself)",
        ),
        (
            changed(TOY, rules=(changed(RULE, severity="fail"),)),
            "the rule TOY-1: severity is 'fail', not Severity.FAIL or Severity.WARN",
        ),
        (changed(TOY, rules=(changed(RULE, check=None),)), "the rule TOY-1: check is None, not a function"),
        (changed(TOY, rules=(changed(RULE, id="TOY 1"),)), "the rule TOY 1: id is 'TOY 1', not a text without spaces"),
        (changed(TOY, placement=3), "placement is 3, not a Placement or None"),
        (
            changed(TOY, placement=changed(TOY.placement, memory=float("nan"))),
            "placement.memory is nan, not a whole number",
        ),
        (changed(TOY, placement=changed(TOY.placement, limits=(RULE, RULE))), "2 rules have the id TOY-1"),
        (changed(TOY, compiler="edgetpu_compiler"), "compiler is 'edgetpu_compiler', not a ExternalCompiler"),
        (changed(TOY, compiler=changed(ARTPEC7.compiler, produces="{file}.bin")), "compiler.produces is '{file}.bin'"),
        (changed(TOY, compiler=changed(ARTPEC7.compiler, arguments=("{out}",))), "compiler.arguments is '{out}'"),
    ],
)
def test_what_is_wrong_with_a_target_is_said_with_what_is_right(target: Target, problem: str) -> None:
    assert any(text.startswith(problem) or problem in text for text in wrong_with_target(target, "toy1"))


def test_everything_wrong_is_said_at_once() -> None:
    assert len(wrong_with_target(changed(TOY, title=1, device=2, min_sqnr=None), "toy1")) == 3


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "other"}, "it calls itself 'other', but the entry point must have the same name"),
        ({"numbers": "int8"}, "numbers is 'int8', not Numbers.INT8 or Numbers.FLOAT32"),
        ({"suffix": "onnx"}, "suffix is 'onnx': it begins with a dot"),
        ({"normalization": "op"}, "normalization is 'op', not Normalization.CONV or"),
        ({"follows_recipes": 1}, "follows_recipes is 1, not a bool"),
    ],
)
def test_what_is_wrong_with_a_backend_is_said(fields: dict[str, Any], problem: str) -> None:
    toy = type("Toy", (load_backend("onnx-float"),), {"name": "toy", **fields})
    found = wrong_with_backend(toy, "toy")
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_a_backend_that_lacks_what_every_backend_must_do_is_told_what() -> None:
    class Toy(Backend):
        name = "toy"

    assert wrong_with_backend(Toy, "toy") == ("it has no emit and no prepare",)  # type: ignore[type-abstract]
