"""Measured numbers come back from the cache for the same activations, from the same makers, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration import StatisticsCache
from dlpuconv.display.progress import Silent
from dlpuconv.files.keep import KeptFolder
from dlpuconv.isolation.messages import Message, packed
from dlpuconv.quantization import measuring
from dlpuconv.quantization.given import Given
from dlpuconv.quantization.statistics.observe import MinMax
from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from dlpuconv.network import Feed
    from dlpuconv.quantization.techniques.tuning import TuningMaterial
    from tests.network.numpy_network import NumpyNetwork


@dataclass
class Counted:
    """Two samples that count how often they were read."""

    reads: int = 0

    def feeds(self) -> Iterator[Feed]:
        self.reads += 1
        yield {"x": np.array([[-1, 2]], np.float32)}
        yield {"x": np.array([[3, -4]], np.float32)}


def network(factor: float = -1.0) -> NumpyNetwork:
    b = Builder()
    return b.network(b.curve("y", b.product("middle", b.input("x", 1, 2), [factor]), "relu"))


def material(samples: Counted, folder: Path, net: NumpyNetwork | None = None, digest: str = "two") -> TuningMaterial:
    given = Given(
        feeds=samples.feeds,
        samples=2,
        evidence=2,
        digest=digest,
        cache=StatisticsCache(KeptFolder(folder / "cache")),
        progress=Silent(),
    )
    return measuring.measure(net or network(), given)


def measure(
    samples: Counted, folder: Path, net: NumpyNetwork | None = None, digest: str = "two"
) -> dict[str, tuple[float, float]]:
    return {name: (r.low, r.high) for name, r in material(samples, folder, net, digest).ranges.items()}


def test_the_same_question_is_measured_once(tmp_path: Path) -> None:
    samples = Counted()
    first = measure(samples, tmp_path)
    assert first == measure(samples, tmp_path)
    assert first == {"x": (-4.0, 3.0), "middle": (-3.0, 4.0), "y": (0.0, 4.0)}
    assert samples.reads == 1


def test_channels_are_looked_at_in_the_same_pass_as_ranges_and_come_back_alike(tmp_path: Path) -> None:
    samples = Counted()
    first, again = (material(samples, tmp_path).details.channels["middle"] for _ in range(2))
    assert first.tolist() == [[-3.0, 1.0, -1.0, 5.0], [-2.0, 4.0, 1.0, 10.0]]  # of (1, -2) and (-3, 4)
    assert again.tolist() == first.tolist()
    assert samples.reads == 1


def test_another_network_or_other_samples_are_measured_again(tmp_path: Path) -> None:
    samples = Counted()
    first = measure(samples, tmp_path)
    assert measure(samples, tmp_path, digest="others") == first
    assert measure(samples, tmp_path, network(-2.0))["middle"] == (-6.0, 8.0)
    assert samples.reads == 3


def test_another_list_of_activations_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = Counted()
    first = measure(samples, tmp_path)
    monkeypatch.setattr(measuring, "observed_values", lambda net: list(reversed(net.values()[:1])))
    assert measure(samples, tmp_path) == {"x": first["x"]}
    assert samples.reads == 2


def test_an_entry_with_numbers_of_another_shape_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = Counted()
    for stored in (np.zeros((2, 2)), np.zeros((3, 1))):
        content = packed(Message(arrays={MinMax.name: stored}))
        monkeypatch.setattr(KeptFolder, "once", lambda *_, content=content: content)
        measure(samples, tmp_path)
    assert samples.reads == 2
