"""Measured numbers come back from the cache for the same tensors, from the same makers, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.calibration import Calibration, Preprocessing, Sample, StatisticsCache
from dlpuconv.display.progress import Silent
from dlpuconv.plugin import InterfaceOptions, Job
from dlpuconv_backends.flatbuffer import Graph, Operator
from dlpuconv_backends.lowering import Lowered
from dlpuconv_backends.tflite import measuring
from dlpuconv_backends.tflite.statistics import MinMax
from tests.backends.lowering.models import convolution
from tests.backends.tflite.models import activation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Counted:
    """Two samples that count how often they were read."""

    reads: int = 0
    digest: str = "two"

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[Sample]:
        self.reads += 1
        yield {"x": np.array([[-1, 2]], np.float32)}
        yield {"x": np.array([[3, -4]], np.float32)}


def graph() -> Graph:
    x, middle, y = (activation(name, 1, 2) for name in ("x", "middle", "y"))
    return Graph([x], [y], [Operator("ABS", [x], [middle]), Operator("RELU", [middle], [y])])


def measure(samples: Counted, folder: Path) -> dict[str, tuple[float, float]]:
    job = Job(
        model=convolution(),
        bindings={},
        calibration=Calibration(fit=samples, held_out=samples),
        preprocessing=Preprocessing(),
        interface=InterfaceOptions(),
        workspace=folder,
        cache=folder / "cache",
        progress=Silent(),
    )
    network = graph()
    lowered = Lowered(graph=network, input_permutations={}, output_permutations={}, sqnr_db={}, fired={})
    return {n: (r.low, r.high) for n, r in measuring.measure(network, job, lowered).ranges().items()}


def test_the_same_question_is_measured_once(tmp_path: Path) -> None:
    samples = Counted()
    first = measure(samples, tmp_path)
    assert first == measure(samples, tmp_path)
    assert first["x"] == (-4.0, 3.0)
    assert first["y"] == (1.0, 4.0)
    assert samples.reads == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("__version__", "99"),
        ("version", lambda _: "99"),
        ("observed_tensors", lambda g: [g.operators[0].output, *g.inputs, *g.outputs]),
    ],
)
def test_another_version_or_another_list_of_tensors_measures_again(
    name: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = Counted()
    first = measure(samples, tmp_path)
    monkeypatch.setattr(measuring, name, value)
    again = measure(samples, tmp_path)
    assert samples.reads == 2
    assert all(again[tensor] == first[tensor] for tensor in ("x", "y"))


def test_an_entry_with_numbers_of_another_shape_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = Counted()
    monkeypatch.setattr(StatisticsCache, "get", lambda *_: {MinMax.name: np.zeros((2, 2))})
    measure(samples, tmp_path)
    monkeypatch.setattr(StatisticsCache, "get", lambda *_: {MinMax.name: np.zeros((3, 1))})
    measure(samples, tmp_path)
    assert samples.reads == 2
