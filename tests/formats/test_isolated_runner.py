"""A stranger's model in a process of its own: the same answers, and no more memory and time than it is given."""

from __future__ import annotations

import gc
import io
import json
import os
import resource
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.frames import Frame, receive, send
from dlpuconv.formats.isolated_runner import ExcessError, IsolatedRunner, IsolatedTracer, Limits
from dlpuconv.formats.ort_runner import OrtRunner, OrtTracer
from dlpuconv.formats.view import TensorView
from dlpuconv.ir.weights import split_proto
from tests.frontends.support import chain, conv, node

FEW = Limits(memory=1 << 30, seconds=1)
VALUES = np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)


def written(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("optimize", [True, False])
def test_it_answers_what_the_same_file_answers_here(tmp_path: Path, optimize: bool) -> None:
    path = written(tmp_path, conv())
    isolated, here = IsolatedRunner(path, optimize=optimize), OrtRunner(path, optimize=optimize)
    for factor in (1, -2):
        feed = {"x": VALUES * factor}
        np.testing.assert_array_equal(isolated.run(feed)["y"], here.run(feed)["y"])


def test_numbers_that_are_no_arrays_keep_their_shape(tmp_path: Path) -> None:
    path = written(tmp_path, chain(node("Neg", ["x"], ["y"]), shape=()))
    answer = IsolatedRunner(path).run({"x": np.asarray(3.0, np.float32)})["y"]
    assert (answer.shape, float(answer)) == ((), -3.0)


def test_it_tells_what_is_inside(tmp_path: Path) -> None:
    path = written(tmp_path, conv())
    isolated, here = (
        IsolatedTracer(IsolatedRunner(path), onnx.load(path), ["c"]),
        OrtTracer(split_proto(onnx.load(path)), ["c"]),
    )
    for tracer in (isolated, here):
        assert list(tracer.run({"x": VALUES})) == ["y", "c"]
    inside = TensorView(index=0, name="c", shape=(1, 4, 8, 8), dtype="float32")
    np.testing.assert_array_equal(isolated.value(inside), here.value(inside))


def grows() -> onnx.ModelProto:
    """As many zeros as the input says."""
    return chain(
        node("Cast", ["x"], ["n"], to=TensorProto.INT64),
        node("ConstantOfShape", ["n"], ["z"]),
        node("ReduceMax", ["z"], ["y"], keepdims=0),
        shape=(1,),
    )


def test_a_model_that_takes_more_memory_than_it_may_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    run = IsolatedRunner(written(tmp_path, grows()), FEW)
    assert run.run({"x": np.asarray([1000], np.float32)})["y"] == 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ExcessError, match=r"m\.onnx: it takes more than 1 GiB"):
        run.run({"x": np.asarray([8e8], np.float32)})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # kilobytes


def test_a_model_that_takes_more_time_than_it_may_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    shape = (1, 1, 1024, 1024)
    path = written(tmp_path, chain(node("MaxPool", ["x"], ["y"], kernel_shape=[384, 384]), shape=shape))
    with pytest.raises(ExcessError, match=r"m\.onnx: it takes more than 1 s"):
        IsolatedRunner(path, FEW).run({"x": np.zeros(shape, np.float32)})


def test_a_feed_that_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot run it"):
        IsolatedRunner(written(tmp_path, conv())).run({"x": np.zeros((1, 3, 9, 9), np.float32)})


def test_a_name_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path, conv()).rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.onnx")))
    with pytest.raises(ArtifactError, match="opens no file whose path is not UTF-8"):
        IsolatedRunner(path)


def test_answers_that_are_no_numbers_are_one_sentence(tmp_path: Path) -> None:
    sequence = chain(node("SequenceConstruct", ["x"], ["y"]))
    sequence.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None))
    text = chain(node("Cast", ["x"], ["y"], to=TensorProto.STRING))
    text.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.STRING, None))
    for model in (sequence, text):
        with pytest.raises(ArtifactError, match="the output 'y' does not consist of numbers"):
            IsolatedRunner(written(tmp_path, model)).run({"x": np.zeros((1, 4), np.float32)})


def test_the_process_ends_with_the_runner(tmp_path: Path) -> None:
    run = IsolatedRunner(written(tmp_path, conv()))
    process = run._process
    del run
    gc.collect()
    assert process.returncode is not None


def framed(content: object, values: bytes = b"") -> io.BytesIO:
    header = json.dumps(content).encode()
    return io.BytesIO(struct.pack("<Q", len(header)) + header + values)


def test_what_is_sent_is_received() -> None:
    stream = io.BytesIO()
    arrays = {"a b": np.arange(6, dtype=np.int16).reshape(2, 3).T, "": np.asarray(True), "z": np.zeros((0, 4))}
    send(stream, Frame(arrays=arrays))
    stream.seek(0)
    found = receive(stream, 1 << 20)
    assert found is not None
    assert list(found.arrays) == list(arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], value)
        assert found.arrays[name].dtype == value.dtype


@pytest.mark.parametrize(
    "arrays",
    [[["x", "|O", [1]]], [["x", "<f4", [1 << 62]]], [["x", "<f4", [-1]]], [["x", "no", [1]]], [["x"]], 3],
)
def test_a_message_of_another_form_is_refused(arrays: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        receive(framed({"arrays": arrays, "model": False, "problem": "", "excess": False}), 1 << 20)


def test_a_message_that_breaks_off_is_none() -> None:
    whole = framed({"arrays": [["x", "<f4", [2]]], "model": False, "problem": "", "excess": False}, bytes(8)).getvalue()
    assert receive(io.BytesIO(whole), 8) is not None
    for length in range(0, len(whole), 5):
        assert receive(io.BytesIO(whole[:length]), 8) is None
