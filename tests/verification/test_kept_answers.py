"""What a source model answers to a set of samples is computed once for all who keep it in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.files.keep import KeptFolder
from dlpuconv.verification import kept_answers, remembered
from dlpuconv.verification.kept_answers import digest_of
from dlpuconv.verification.remembered import Answers
from tests.backends.lowering.models import convolution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.calibration import Sample
    from dlpuconv.ir import Model


class Few:
    """Three samples."""

    digest = "three"

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._samples = [{"x": np.full(shape, value, np.float32)} for value in (1, 2, 3)]

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)


class Negating:
    """In the place of the source's runtime; counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self.runs += 1
        return {"y": -inputs["x"], "top": np.argmax(inputs["x"], axis=1)}


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Negating:
    found = Negating()
    monkeypatch.setattr(remembered, "source_runner", lambda _: found)
    return found


def asked(model: Model, folder: Path, shape: tuple[int, ...] = (1, 4)) -> list[dict[str, Any]]:
    samples = Few(shape)
    runner = Answers(KeptFolder(folder)).of_source(model, samples)
    return [runner.run(sample) for sample in samples]


def test_whoever_asks_later_reads_them(runtime: Negating, tmp_path: Path) -> None:
    first, second = (asked(convolution(), tmp_path) for _ in range(2))
    assert runtime.runs == 3
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys() == {"y", "top"}
        for name, values in one.items():
            assert values.dtype == other[name].dtype
            np.testing.assert_array_equal(values, other[name])


def test_another_model_is_asked_itself(runtime: Negating, tmp_path: Path) -> None:
    asked(convolution(channels=4), tmp_path)
    asked(convolution(channels=5), tmp_path)
    assert runtime.runs == 6


def test_answers_that_are_too_large_are_computed_each_time(
    runtime: Negating, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "_MOST_KEPT", 20)
    for _ in range(2):
        assert [answer["y"].tolist() for answer in asked(convolution(), tmp_path)] == [[[-n] * 4] for n in (1.0, 2, 3)]
    assert runtime.runs == 6


def test_without_the_samples_nothing_is_kept(runtime: Negating, tmp_path: Path) -> None:
    Answers(KeptFolder(tmp_path)).of_source(convolution()).run({"x": np.zeros((1, 4), np.float32)})
    assert runtime.runs == 1
    assert list(tmp_path.iterdir()) == []


def test_other_inputs_have_another_digest() -> None:
    zeros = np.zeros((1, 4), np.float32)
    digests = {digest_of({"x": zeros}), digest_of({"y": zeros}), digest_of({"x": zeros.T}), digest_of({"x": zeros + 1})}
    assert len(digests) == 4
