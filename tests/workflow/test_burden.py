from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, override

import pytest

from dlpuconv.quantization import Recipe
from dlpuconv.quantization.sites import Detour, Gate, LayerGroups, Proposal
from dlpuconv.scheme import Granularity
from dlpuconv.workflow.burden import Burden
from dlpuconv.workflow.workshop import Workshop

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
