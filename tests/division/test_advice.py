from __future__ import annotations

from dlpuconv.division.advice import with_way_out
from dlpuconv.division.frontier import NOTHING_IN_FRONT
from dlpuconv.division.whole import Whole
from dlpuconv.errors import UnsupportedModelError
from tests.division.support import node, weights, whole


def network() -> Whole:
    """Two ends behind a convolution: a wave, and a sum that needs an activation and the wave's input."""
    return whole(
        [
            node("Sin", ["z"], ["first"]),
            node("Conv", ["x", "w"], ["the map"]),
            node("Relu", ["the map"], ["r"]),
            node("Sin", ["the map"], ["wave"]),
            node("Add", ["r", "wave"], ["y"]),
        ],
        {"x": (1, 3, 4, 4), "z": (1, 4)},
        ["first", "y"],
        {"w": weights(2, 3, 1, 1)},
    )


def told(*refused: str, outputs: tuple[str, ...] = ()) -> str:
    error = UnsupportedModelError("no form", ["one", "two"], refused)
    with_way_out(error, network(), outputs)
    assert error.problems == ("one", "two")
    return str(error)


def test_a_refusal_ends_with_a_complete_frontier_as_it_is_typed() -> None:
    assert told("wave") == "no form; end the network with --cut-at 'first,the map' and compute the rest on the CPU"


def test_only_the_outputs_that_are_wanted_count() -> None:
    assert told("wave", outputs=("wave",)).endswith("--cut-at 'the map' and compute the rest on the CPU")


def test_where_nothing_stands_in_front_the_network_is_to_be_exported_from_behind() -> None:
    assert told("first", outputs=("first",)) == f"no form{NOTHING_IN_FRONT}"


def test_a_refusal_that_no_division_helps_against_says_what_it_said() -> None:
    assert told() == "no form"
