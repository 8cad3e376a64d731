"""Which layers get scales for each channel, judged by a network that loses so much for each layer per tensor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, override

import pytest

from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.plugin import Artifact
from dlpuconv.quantization import Override, Recipe, Rounding
from dlpuconv.quantization.mixing import mix
from dlpuconv.quantization.score import Score
from dlpuconv.quantization.search import Trial
from dlpuconv.quantization.sites import LayerGroups, Proposal
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Mapping

TENSOR, CHANNEL = Granularity.PER_TENSOR, Granularity.PER_CHANNEL
PLAIN = Recipe(granularity=TENSOR)


def said_of(recipe: Recipe, name: str) -> Granularity | None:
    return recipe.granularity_of(LayerNames(tensor=name))


class Network:
    """Each layer that is quantized per tensor takes its loss from a score."""

    def __init__(self, best_db: float, losses_db: Mapping[str, float]) -> None:
        self.best_db, self.losses_db = best_db, losses_db
        self.judged: list[Recipe] = []

    def emit(self, recipe: Recipe) -> Artifact:
        self.judged.append(recipe)
        return Artifact(files={}, inputs=(), outputs=(), bindings={})

    def judge(self, _: Artifact) -> Score:
        recipe = self.judged[-1]
        lost = [db for name, db in self.losses_db.items() if (said_of(recipe, name) or recipe.granularity) is TENSOR]
        value = self.best_db - sum(lost)
        return Score(typical_db=value, sqnr_db=value, cosine=1.0)

    def mixed(self, recipe: Recipe = PLAIN) -> list[Trial]:
        start = Trial(recipe=recipe, score=self.judge(self.emit(recipe)), chosen=True)
        return mix([start], self)

    def worst_layers(self, _: Recipe) -> list[str]:
        return sorted(self.losses_db, key=lambda name: -self.losses_db[name])

    def propose(self, recipe: Recipe, what: Proposal) -> Recipe:
        assert what is Proposal.GROUPS
        return recipe


def chosen(trials: list[Trial]) -> Recipe:
    (trial,) = (trial for trial in trials if trial.chosen)
    return trial.recipe


def switched(trials: list[Trial]) -> list[str]:
    return [override.pattern for override in chosen(trials).overrides]


def test_the_one_layer_that_ruins_the_network_is_switched_and_no_other() -> None:
    trials = Network(25.0, {"a": 0.1, "b": 20.0, "c": 0.1}).mixed()
    assert switched(trials) == ["b"]
    assert chosen(trials).granularity is TENSOR


@pytest.mark.parametrize("needed", [1, 2, 3, 5, 7, 11])
def test_the_fewest_layers_that_are_enough_are_found_in_few_trials(needed: int) -> None:
    losses = {f"bad{i}": 2.0 for i in range(needed)} | {f"good{i}": 0.0 for i in range(40)}
    network = Network(25.0, losses)
    trials = network.mixed()
    left_db = sum(losses[name] for name in losses if name not in switched(trials))
    assert left_db <= max(1.0, 2.0 * needed / 3)
    assert left_db + 2.0 > max(1.0, 2.0 * needed / 3), "one layer less would not have been enough"
    assert len(network.judged) <= 12


def test_a_network_that_is_good_enough_per_tensor_is_left_alone() -> None:
    assert switched(Network(45.0, {"a": 10.0}).mixed()) == [], "35 dB are enough"
    assert switched(Network(20.0, {"a": 0.9}).mixed()) == [], "per channel brings less than 1 dB"


def test_the_user_s_own_overrides_decide_last() -> None:
    mine = Override("b", TENSOR)
    trials = Network(25.0, {"a": 5.0, "b": 20.0}).mixed(Recipe(granularity=TENSOR, overrides=(mine,)))
    assert chosen(trials).overrides[-1] == mine
    assert said_of(chosen(trials), "b") is TENSOR


def test_where_no_number_of_layers_is_enough_the_best_that_was_tried_is_kept() -> None:
    class Stubborn(Network):
        @override
        def judge(self, artifact: Artifact) -> Score:
            score = super().judge(artifact)
            return (
                score
                if self.judged[-1].granularity is CHANNEL or not self.judged[-1].overrides
                else Score(typical_db=score.typical_db - 3.0, sqnr_db=score.sqnr_db, cosine=1.0)
            )

    trials = Stubborn(25.0, {"a": 4.0, "b": 2.0}).mixed()
    assert chosen(trials).granularity is TENSOR
    assert len([trial for trial in trials if trial.chosen]) == 1


def test_names_are_taken_literally() -> None:
    trials = Network(25.0, {"conv[0]*": 20.0, "conv0": 0.0}).mixed()
    assert said_of(chosen(trials), "conv[0]*") is CHANNEL
    assert said_of(chosen(trials), "conv0") is None


def test_layers_are_looked_for_without_learning_which_is_done_once_for_what_was_found() -> None:
    learned = Recipe(granularity=TENSOR, rounding=Rounding.LEARNED)

    class Learning(Network):
        @override
        def judge(self, artifact: Artifact) -> Score:
            score = super().judge(artifact)
            more = 0.5 if self.judged[-1].rounding is Rounding.LEARNED else 0.0
            return Score(typical_db=score.typical_db + more, sqnr_db=score.sqnr_db, cosine=1.0)

    network = Learning(25.0, {f"bad{i}": 3.0 for i in range(4)} | {f"good{i}": 0.0 for i in range(20)})
    trials = network.mixed(learned)
    assert chosen(trials).rounding is Rounding.LEARNED
    assert 0 < len(switched(trials)) <= 4
    assert sum(recipe.rounding is Rounding.LEARNED for recipe in network.judged) == 2, "before, and at the end"


def test_a_metric_of_the_user_s_own_decides_instead_of_decibels() -> None:
    class Counting(Network):
        """Decibels want every layer, the metric only one."""

        @override
        def judge(self, artifact: Artifact) -> Score:
            score = super().judge(artifact)
            recipe = self.judged[-1]
            good = (said_of(recipe, "b") or recipe.granularity) is CHANNEL
            return replace(score, metric=0.8 if good else 0.3)

    trials = Counting(25.0, {"a": 5.0, "b": 6.0, "c": 5.0}).mixed()
    assert switched(trials) == ["b"]


def test_what_the_user_set_as_the_limit_ends_the_search_for_layers() -> None:
    network = Network(25.0, {"a": 5.0, "b": 4.0, "c": 3.0})
    start = Trial(recipe=PLAIN, score=network.judge(network.emit(PLAIN)), chosen=True)
    trials = mix([start], network, met=lambda score: score.typical_db >= 17.0)
    assert switched(trials) == ["a"], "18 dB"


class Grouped(Network):
    """Groups bring back what some layer loses, and nothing of the others."""

    gained_db = 10.0

    @override
    def judge(self, artifact: Artifact) -> Score:
        score = super().judge(artifact)
        more = self.gained_db if self.judged[-1].groups else 0.0
        return replace(score, typical_db=score.typical_db + more)

    @override
    def propose(self, recipe: Recipe, what: Proposal) -> Recipe:
        return replace(recipe, groups=(LayerGroups("a", (0, 1)),))


def test_no_layer_gets_scales_for_each_channel_where_groups_suffice() -> None:
    trials = Grouped(25.0, {"a": 10.0, "b": 0.5}).mixed()
    assert chosen(trials).groups
    assert switched(trials) == []
    (everywhere,) = (trial.recipe for trial in trials if trial.recipe.granularity is CHANNEL)
    assert not everywhere.groups, "per channel throughout needs none"


def test_the_layers_that_groups_do_not_help_get_scales_for_each_channel_beside_them() -> None:
    trials = Grouped(25.0, {"b": 12.0, "a": 10.0}).mixed()
    assert chosen(trials).groups
    assert switched(trials) == ["b"]


def test_groups_that_help_nothing_are_not_kept() -> None:
    network = Grouped(25.0, {"a": 20.0})
    network.gained_db = 0.0
    assert not chosen(network.mixed()).groups
