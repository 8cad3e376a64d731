"""The order of jobs, and who runs which."""

from __future__ import annotations

import pytest

from dlpuconv.batches.identity import Identified
from dlpuconv.batches.job import BatchJob
from dlpuconv.batches.order import ordered
from dlpuconv.batches.shard import Shard
from tests.error_ids import raises_error


def jobs(text: str) -> list[Identified]:
    made = (BatchJob(name=name, model=name[0], target="t") for name in text.split())
    return [Identified(job=job, key=job.name, versions={}) for job in made]


def told(found: object) -> str:
    return " ".join(each.job.name for each in found)  # type: ignore[attr-defined]


def test_as_many_models_take_turns_as_jobs_run_at_a_time() -> None:
    assert told(ordered(jobs("a1 a2 a3 b1 b2 c1 c2 d1"), 2)) == "a1 b1 a2 b2 a3 c1 d1 c2"


def test_one_slot_has_the_jobs_of_a_model_behind_one_another() -> None:
    assert told(ordered(jobs("a1 b1 a2"), 1)) == "a1 a2 b1"


def test_each_job_is_in_exactly_one_shard() -> None:
    keys = [f"{n * 7919:064x}"[::-1] for n in range(1000)]
    held = [sum(Shard(i, 4).holds(key) for i in range(1, 5)) for key in keys]
    assert held == [1] * 1000


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "a/b", "-1/2", "1/2/3", "", "٣/٤"])
def test_no_part_of_a_whole_is_refused(text: str) -> None:
    with raises_error("option-value", "--shard"):
        Shard.parse(text)


def test_a_part_is_read() -> None:
    assert Shard.parse("2/4") == Shard(2, 4)
