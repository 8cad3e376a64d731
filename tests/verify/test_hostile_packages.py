"""Packages that strangers made: their models run within limits or not at all, and nothing that they say is believed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dlpuconv.cli import main
from dlpuconv.formats.isolated_runner import Limits
from dlpuconv.formats.onnx_graph import view_of
from dlpuconv.verify import record, verify_file
from dlpuconv.verify.effort import why_not_run
from dlpuconv_targets.cv25 import CV25
from tests.frontends.support import chain, node

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.verify import Report


def floats(*values: float) -> bytes:
    return np.asarray(values, "<f4").tobytes()


RELU = chain(node("Relu", ["x"], ["y"]))
FOUR = {"reference/0/input_x.bin": floats(1, 2, 3, 4), "reference/0/output_y.bin": floats(1, 2, 3, 4)}
ONE_RECORD = {"samples": 1, "inputs": [{"name": "x", "dtype": "float32"}]}


def package(
    folder: Path,
    model: onnx.ModelProto = RELU,
    files: dict[str, bytes] = FOUR,
    told: object = ONE_RECORD,
) -> Path:
    """A folder with a model, a record of inferences, and whatever else."""
    root = folder / "package"
    for name, content in {**files, "model.onnx": model.SerializeToString()}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "reference").mkdir(exist_ok=True)
    (root / "reference/reference.json").write_text(json.dumps(told))
    return root


def verified(root: Path) -> Report:
    return verify_file(root, CV25)


def broken(report: Report) -> dict[str, list[str]]:
    return {f.rule: [f"{hit.layer} {hit.detail}".strip() for hit in f.hits] for f in report.findings}


def of_size(claim: list[int] | None) -> onnx.ModelProto:
    """As many zeros as the input says, whatever the file says of their number."""
    model = chain(
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Cast", ["s"], ["i"], to=TensorProto.INT64),
        node("Reshape", ["i", "one"], ["n"]),
        node("ConstantOfShape", ["n"], ["zeros"]),
        node("ReduceMax", ["zeros"], ["y"], keepdims=1),
        weights={"one": np.array([1])},
        opset=13,
    )
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1]))
    if claim:
        model.graph.value_info.append(helper.make_tensor_value_info("zeros", TensorProto.FLOAT, claim))
    return model


GREEDY = {"reference/0/input_x.bin": floats(8e8, 0, 0, 0), "reference/0/output_y.bin": floats(0)}


@pytest.mark.parametrize("claim", [None, [1]])
def test_a_shape_that_only_the_file_claims_is_not_known(tmp_path: Path, claim: list[int] | None) -> None:
    report = verified(package(tmp_path, of_size(claim), GREEDY))
    assert report.parity is None
    assert "not run: its shapes are not all known" in report.warnings


def test_shapes_that_follow_from_a_claim_are_claims() -> None:
    model = of_size([7])
    model.graph.node[-1].output[0] = "m"
    model.graph.node.extend([node("Relu", ["zeros"], ["r"]), node("Add", ["r", "m"], ["y"])])
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    tensors = {tensor.name: tensor for tensor in view_of(model).tensors}
    assert [(tensors[name].shape, tensors[name].claimed) for name in ("s", "zeros", "r", "y")] == [
        ((), False),
        ((7,), True),
        ((7,), True),
        ((7,), True),
    ]


def test_a_model_that_takes_more_memory_than_it_should_is_not_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "why_not_run", lambda _: "")
    report = verified(package(tmp_path, of_size([1]), GREEDY))
    assert "not run: it takes more than 1 GiB" in report.warnings


def pooling(size: int, kernel: int) -> onnx.ModelProto:
    return chain(node("MaxPool", ["x"], ["y"], kernel_shape=[kernel, kernel]), shape=(1, 1, size, size))


def test_a_model_that_takes_more_time_than_it_should_is_not_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "OF_A_STRANGER", Limits(memory=1 << 30, seconds=1))
    files = {"reference/0/input_x.bin": bytes(4 << 20), "reference/0/output_y.bin": bytes(4 * 641**2)}
    report = verified(package(tmp_path, pooling(1024, 384), files))
    assert report.parity is None
    assert "not run: it takes more than 1 s" in report.warnings


def test_windows_of_pooling_are_counted() -> None:
    assert not why_not_run(view_of(pooling(1024, 128)))
    assert "250 billion products" in why_not_run(view_of(pooling(2048, 512)))


def test_no_more_inferences_are_compared_than_dlpuconv_records(tmp_path: Path) -> None:
    files = {name.replace("/0/", f"/{i}/"): content for i in range(9) for name, content in FOUR.items()}
    report = verified(package(tmp_path, files=files, told=ONE_RECORD | {"samples": 9}))
    assert report.parity is not None
    assert report.parity.samples == 3


def texts() -> onnx.ModelProto:
    model = chain(node("Cast", ["x"], ["y"], to=TensorProto.STRING))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.STRING, [1, 4]))
    return model


def sequences() -> onnx.ModelProto:
    model = chain(node("SequenceConstruct", ["x"], ["y"]))
    model.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None))
    return model


@pytest.mark.parametrize("make", [texts, sequences])
def test_answers_that_are_no_numbers_are_not_asked_for(tmp_path: Path, make: object) -> None:
    assert callable(make)
    report = verified(package(tmp_path, make(), FOUR | {"reference/0/output_y.bin": floats(0)}))
    assert report.parity is None
    assert "CV-FLOAT32" in broken(report)
    assert "its inputs and outputs are not all tensors of numbers" in why_not_run(view_of(make()))


@pytest.mark.parametrize("shape", [("a", "b"), (-5, 2**40), (0, 4)])
def test_an_empty_file_is_no_sample_of_a_shape_that_is_not_static(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    model = chain(node("ReduceMax", ["x"], ["y"], keepdims=0))
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, shape))
    files = {"reference/0/input_x.bin": b"", "reference/0/output_y.bin": floats(0)}
    report = verified(package(tmp_path, model, files))
    assert report.parity is None
    assert "CV-STATIC" in broken(report)


def test_a_record_of_nothing_beside_numbers_is_a_fault(tmp_path: Path) -> None:
    files = FOUR | {"reference/0/output_y.bin": floats(np.nan, 2, np.inf, 4)}
    report = verified(package(tmp_path, files=files))
    assert broken(report)["OUT-FAULT"] == ["y 2 recorded values are NaN or infinite where the model's are finite"]
    assert report.parity is not None
    assert not report.parity.exact


def test_a_sound_record_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(package(tmp_path)), "--target", "cv25"]) == 0
    assert "beside its own reference/, 1 samples" in capsys.readouterr().out
