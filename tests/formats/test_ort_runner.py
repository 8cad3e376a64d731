"""A stranger's model in a process of its own: the same answers, and no more memory and time than it is given."""

from __future__ import annotations

import gc
import os
import pickle
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dlpuconv.formats import ort_runner
from dlpuconv.formats.ort_runner import OrtRunner, OrtTracer, RefusedModelError, TooMuchError
from dlpuconv.formats.view import TensorView
from dlpuconv.ir.weights import split_proto
from dlpuconv.isolation import Limits, pool
from tests.allocation import allocated_at_most
from tests.descriptors import open_descriptors
from tests.error_ids import raises_error
from tests.frontends.support import chain, conv, node

FEW = Limits(memory=1 << 30, seconds=1)
VALUES = np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)


def written(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("optimize", [True, False])
def test_it_answers_what_onnx_runtime_answers_here(tmp_path: Path, optimize: bool) -> None:
    path = written(tmp_path, conv())
    options = onnxruntime.SessionOptions()
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    here = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for run in (OrtRunner(path, optimize=optimize), OrtRunner(path.read_bytes(), optimize=optimize)):
        for factor in (1, -2):
            feed = {"x": VALUES * factor}
            np.testing.assert_array_equal(run.run(feed)["y"], here.run(["y"], feed)[0])


def test_weights_that_travel_beside_the_model_give_the_same_answers() -> None:
    weights = np.random.default_rng(0).normal(size=(256, 128)).astype(np.float32)
    model = chain(node("MatMul", ["x", "w"], ["y"]), shape=(1, 256), weights={"w": weights})
    split = split_proto(model)
    assert list(split.weights) == ["w"]
    feed = {"x": np.linspace(-1, 1, 256, dtype=np.float32)[None]}
    np.testing.assert_array_equal(OrtRunner(split).run(feed)["y"], OrtRunner(model.SerializeToString()).run(feed)["y"])


def test_answers_are_the_callers_own_and_take_no_descriptors() -> None:
    runner = OrtRunner(chain(node("Neg", ["x"], ["y"]), shape=(1, 1 << 15)).SerializeToString())
    feed = {"x": np.ones((1, 1 << 15), np.float32)}
    runner.run(feed)
    before = open_descriptors()
    answers = [runner.run(feed)["y"] for _ in range(5)]
    assert open_descriptors() == before
    np.add(answers[0], 1, out=answers[0])
    assert [float(answer.max()) for answer in answers] == [0.0, -1.0, -1.0, -1.0, -1.0]


def test_a_runner_whose_process_has_ended_says_so_again() -> None:
    runner = OrtRunner(conv().SerializeToString())
    runner._worker.end()
    for _ in range(2):
        with raises_error("artifact-run-crash"):
            runner.run({"x": VALUES})


def test_its_errors_can_be_handed_to_another_process() -> None:
    for error in (RefusedModelError("m: it", "no"), TooMuchError("m", "it takes")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.reason) == (type(error), str(error), error.reason)


def test_numbers_that_are_no_arrays_keep_their_shape(tmp_path: Path) -> None:
    path = written(tmp_path, chain(node("Neg", ["x"], ["y"]), shape=()))
    answer = OrtRunner(path).run({"x": np.asarray(3.0, np.float32)})["y"]
    assert (answer.shape, float(answer)) == ((), -3.0)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_model_of_very_many_weights_computes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimize: bool
) -> None:
    weights = np.arange(1, 1 + (1 << 15), dtype=np.float32)[None]
    model = chain(node("Mul", ["x", "w"], ["y"]), shape=weights.shape, weights={"w": weights})
    monkeypatch.setattr(ort_runner, "MANY", 1 << 10)
    for given in (split_proto(model), written(tmp_path, model)):
        answer = OrtRunner(given, optimize=optimize).run({"x": np.full(weights.shape, 2, np.float32)})
        np.testing.assert_array_equal(answer["y"], 2 * weights)


def test_it_tells_what_is_inside() -> None:
    tracer = OrtTracer(split_proto(conv()), ["c"])
    assert list(tracer.run({"x": VALUES})) == ["y", "c"]
    inside = tracer.value(TensorView(index=0, name="c", shape=(1, 4, 8, 8), dtype="float32"))
    np.testing.assert_array_equal(np.maximum(inside, 0), tracer.run({"x": VALUES})["y"])


def grows() -> onnx.ModelProto:
    """As many zeros as the input says."""
    return chain(
        node("Cast", ["x"], ["n"], to=TensorProto.INT64),
        node("ConstantOfShape", ["n"], ["z"]),
        node("ReduceMax", ["z"], ["y"], keepdims=0),
        shape=(1,),
    )


def test_a_model_that_takes_more_memory_than_it_may_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    run = OrtRunner(written(tmp_path, grows()), limits=FEW)
    assert run.run({"x": np.asarray([1000], np.float32)})["y"] == 0
    with allocated_at_most(1 << 20), raises_error("artifact-run-limit", "m.onnx", "1 GiB"):
        run.run({"x": np.asarray([8e8], np.float32)})


def test_a_model_that_takes_more_time_than_it_may_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    shape = (1, 1, 1024, 1024)
    path = written(tmp_path, chain(node("MaxPool", ["x"], ["y"], kernel_shape=[384, 384]), shape=shape))
    with raises_error("artifact-run-limit", "m.onnx", "1 s"):
        OrtRunner(path, limits=FEW).run({"x": np.zeros(shape, np.float32)})


def test_a_feed_that_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    with raises_error("artifact-refused"):
        OrtRunner(written(tmp_path, conv())).run({"x": np.zeros((1, 3, 9, 9), np.float32)})


def test_a_name_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path, conv()).rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.onnx")))
    with raises_error("artifact-path-encoding", "UTF-8"):
        OrtRunner(path)


def test_answers_that_are_no_numbers_are_one_sentence(tmp_path: Path) -> None:
    sequence = chain(node("SequenceConstruct", ["x"], ["y"]))
    sequence.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None))
    text = chain(node("Cast", ["x"], ["y"], to=TensorProto.STRING))
    text.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.STRING, None))
    for model in (sequence, text):
        with raises_error("artifact-refused", "'y'"):
            OrtRunner(written(tmp_path, model)).run({"x": np.zeros((1, 4), np.float32)})


def test_the_process_serves_the_next_runner(tmp_path: Path) -> None:
    pool.end()
    run = OrtRunner(written(tmp_path, conv()))
    worker = run._worker
    del run
    gc.collect()
    assert OrtRunner(written(tmp_path, conv()))._worker is worker


def test_a_model_that_ends_the_process_is_one_sentence_and_the_next_runs(tmp_path: Path) -> None:
    smallest = np.array([np.iinfo(np.int32).min], np.int32)
    model = chain(
        node("Cast", ["x"], ["i"], to=TensorProto.INT32),
        node("Div", ["a", "i"], ["d"]),
        node("Cast", ["d"], ["y"], to=TensorProto.FLOAT),
        shape=(1,),
        weights={"a": smallest},
    )
    with raises_error("artifact-run-crash", "the model: "):
        OrtRunner(model.SerializeToString(), optimize=False).run({"x": np.array([-1], np.float32)})
    assert OrtRunner(written(tmp_path, conv())).run({"x": VALUES})


def test_zeros_around_negative_values_are_their_maxima() -> None:
    """ONNX Runtime's own optimizer takes the zeros for padding of the pool, which is none of its candidates."""
    pads = np.asarray([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    model = chain(
        node("Pad", ["x", "pads"], ["p"]),
        node("MaxPool", ["p"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
        shape=(1, 1, 2, 2),
        weights={"pads": pads},
    )
    found = OrtRunner(model.SerializeToString()).run({"x": np.full((1, 1, 2, 2), -3, np.float32)})["y"]
    np.testing.assert_array_equal(found, np.zeros((1, 1, 2, 2), np.float32))
