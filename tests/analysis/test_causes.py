from __future__ import annotations

import pytest

from dlpuconv.analysis import LayerError, LayerFacts, judge_layers
from dlpuconv.analysis.causes import CAUSES
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.verification.advice import Settings


def layer(
    name: str = "conv", alone_db: float | None = 10.0, weights_share: float | None = None, **facts: object
) -> LayerError:
    return LayerError(
        names=LayerNames(tensor=f"{name}_out", nodes=(name,)),
        op="CONV_2D",
        alone_db=alone_db,
        own_db=20.0,
        accumulated_db=15.0,
        weights_share=weights_share,
        facts=LayerFacts(**facts),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("found", "cause", "says"),
    [
        (layer(weights_share=0.9, per_tensor=True, weight_imbalance=277.4), "weight-imbalance", "277 times"),
        (layer(weights_share=0.9, per_tensor=True, weight_imbalance=2.0), "coarse-weights", "one scale"),
        (layer(weights_share=0.9, per_tensor=False, weight_imbalance=277.4), "rounding", "8 bits"),
        (layer(weights_share=0.1, per_tensor=True, weight_imbalance=277.4), "rounding", "8 bits"),
        (layer(weights_share=0.9, widened_channels=3), "widened-weight-scale", "3 channels"),
        (layer(narrowest_operand=1 / 64), "narrow-operand", "4 of the output's 256 codes"),
        (layer(saturated=0.02), "saturation", "2.0%"),
        (layer(faint_channels=0.5, read_by=("HARD_SWISH",)), "imbalance-before-curve", "HARD_SWISH"),
        (layer(faint_channels=0.5, read_by=("CONV_2D",)), "faint-channels", "50%"),
        (layer(steps_per_rms=2.5), "outliers", "2.5 steps"),
        (layer(dead_channels=0.5), "dead-channels", "50%"),
        (layer(alone_db=3.0, read_by=("EQUAL", "MAX_POOL_2D")), "comparison", "EQUAL"),
        (layer(alone_db=19.0, read_by=("EQUAL",)), "rounding", "8 bits"),
        (layer(), "rounding", "8 bits"),
    ],
)
def test_a_layer_s_numbers_name_the_likely_cause(found: LayerError, cause: str, says: str) -> None:
    (judged,) = judge_layers([found])
    assert judged.cause == cause
    assert says in judged.explanation


def test_causes_have_ids_of_their_own() -> None:
    assert len({cause.id for cause in CAUSES}) == len(CAUSES)


def test_the_layer_that_costs_most_alone_comes_first_and_those_that_cost_nothing_last() -> None:
    judged = judge_layers([layer("a", 30.0), layer("b", None), layer("c", -2.0)])
    assert [found.error.names.title for found in judged] == ["c", "a", "b"]


def test_a_suggested_override_means_just_this_layer_whatever_its_name() -> None:
    (judged,) = judge_layers([layer("conv[0]*", weights_share=1.0, per_tensor=True)])
    assert "--override 'conv[[]0][*]=per-channel'" in judged.advice


@pytest.mark.parametrize(
    ("known", "advice"),
    [
        (Settings(effort="fast"), "--effort balanced, the default, instead of fast, or --override conv=per-channel"),
        (Settings(effort="balanced"), "--effort best, or --override conv=per-channel"),
        (Settings(effort="best"), "--override conv=per-channel"),
        (Settings(recipe_given=True), "--override conv=per-channel"),
    ],
)
def test_the_next_effort_is_advised_and_none_that_is_on_already(known: Settings, advice: str) -> None:
    (judged,) = judge_layers([layer(weights_share=1.0, per_tensor=True)], known)
    assert judged.advice == advice


def test_outputs_that_are_taken_apart_already_are_not_advised_to_be() -> None:
    (judged,) = judge_layers([layer(narrowest_operand=1 / 64)], Settings(split_outputs="auto"))
    assert "--split-outputs" not in judged.advice
    assert "--cut-at" in judged.advice
