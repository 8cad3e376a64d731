from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, override

import numpy as np
import numpy.typing as npt
import onnx_ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from dlpuconv.decibel import MOST_DB
from dlpuconv.ir import Model
from dlpuconv.ir.model import Source
from dlpuconv.plugin import Artifact, Port
from dlpuconv.workflow import judging
from dlpuconv.workflow.judging import SampleJudge, spread_by_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from dlpuconv.verification.output_parity import ParityReport

    type Answer = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


class Numbered:
    """Sample i is filled with numbers from i on."""

    digest = "numbered"

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        return ({"x": np.arange(index, index + 8, dtype=np.float32)[None]} for index in range(self.count))


class Answering:
    """Stands for a file's interpreter."""

    def __init__(self, answer: Answer) -> None:
        self.seen: list[int] = []
        self._answer = answer

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        self.seen.append(int(inputs["x"][0, 0]))
        return {"y": self._answer(inputs["x"])}


@dataclass(frozen=True, slots=True)
class Toy:
    """Stands for a backend whose files have no layers."""

    runner: Callable[[Path], Answering]

    def read(self, _: Path) -> Any:
        return None


def source() -> Model:
    """y = x + x."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 8)) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", ends[:1], ends[1:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return Model(graph=onnx_ir.from_proto(proto), source=Source(name="double", sha256=""))


def artifact(content: bytes) -> Artifact:
    x, y = (Port(name=n, source_shape=(1, 8), shape=(1, 8), permutation=(0, 1), dtype="float32") for n in "xy")
    return Artifact(files={"": content}, inputs=(x,), outputs=(y,), bindings={})


@pytest.fixture(autouse=True)
def costs(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What a file's inference costs: these files hold nothing that could be counted."""
    found = SimpleNamespace(multiplications=1)
    monkeypatch.setattr(judging, "_multiplications", lambda _: found.multiplications)
    return found


def test_the_same_values_score_highest_and_dead_ones_lowest(tmp_path: Path) -> None:
    answers: dict[bytes, Answer] = {
        b"same": lambda x: 2 * x,
        b"near": lambda x: 2.02 * x,  # noise is a hundredth of the signal: 40 dB
        b"dead": np.zeros_like,
    }
    judge = SampleJudge(
        source(), Numbered(10), Toy(lambda file: Answering(answers[file.read_bytes()])), tmp_path / "judge" / "trial"
    )
    same, near, dead = (judge(artifact(content)) for content in answers)
    assert same.typical_db == pytest.approx(60.0)
    assert (same.sqnr_db, round(same.cosine, 6)) == (MOST_DB, 1.0)
    assert near.typical_db == pytest.approx(40.0, abs=1e-3)
    assert near.sqnr_db == pytest.approx(40.0, abs=1e-3)
    assert dead.typical_db == pytest.approx(-20.0)
    assert dead.sqnr_db == pytest.approx(0.0), "its noise is the whole signal"
    assert not list((tmp_path / "judge").iterdir()), "no file stays behind"


@pytest.mark.parametrize(
    ("samples", "multiplications", "expected"),
    [
        (240, 1, 24),  # never more than 24
        (3, 1, 3),  # no more than there are
        (40, 10**12, 4),  # at least 4, whatever they cost
        (100, 6 * 10**8, 10),  # what fits 6e9 multiplications
    ],
)
def test_there_are_as_many_samples_as_their_cost_allows(
    samples: int, multiplications: int, expected: int, tmp_path: Path, costs: SimpleNamespace
) -> None:
    costs.multiplications = multiplications
    runner = Answering(lambda x: 2 * x)
    SampleJudge(source(), Numbered(samples), Toy(lambda _: runner), tmp_path / "trial")(artifact(b"file"))
    assert len(runner.seen) == expected


def test_samples_without_signal_are_not_judged_on(tmp_path: Path, costs: SimpleNamespace) -> None:
    """A detector's pictures: three of sixteen show something."""

    class Mostly(Numbered):
        @override
        def __iter__(self) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
            loud = {3, 8, 14}
            return (
                {"x": np.full((1, 8), index if index in loud else index / 1e6, np.float32)}
                for index in range(self.count)
            )

    costs.multiplications = 10**12
    runner = Answering(lambda x: 2 * x)
    SampleJudge(source(), Mostly(16), Toy(lambda _: runner), tmp_path / "trial")(artifact(b"file"))
    assert {3, 8, 14} < set(runner.seen)


@pytest.mark.parametrize(
    ("shares", "count", "expected"),
    [
        ([1, 1, 1, 1, 1, 1], 3, [0, 2, 4]),
        ([0, 0, 0, 0], 2, [0, 2]),
        ([0, 5, 0, 0, 5, 0], 2, [1, 4]),
        ([0, 9, 1, 0, 2, 0], 3, [1, 2, 4]),
        ([1, 1, 1], 3, [0, 1, 2]),
    ],
)
def test_positions_are_spread_by_share(shares: list[float], count: int, expected: list[int]) -> None:
    assert spread_by_share(np.array(shares, np.float64), count) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.data())
def test_as_many_different_positions_are_found_as_asked_for(shares: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(shares)))
    found = spread_by_share(np.array(shares), count)
    assert sorted(set(found)) == found
    assert len(found) == count
    assert 0 <= found[0] <= found[-1] < len(shares)


def test_samples_are_kept_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_MEMORY", 3 * 2 * 8 * 4 - 1)  # three samples and answers of 8 floats each
    runner = Answering(lambda x: 2 * x)
    SampleJudge(source(), Numbered(24), Toy(lambda _: runner), tmp_path / "trial")(artifact(b"file"))
    assert runner.seen == [0, 1, 2]


def test_the_same_bytes_are_judged_once(tmp_path: Path) -> None:
    runner = Answering(lambda x: 2 * x)
    judge = SampleJudge(source(), Numbered(5), Toy(lambda _: runner), tmp_path / "trial")
    assert judge(artifact(b"file")) is judge(artifact(b"file"))
    assert runner.seen == [0, 1, 2, 3, 4]


def test_wrong_labels_cost_by_their_share(tmp_path: Path) -> None:
    def one_of_eight_wrong(x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return (2 * x + np.eye(1, 8)).astype(np.int64)

    y = Port(name="y", source_shape=(1, 8), shape=(1, 8), permutation=(0, 1), dtype="int64")
    labelled = Artifact(files={"": b"file"}, inputs=artifact(b"").inputs, outputs=(y,), bindings={})
    score = SampleJudge(source(), Numbered(5), Toy(lambda _: Answering(one_of_eight_wrong)), tmp_path / "trial")(
        labelled
    )
    assert score.typical_db == pytest.approx(10 * np.log10(8))


def test_what_passes_on_the_judging_samples_is_confirmed_on_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "_MOST", 4)
    asked: list[int] = []

    def passes(_file: Path, _artifact: Artifact, parity: ParityReport, _metric: float | None) -> bool:
        asked.append(parity.samples)
        return parity.samples < 10

    judge = SampleJudge(
        source(), Numbered(10), Toy(lambda _: Answering(lambda x: 2 * x)), tmp_path / "trial", passes=passes
    )
    assert judge(artifact(b"file")).passes
    assert not judge.confirms(artifact(b"file"))
    assert asked == [4, 10]


def test_what_fails_on_the_judging_samples_is_not_run_again(tmp_path: Path) -> None:
    runner = Answering(lambda x: 2 * x)
    judge = SampleJudge(source(), Numbered(3), Toy(lambda _: runner), tmp_path / "trial", passes=lambda *_: False)
    assert not judge.confirms(artifact(b"file"))
    assert runner.seen == [0, 1, 2]


def test_an_artifact_of_several_files_is_a_folder_while_it_is_judged_and_each_content_counts(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look(folder: Path) -> Answering:
        seen.append(sorted(path.read_text() for path in folder.rglob("*") if path.is_file()))
        return Answering(lambda x: 2 * x)

    judge = SampleJudge(source(), Numbered(5), Toy(look), tmp_path / "trial")
    for second in ("weights", "others", "weights"):
        files = {"model.onnx": b"graph", "data/weights.bin": second.encode()}
        judge(replace(artifact(b""), files=files))
    assert seen == [["graph", "weights"], ["graph", "others"]]
    assert not (tmp_path / "trial").exists()
