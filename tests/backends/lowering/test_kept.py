"""What was lowered once is not lowered again, and nothing is taken for it that is not."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.errors import BackendError
from dlpuconv.files.keep import NOTHING, KeptFolder
from dlpuconv.isolation.messages import Message, packed
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.lowering import kept, lower, raw
from dlpuconv_backends.lowering.culprits import UnableError
from dlpuconv_backends.lowering.raw import raw_lowering
from tests.backends.lowering.models import convolution

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.plugin.onnx import Split


@pytest.fixture
def network() -> Split:
    return convolution().split()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the worker was asked, by a program that knows its libraries, whichever interpreter has them."""
    times: list[int] = []
    ask, interpreter = raw._asked, os.environ.get(raw.INTERPRETER_VARIABLE, "")

    def counted(*given: Any) -> Message:
        times.append(1)
        with pytest.MonkeyPatch.context() as asking:
            asking.setenv(raw.INTERPRETER_VARIABLE, interpreter)
            return ask(*given)

    monkeypatch.delenv(raw.INTERPRETER_VARIABLE, raising=False)
    monkeypatch.setattr(raw, "_asked", counted)
    return times


def same(first: raw.RawLowering, second: raw.RawLowering) -> bool:
    arrays = first.constants.keys() == second.constants.keys() and all(
        np.array_equal(values, second.constants[name]) for name, values in first.constants.items()
    )
    return arrays and all(
        getattr(first, name) == getattr(second, name)
        for name in ("content", "inputs", "outputs", "values", "moved", "nodes")
    )


def test_the_worker_is_asked_once_and_what_it_made_comes_back(tmp_path: Path, network: Split, asked: list[int]) -> None:
    first, second = (raw_lowering(network, KeptFolder(tmp_path)) for _ in range(2))
    assert asked == [1]
    assert same(first, second)
    assert same(first, raw_lowering(network))


def test_a_network_that_was_kept_is_cleaned_and_proven_to_the_same_graph(tmp_path: Path) -> None:
    fresh, first, second = (
        encode(lower(convolution(), layouts={}, keep=keep).graph)
        for keep in (NOTHING, KeptFolder(tmp_path), KeptFolder(tmp_path))
    )
    assert fresh == first == second


@pytest.mark.parametrize("part", ["weights", "shape", "worker"])
def test_another_network_or_another_worker_has_another_key(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays: dict[str, npt.NDArray[Any]] = {
        "model": np.frombuffer(b"model", np.uint8),
        "/w": np.arange(6, dtype=np.float32).reshape(2, 3),
    }
    before = kept.key_of(arrays)
    assert kept.key_of({name: values.copy() for name, values in arrays.items()}) == before
    if part == "weights":
        arrays["/w"] = arrays["/w"] + np.float32(1e-7)
    elif part == "shape":
        arrays["/w"] = arrays["/w"].reshape(3, 2)
    else:
        monkeypatch.setattr(kept, "_worker", lambda: "another")
    assert kept.key_of(arrays) != before


@pytest.mark.parametrize("content", [b"", b"no message", packed(Message(facts={"inputs": 3}))])
def test_what_is_kept_and_no_lowering_is_made_again(content: bytes, network: Split, asked: list[int]) -> None:
    class Liar:
        def once(self, *_: object) -> bytes:
            return content

    assert same(raw_lowering(network, Liar()), raw_lowering(network))
    assert asked == [1, 1]


@pytest.mark.parametrize("answer", [Message(facts={"unable": ["the conv"]}), Message(facts={"inputs": []})])
def test_a_refusal_and_a_damaged_answer_are_not_kept(
    tmp_path: Path, network: Split, answer: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "_asked", lambda *_: answer)
    with pytest.raises((UnableError, BackendError)):
        raw_lowering(network, KeptFolder(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reason", ["large", "another interpreter"])
def test_what_would_be_in_memory_twice_or_is_anothers_work_is_not_kept(
    tmp_path: Path, network: Split, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason == "large":
        monkeypatch.setattr(raw, "_MOST_KEPT", 0)
    else:
        monkeypatch.setenv(raw.INTERPRETER_VARIABLE, os.environ.get(raw.INTERPRETER_VARIABLE, sys.executable))
    raw_lowering(network, KeptFolder(tmp_path))
    assert list(tmp_path.iterdir()) == []
