"""TensorFlow's converter in its worker: what it is shown, and what becomes of it when it is absent or dies."""

from __future__ import annotations

import traceback
import weakref
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.isolation import pool
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, decode, encode
from dlpuconv_backends.savedmodel.converter import observe, quantize, warm_up
from tests.error_ids import raises_error
from tests.isolation.support import count_starts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

needs_tensorflow = pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")


def graph_of(kind: str) -> bytes:
    x, y = Tensor("x", (1, 4), np.dtype(np.float32)), Tensor("y", (1, 4), np.dtype(np.float32))
    return encode(Graph([x], [y], [Operator(kind, [x], [y])]))


def rows(*given: float) -> list[list[npt.NDArray[np.float32]]]:
    return [[np.full((1, 4), value, np.float32)] for value in given]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What has been started so far."""
    pool.end()
    return count_starts(monkeypatch)


@needs_tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("saved_model", [True, False])
def test_every_sample_is_observed(saved_model: bool, starts: list[Any]) -> None:
    for high in (6.0, 3.0):
        found = observe(graph_of("RELU"), rows(-1, high, 2), [(1, 4)], ranges={}, saved_model=saved_model)
        made = decode(quantize(found.content, **OPTIONS))
        scale = made.outputs[found.outputs[0]].quantization
        assert scale is not None
        assert scale.scale == pytest.approx(high / 255, rel=1e-5)
    assert len(starts) == 1  # the worker is kept


OPTIONS = {"per_channel": False, "dense_per_channel": False, "input_dtype": "int8", "output_dtype": "int8"}


@needs_tensorflow
@pytest.mark.slow
def test_prescribed_ranges_replace_those_that_were_observed() -> None:
    found = observe(graph_of("RELU"), rows(1, 2), [(1, 4)], ranges={0: [0.0, 255.0]}, saved_model=True)
    made = decode(quantize(found.content, **OPTIONS)).inputs[found.inputs[0]].quantization
    assert made is not None
    assert made.scale == pytest.approx(1.0)


@needs_tensorflow
@pytest.mark.slow
def test_one_sample_is_in_memory_at_a_time() -> None:
    alive: list[weakref.ref[Any]] = []

    def samples() -> Iterator[list[npt.NDArray[np.float32]]]:
        for value in range(5):
            made = np.full((1, 4), value, np.float32)
            assert all(ref() is None for ref in alive[:-1])
            alive.append(weakref.ref(made))
            yield [made]

    observe(graph_of("RELU"), samples(), [(1, 4)], ranges={}, saved_model=False)
    assert len(alive) == 5


@needs_tensorflow
@pytest.mark.slow
def test_a_sample_of_another_shape_is_told_and_the_next_calibration_begins_anew(starts: list[Any]) -> None:
    odd: list[npt.NDArray[np.float32]] = [np.zeros((1, 2), np.float32)]
    with raises_error("calibration-shape", "sample 1", "(1, 2)", "(1, 4)"):
        observe(graph_of("RELU"), [*rows(1), odd], [(1, 4)], ranges={}, saved_model=False)
    assert observe(graph_of("RELU"), rows(1), [(1, 4)], ranges={}, saved_model=False).inputs == (0,)
    assert len(starts) == 2


def test_no_samples_are_an_error_before_anything_starts(starts: list[Any]) -> None:
    with raises_error("calibration-no-samples"):
        observe(graph_of("RELU"), [], [(1, 4)], ranges={}, saved_model=False)
    assert not starts


@needs_tensorflow
@pytest.mark.slow
def test_an_operator_without_a_form_is_named() -> None:
    with raises_error("operator-not-in-format", "LSH_PROJECTION"):
        observe(graph_of("LSH_PROJECTION"), rows(1), [(1, 4)], ranges={}, saved_model=True)


@needs_tensorflow
@pytest.mark.slow
def test_what_tensorflow_says_is_one_sentence() -> None:
    with raises_error("backend-tool-failed", "TensorFlow's converter", "DLPUCONV_TRACEBACK=1") as caught:
        quantize(b"this is no TFLite file", **OPTIONS)
    assert "\n" not in str(caught.value)


def _fake_tensorflow(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tensorflow.py").write_text(body)
    monkeypatch.syspath_prepend(str(folder))


def test_without_tensorflow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_tensorflow(tmp_path, "raise ImportError('none')", monkeypatch)
    warm_up()
    with raises_error("library-missing", "tensorflow", "dlpuconv[tensorflow]"):
        quantize(b"", **OPTIONS)


def test_a_crash_is_told_in_our_words_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "import os, sys\nprint('error: out of ideas', file=sys.stderr, flush=True)\nos._exit(3)"
    _fake_tensorflow(tmp_path, body, monkeypatch)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with raises_error("backend-tool-failed", "exit status 3") as caught:
        quantize(b"", **OPTIONS)
    assert "out of ideas" not in str(caught.value)
    assert "error: out of ideas" in "".join(traceback.format_exception(caught.value))
    assert list((tmp_path / "tmp").iterdir()) == []
