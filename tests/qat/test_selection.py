"""Which state training leaves."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")


def test_every_fifth_sample_of_an_array_is_held_out_and_nothing_of_a_loader() -> None:
    from dlpuconv.qat.selection import split

    trained_on, held_out = split(np.arange(7, dtype=np.float32))
    assert trained_on.tolist() == [1, 2, 3, 4, 6]
    assert [batch.tolist() for batch in held_out] == [[0, 5]]
    loader = [np.zeros(3)]
    assert split(loader) == (loader, None)


def test_a_single_sample_is_trained_on_and_held_out() -> None:
    from dlpuconv.qat.selection import split

    trained_on, held_out = split(np.ones(1, np.float32))
    assert trained_on.tolist() == [1]
    assert [batch.tolist() for batch in held_out] == [[1]]


@pytest.mark.parametrize(("losses", "kept"), [((3, 1, 2), 1), ((1, 1, 2), 0), ((float("nan"), 5, 4), 2)])
def test_the_first_of_the_best_states_comes_back(losses: tuple[float, ...], kept: int) -> None:
    from dlpuconv.qat.selection import Best

    module, looks = torch.nn.Linear(1, 1), iter(losses)
    best = None
    for number in range(len(losses)):
        with torch.no_grad():
            module.weight.fill_(number)
        best = best or Best(module, lambda: next(looks))
        if number:
            best.look()
    assert best is not None
    best.restore()
    assert module.weight.item() == kept


def test_of_no_samples_none_is_held_out() -> None:
    from dlpuconv.qat.selection import split

    trained_on, held_out = split(np.zeros((0, 3), np.float32))
    assert (len(trained_on), held_out) == (0, None)
