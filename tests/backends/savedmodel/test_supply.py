"""Samples for a library that asks for them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dlpuconv_backends.savedmodel.supply import Supply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Samples = Callable[[], Iterator[list[Any]]]


def test_the_work_gets_each_sample_and_its_result_is_returned() -> None:
    seen: list[Any] = []

    def work(samples: Samples) -> int:
        for sample in samples():
            seen.append(sample)  # noqa: PERF402 - one by one
        return len(seen)

    supply = Supply(work)
    for value in range(3):
        supply.give([value])
        assert seen == [[v] for v in range(value + 1)]  # taken when `give` returns
    assert supply.finish() == 3


def test_what_the_work_raises_is_raised_where_it_is_waited_for() -> None:
    def at_once(_: Samples) -> None:
        raise KeyError("begin")

    with pytest.raises(KeyError, match="begin"):
        Supply(at_once)

    def later(samples: Samples) -> None:
        for sample in samples():
            if sample == [1]:
                raise KeyError("give")
        raise KeyError("finish")

    supply = Supply(later)
    with pytest.raises(KeyError, match="give"):
        supply.give([1])
    supply = Supply(later)
    supply.give([0])
    with pytest.raises(KeyError, match="finish"):
        supply.finish()


def test_work_that_asks_for_fewer_or_twice_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="not all samples were asked for"):
        Supply(lambda _: None)
    supply = Supply(lambda samples: next(samples()))
    with pytest.raises(RuntimeError, match="not all samples were asked for"):
        supply.give([1])
    with pytest.raises(RuntimeError, match="asked for once more"):
        Supply(lambda samples: [list(samples()), list(samples())]).finish()
