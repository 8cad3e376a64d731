"""Answers that were computed once are not computed again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin import Artifact
from dlpuconv.verification import remembered
from dlpuconv.verification.remembered import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt
    import pytest

    from dlpuconv.formats import Runner

FILE = Path("model.tflite")


class Doubling:
    """Doubles, and counts how often."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        self.runs += 1
        return {"y": 2 * inputs["x"]}


class _Backend:
    """Runs every file in one way."""

    def __init__(self, load: Callable[[], Runner]) -> None:
        self._load = load

    def runner(self, path: Path) -> Runner:
        assert path == FILE
        return self._load()


def _same(kernel: Doubling) -> Doubling:
    return kernel


def artifact(content: bytes) -> Artifact:
    return Artifact(files={"": content}, inputs=(), outputs=(), bindings={})


def test_the_same_file_is_not_run_twice_on_the_same_inputs() -> None:
    answers, kernel = Answers(), Doubling()
    backend = _Backend(lambda: kernel)
    for _ in range(2):
        runner = answers.of_artifact(artifact(b"file"), backend, FILE)
        assert [runner.run({"x": np.full(3, float(n), np.float32)})["y"].tolist() for n in range(2)] == [
            [0.0, 0.0, 0.0],
            [2.0, 2.0, 2.0],
        ]
    assert kernel.runs == 2


def test_other_files_other_types_and_other_shapes_have_answers_of_their_own() -> None:
    answers, kernel = Answers(), Doubling()
    for content in (b"one", b"two"):
        runner = answers.of_artifact(artifact(content), _Backend(lambda: kernel), FILE)
        for inputs in (np.zeros(4, np.float32), np.zeros((2, 2), np.float32), np.zeros(4, np.int32)):
            assert runner.run({"x": inputs})["y"].shape == inputs.shape
    assert kernel.runs == 6


def test_the_same_content_is_run_again_by_another_backend() -> None:
    answers, kernels = Answers(), (Doubling(), Doubling())
    for kernel in kernels:
        backend = _Backend(partial(_same, kernel))
        answers.of_artifact(artifact(b"file"), backend, FILE).run({"x": np.ones(2)})
    assert [kernel.runs for kernel in kernels] == [1, 1]


def test_a_runner_is_made_only_for_what_is_not_known() -> None:
    answers, made = Answers(), []

    def load() -> Doubling:
        made.append(Doubling())
        return made[-1]

    backend = _Backend(load)
    for _ in range(3):
        answers.of_artifact(artifact(b"file"), backend, FILE).run({"x": np.ones(2)})
    assert len(made) == 1


def test_answers_that_need_much_memory_are_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MEMORY", 16)  # two numbers of 8 bytes
    answers, kernel = Answers(), Doubling()
    runner = answers.of_artifact(artifact(b"file"), _Backend(lambda: kernel), FILE)
    for inputs in (np.zeros(3), np.zeros(3), np.ones(2), np.ones(2)):
        runner.run({"x": inputs})
    assert kernel.runs == 3
