"""LiteRT runs in a process of its own: what ends that is one sentence here, and the next file finds another."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from packaging.version import Version

from dlpuconv.cli import main
from dlpuconv.formats import litert_session
from dlpuconv.formats.detect import runner
from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.formats.litert_session import LiteRtWorker
from dlpuconv.isolation import Limits, pool
from dlpuconv_backends.cleanup.fold_constants import fold_constants
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph
from tests.backends.cleanup.graphs import Builder
from tests.error_ids import raises_error
from tests.verification.test_common_rules import detector
from tests.verification.tflite_models import healthy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIXELS = {"x": np.full((1, 8, 8, 3), 100, np.uint8)}


ends_litert = pytest.mark.skipif(
    Version(version("ai-edge-litert")) >= Version("2.3"), reason="LiteRT 2.3 divides the lowest integer by -1"
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The command of every process that is started."""
    pool.end()
    commands: list[object] = []
    start: Any = subprocess.Popen.__init__

    def counted(self: Any, args: object, *more: Any, **options: Any) -> None:
        commands.append(args)
        start(self, args, *more, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    yield commands
    pool.end()


def file(folder: Path, content: bytes) -> Path:
    path = folder / "m.tflite"
    path.write_bytes(content)
    return path


def activation(name: str, *shape: int, dtype: type[np.generic] = np.float32) -> Tensor:
    return Tensor(name, shape, np.dtype(dtype))


def doubling(*shape: int) -> Graph:
    """Y = 2 x, z = -x."""
    x, y, z = (activation(name, *shape) for name in "xyz")
    two = Tensor.constant("two", np.array([2], np.float32))
    return Graph([x], [y, z], [Operator("MUL", [x, two], [y], None), Operator("NEG", [x], [z])])


def of_ones(value: float, *shape: int) -> dict[str, np.ndarray[Any, Any]]:
    return {"x": np.full(shape, value, np.float32)}


def test_a_file_that_ends_litert_is_one_sentence_and_the_next_one_runs(tmp_path: Path) -> None:
    """This detector's custom op lacks its options, which its kernel reads all the same."""
    with raises_error("artifact-run-crash", "m.tflite"):
        runner(file(tmp_path, detector()))
    assert runner(file(tmp_path, healthy())).run(PIXELS)


def test_files_that_are_run_one_after_the_other_share_a_process(tmp_path: Path, started: list[object]) -> None:
    path = file(tmp_path, healthy())
    first = runner(path).run(PIXELS)
    second = runner(path).run(PIXELS)
    assert len(started) == 1
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_files_that_are_run_at_the_same_time_do_not(tmp_path: Path, started: list[object]) -> None:
    path = file(tmp_path, healthy())
    both = [runner(path), runner(path)]
    assert [len(run.run(PIXELS)) for run in both] == [1, 1]
    assert len(started) == 2


def test_neither_inspect_nor_targets_starts_a_process(tmp_path: Path, started: list[object]) -> None:
    assert main(["inspect", str(file(tmp_path, healthy()))]) == 0
    assert main(["targets"]) == 0
    assert not started


def test_what_a_run_gives_stays_when_the_next_one_runs(tmp_path: Path) -> None:
    run = LiteRtRunner(file(tmp_path, healthy()), keep=True)
    first = run.run(PIXELS)
    kept = {name: values.copy() for name, values in first.items()}
    run.run({"x": np.zeros((1, 8, 8, 3), np.uint8)})
    for name, values in kept.items():
        np.testing.assert_array_equal(first[name], values)


def test_text_for_an_input_is_refused_and_the_process_lives(tmp_path: Path, started: list[object]) -> None:
    run = runner(file(tmp_path, healthy()))
    with raises_error("artifact-refused"):
        run.run({"x": np.array(["text"])})
    assert run.run(PIXELS)
    assert len(started) == 1


def test_more_memory_than_a_file_may_have_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A quarter of a gigabyte for each of three activations."""
    monkeypatch.setattr(litert_session, "_LIMITS", Limits(memory=-(2 << 30), seconds=60))
    path = file(tmp_path, encode(doubling(1, 64 << 20)))
    with raises_error("artifact-run-limit", "m.tflite", "0.25 GiB"):
        runner(path).run(of_ones(1, 1, 64 << 20))  # the newer of two LiteRTs refuses to load it
    monkeypatch.undo()
    assert runner(file(tmp_path, healthy())).run(PIXELS)


@pytest.mark.parametrize("shape", [(), (1, 3), (1, 300_000), (1, 2_000_000)])
@pytest.mark.parametrize("load", [LoadedGraph, LoadedGraph.fast])
def test_each_sample_has_its_own_outputs_however_they_are_put_together(load: Any, shape: tuple[int, ...]) -> None:
    network = load(doubling(*shape))
    seen = 0
    for feed, outputs in network.each(of_ones(value, *shape) for value in range(5)):
        doubled, negated = (values.copy() for values in outputs)
        np.testing.assert_array_equal(doubled, 2 * feed["x"])
        np.testing.assert_array_equal(negated, -feed["x"])
        seen += 1
    assert seen == 5


def test_networks_that_share_a_process_are_told_apart(started: list[object]) -> None:
    worker = LiteRtWorker()
    one, other = LoadedGraph(doubling(1, 3), worker=worker), LoadedGraph(doubling(1, 5), worker=worker)
    assert one.run(of_ones(1, 1, 3))[0].tolist() == [[2, 2, 2]]
    assert other.run(of_ones(3, 1, 5))[0].tolist() == [[6] * 5]
    del one
    third = LoadedGraph(doubling(1, 2), worker=worker)
    assert other.run({})[1].tolist() == [[-3] * 5]  # an input that is not given stays as it was
    assert third.run(of_ones(4, 1, 2))[0].tolist() == [[8, 8]]
    assert len(started) == 1


def quotient() -> Graph:
    """-2^31 / -1, which is no int32: processors end whoever asks."""
    x = activation("x", 1, dtype=np.int32)
    y = activation("y", 1, dtype=np.int32)
    one = Tensor.constant("one", np.array([-1], np.int32))
    return Graph([x], [y], [Operator("DIV", [x, one], [y], schema.DivOptionsT())])


@ends_litert
def test_a_lowered_graph_that_ends_litert_is_one_sentence() -> None:
    network = LoadedGraph(quotient())
    with raises_error("backend-run-failed", "SIGFPE"):
        network.run({"x": np.array([-(2**31)], np.int32)})
    with raises_error("backend-run-failed"):
        network.run({"x": np.array([4], np.int32)})
    assert LoadedGraph(quotient()).run({"x": np.array([4], np.int32)})[0].tolist() == [-4]


@ends_litert
def test_constants_that_end_litert_are_one_sentence() -> None:
    b = Builder()
    lowest, one = np.array([-(2**31)], np.int32), np.array([-1], np.int32)
    c = b.op("DIV", [lowest, one], (1,), np.int32)
    graph = b.graph(b.op("ADD", [b.input(1), c], (1,)))
    with raises_error("backend-run-failed", "constants", "SIGFPE"):
        fold_constants(graph)
