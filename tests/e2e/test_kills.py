"""Real conversions, killed while their results take the places of older ones; `scripts/kills.py` kills many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.kills import World, kill_often, try_variants


@pytest.mark.slow
def test_conversions_that_are_killed_leave_every_result_whole_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    steps, made = try_variants(world)
    assert made[0] != made[1]
    assert made[0].keys() == made[1].keys()
    span = steps.last - steps.first
    assert span > len(made[0]), "each name takes a step at least"
    killed, wrong = kill_often(world, made, [steps.first + span * number // 4 for number in range(5)])
    assert (killed, wrong) == (5, [])
