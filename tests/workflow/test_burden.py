from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, override

import pytest

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.quantization import Recipe
from dlpuconv.quantization.sites import Detour, Gate, LayerGroups, Proposal
from dlpuconv.scheme import Granularity
from dlpuconv.verification.engine import check
from dlpuconv.workflow.burden import Burden
from dlpuconv.workflow.workshop import Workshop
from dlpuconv_targets.artpec import ARTPEC8
from tests.targets.artpec.layers import alternating, depthwise, squashed
from tests.verification.tflite_models import one_op

if TYPE_CHECKING:
    from collections.abc import Mapping

    type Site = Detour | Gate | LayerGroups

PLAIN = Burden(broken=frozenset({"A-OP"}), failing=0, pieces=2, outside={"y": ("y", "x")})
RECIPE = Recipe(granularity=Granularity.PER_TENSOR)
CUT, APART = LayerGroups("cut", (0, 1)), LayerGroups("apart", (1, 0))
AROUND = Detour("around", (0,))
ONE, OTHER = Gate("one", (0, 1)), Gate("other", (2, 0))


@pytest.mark.parametrize(
    ("worse", "expected"),
    [
        ({}, False),
        ({"broken": frozenset()}, False),
        ({"broken": frozenset({"A-MUL"})}, True),
        ({"failing": 1}, True),
        ({"pieces": 3}, True),
        ({"outside": {"one": ("one", "x")}}, False),
        ({"outside": {"y": ("y", "x"), "one": ("one", "x")}}, True),
    ],
)
def test_a_burden_exceeds_another_one_by_a_rule_a_failure_a_piece_or_a_layer(
    worse: Mapping[str, Any], expected: bool
) -> None:
    assert replace(PLAIN, **worse).exceeds(PLAIN) is expected


def burden_of(content: bytes) -> Burden:
    return Burden.of(parse_tflite(content), ARTPEC8)


def test_advice_on_the_speed_of_what_the_accelerator_runs_is_no_burden() -> None:
    view = parse_tflite(one_op(depthwise()))
    assert any(finding.rule == "A8-DEPTHWISE" for finding in check(view, ARTPEC8.rules, ARTPEC8.context))
    assert "A8-DEPTHWISE" not in Burden.of(view, ARTPEC8).broken


def test_what_is_said_of_layers_that_may_leave_the_accelerator_is_one() -> None:
    unlisted = burden_of(one_op(squashed("LOGISTIC", 1 / 256, -128)))
    assert "A8-OP-UNLISTED" in unlisted.broken
    assert unlisted.exceeds(burden_of(one_op(depthwise())))


def test_what_is_said_of_a_whole_file_is_one() -> None:
    assert "A8-PARTITIONS" not in burden_of(alternating(7)).broken
    assert "A8-PARTITIONS" in burden_of(alternating(8)).broken


class Proposing:
    """A backend that proposes a detour, two gates, or two layers in groups."""

    def propose(self, _prepared: object, _target: object, recipe: Recipe, what: Proposal) -> Recipe:
        sites = {Proposal.DETOURS: (AROUND,), Proposal.GATES: (ONE, OTHER), Proposal.GROUPS: (CUT, APART)}
        return replace(recipe, **{what.value: cast("Any", sites[what])})


class Shop(Workshop):
    """Knows what a chip's rules say of gates."""

    burdens: Mapping[tuple[Site, ...], Burden]

    @override
    def _burden(self, recipe: Recipe) -> Burden:
        return self.burdens[(*recipe.detours, *recipe.gates, *recipe.groups)]


def proposed(burdens: Mapping[tuple[Site, ...], Burden], what: Proposal = Proposal.GATES) -> tuple[Site, ...]:
    shop = Shop(cast("Any", Proposing()), cast("Any", None), cast("Any", None), cast("Any", None))
    object.__setattr__(shop, "burdens", burdens)
    found = shop.propose(RECIPE, what)
    return (*found.detours, *found.gates, *found.groups)


def test_gates_that_burden_a_chip_no_more_are_kept() -> None:
    assert proposed({(): PLAIN, (ONE, OTHER): PLAIN}) == (ONE, OTHER)


def test_a_gate_beside_a_layer_that_leaves_the_accelerator_is_left_out() -> None:
    worse = replace(PLAIN, outside={"y": ("y", "x"), "added": ("added", "one")})
    assert proposed({(): PLAIN, (ONE, OTHER): worse, (OTHER,): PLAIN}) == (OTHER,)


def test_all_are_left_out_where_that_is_not_enough() -> None:
    worse = replace(PLAIN, outside={"y": ("y", "x"), "added": ("added", "one")})
    assert proposed({(): PLAIN, (ONE, OTHER): worse, (OTHER,): replace(PLAIN, pieces=3)}) == ()
    assert proposed({(): PLAIN, (ONE, OTHER): replace(PLAIN, pieces=3)}) == ()


def test_advice_alone_keeps_no_detour_out() -> None:
    advised = replace(PLAIN, broken=frozenset({"A-OP", "A-DEPTHWISE"}))
    assert not advised.exceeds(PLAIN, advised=False)
    assert proposed({(): PLAIN, (AROUND,): advised}, Proposal.DETOURS) == (AROUND,)
    assert proposed({(): PLAIN, (AROUND,): replace(advised, pieces=3)}, Proposal.DETOURS) == ()
    assert proposed({(): PLAIN, (ONE, OTHER): advised}) == ()


def test_a_layer_whose_parts_leave_the_accelerator_stays_whole() -> None:
    worse = replace(PLAIN, outside={"y": ("y", "x"), "cut/group 2 of 2": ("curve", "cut/group 2 of 2")})
    assert proposed({(): PLAIN, (CUT, APART): worse, (APART,): PLAIN}, Proposal.GROUPS) == (APART,)
    assert proposed({(): PLAIN, (CUT, APART): replace(PLAIN, pieces=3)}, Proposal.GROUPS) == ()
