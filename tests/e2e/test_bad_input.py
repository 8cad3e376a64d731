"""Whatever is given: one clear sentence, its exit status, no traceback, nothing written."""

from __future__ import annotations

import json
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.cli import main
from tests.e2e.support import IMAGES, MODEL

FLOAT = TensorProto.FLOAT
Edit = Callable[[onnx.ModelProto], None]


def small(*, shape: tuple[Any, ...] = (1, 3, 8, 8), op: str = "Relu", domain: str = "") -> onnx.ModelProto:
    """x -> Conv 3x3 -> op -> y."""
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node(op, ["c"], ["y"], name="act", domain=domain),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        [weights],
    )
    imports = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def edited(edit: Edit) -> bytes:
    model = small()
    edit(model)
    return bytes(model.SerializeToString())


def not_a_number(model: onnx.ModelProto) -> None:
    values = np.ones((4, 3, 3, 3), np.float32)
    values[0, 0, 0, 0] = np.nan
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, "w"))


def cyclic(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def external(location: str) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return edit


def of_many_axes(model: onnx.ModelProto) -> None:
    """As many elements as take thousands of digits to write."""
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([2**62] * 300)


def both(*edits: Edit) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        for each in edits:
            each(model)

    return edit


def looping(model: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c_in"], ["c_out"]), helper.make_node("Identity", ["v"], ["v_out"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("c_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v_out", FLOAT, None),
        ],
    )
    del model.graph.node[1]
    model.graph.initializer.append(numpy_helper.from_array(np.array(1000), "n"))
    model.graph.node.append(helper.make_node("Loop", ["n", "", "c"], ["y"], name="loop", body=body))


def strings(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("text", TensorProto.STRING, [1]))
    model.graph.node.append(helper.make_node("Identity", ["text"], ["text_out"], name="say"))
    model.graph.output.append(helper.make_tensor_value_info("text_out", TensorProto.STRING, [1]))


def sequences(model: onnx.ModelProto) -> None:
    del model.graph.node[1]
    model.graph.node.append(helper.make_node("SplitToSequence", ["c"], ["s"], name="split"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(0), "at"))
    model.graph.node.append(helper.make_node("SequenceAt", ["s", "at"], ["y"], name="at0"))


def scaled_by_itself(model: onnx.ModelProto) -> None:
    del model.graph.node[1]
    model.graph.node.append(helper.make_node("QuantizeLinear", ["c", "c"], ["q"], name="quant"))
    model.graph.node.append(helper.make_node("DequantizeLinear", ["q", "c"], ["y"], name="dequant"))


CASES: list[tuple[str, bytes, int, str, str]] = [
    ("not ONNX", b"hello, world", 3, "model-truncated", "model.onnx"),
    ("empty", b"", 3, "model-empty", "model.onnx"),
    ("truncated", small().SerializeToString()[:-40], 3, "model-truncated", "model.onnx"),
    ("cyclic", edited(cyclic), 3, "graph-cycle", ""),
    ("missing external data", edited(external("gone.bin")), 3, "weights-file-missing", "'gone.bin'"),
    ("external data outside", edited(external("../../etc/passwd")), 3, "weights-file-outside", "'../../etc/passwd'"),
    ("absolute external data", edited(external("/etc/passwd")), 3, "weights-file-outside", "'/etc/passwd'"),
    ("external data of an impossible name", edited(external("w" * 5000)), 3, "weights-file-unnamed", "name too long"),
    ("weights of 300 axes", edited(of_many_axes), 3, "tensor-shape", "'w' has 300 axes"),
    ("external data of 300 axes", edited(both(external("model.onnx"), of_many_axes)), 3, "tensor-shape", "300 axes"),
    ("300 axes", small(shape=(1, *[2**31 - 1] * 300)).SerializeToString(), 4, "shape-too-large", ""),
    ("NaN weights", edited(not_a_number), 3, "weights-not-finite", "'w' hold NaN"),
    ("0-sized dimension", small(shape=(1, 3, 0, 8)).SerializeToString(), 4, "shape-unknown", "0 on axis 2"),
    ("unknown dimension", small(shape=(1, 3, "height", 8)).SerializeToString(), 4, "shape-unknown", "(height)"),
    ("control flow", edited(looping), 5, "operator-control-flow", "Loop 'loop'"),
    ("strings", edited(strings), 5, "ports-not-numbers", "STRING"),
    ("sequences", edited(sequences), 5, "operator-not-on-tensors", "SplitToSequence 'split'"),
    ("unknown op", small(op="Frobnicate").SerializeToString(), 5, "operator-unknown", "Frobnicate"),
    ("unknown domain", small(op="Wonder", domain="org.acme").SerializeToString(), 5, "operator-custom", "'org.acme'"),
    ("a computed scale", edited(scaled_by_itself), 5, "quantization-not-constant", "'c'"),
]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, str], str]]:
    def run(*arguments: str) -> tuple[int, dict[str, str], str]:
        status = main(["convert", *arguments, "--output", str(tmp_path / "out"), "--json"])
        out, err = capsys.readouterr()
        assert not (tmp_path / "out").exists()
        assert "Traceback" not in err
        error = json.loads(out)["error"]
        assert error["status"] == status
        assert error["message"].count("\n") == 0 or error["message"].startswith("this model")
        return status, error, err

    return run


@pytest.mark.parametrize(("content", "status", "cause", "fact"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_bad_model_is_one_sentence(
    tmp_path: Path, run: Callable[..., Any], content: bytes, status: int, cause: str, fact: str
) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    got, error, stderr = run(str(tmp_path / "model.onnx"), "--target", "cv25", "--tail", "off")
    assert (got, error["id"]) == (status, cause), error
    assert fact in error["message"]
    assert f"error: {error['message']} [{cause}]" in stderr
    assert (tmp_path / "model.onnx").read_bytes() == content


ARRAY = np.zeros((6, 3, 32, 32), np.float32)
GIVEN: list[tuple[str, tuple[str, ...], int, str]] = [
    ("a wrong input name", ("--input-shape", "inptu=1,3,32,32"), 4, "did you mean 'input'"),
    ("a wrong rank", ("--input-shape", "input=1,3,32"), 4, "1, ?3, ?32"),
    ("no numbers", ("--input-shape", "input=a,b"), 2, "input=a,b"),
    ("an unknown cut", ("--cut-at", "258x"), 2, "258"),
    ("a bad mean", ("--mean", "1,two"), 2, "--mean"),
    ("a zero std", ("--std", "0"), 2, "std"),
    ("preset and mean", ("--preset", "imagenet", "--mean", "1"), 2, "preset"),
    ("an unknown backend", ("--backend", "tflight"), 8, "did you mean 'tflite'"),
    ("an unknown opset", ("--opset", "99"), 2, "99"),
]


@pytest.mark.parametrize(("options", "status", "says"), [g[1:] for g in GIVEN], ids=[g[0] for g in GIVEN])
def test_a_bad_option_is_one_sentence(
    run: Callable[..., Any], options: tuple[str, ...], status: int, says: str
) -> None:
    got, error, _ = run(str(MODEL), "--target", "cv25", *options)
    assert got == status, error
    assert re.search(says, error["message"]), error["message"]


DATA: list[tuple[str, dict[str, npt.NDArray[np.generic]], str, str]] = [
    ("a wrong name", {"inptu": ARRAY, "other": ARRAY}, "calibration-inputs-ambiguous", "'inptu'"),
    ("a wrong shape", {"input": ARRAY[:, :, :16]}, "calibration-shape", "[1, 3, 32, 32]"),
    ("the other layout", {"input": ARRAY.transpose(0, 2, 3, 1)}, "calibration-shape", "NHWC"),
    ("a wrong dtype", {"input": ARRAY.astype(np.complex64)}, "calibration-not-numbers", "complex64"),
    ("not a number", {"input": np.full_like(ARRAY, np.nan)}, "calibration-not-finite", "NaN"),
    ("no samples", {"input": ARRAY[:0]}, "calibration-no-samples", "data.npz"),
]


@pytest.mark.parametrize(("arrays", "cause", "fact"), [d[1:] for d in DATA], ids=[d[0] for d in DATA])
def test_bad_calibration_arrays_are_one_sentence(
    tmp_path: Path, run: Callable[..., Any], arrays: dict[str, npt.NDArray[np.generic]], cause: str, fact: str
) -> None:
    np.savez(tmp_path / "data.npz", **arrays)  # type: ignore[arg-type]
    got, error, _ = run(str(MODEL), "--target", "artpec8", "--calibration", str(tmp_path / "data.npz"))
    assert (got, error["id"]) == (6, cause), error
    assert fact in error["message"]


def test_pickled_calibration_data_are_refused_unread(tmp_path: Path, run: Callable[..., Any]) -> None:
    class Bomb:
        @override
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'exploded'}",)

    np.save(tmp_path / "data.npy", np.array([Bomb()], object), allow_pickle=True)
    status, _, _ = run(str(MODEL), "--target", "artpec8", "--calibration", str(tmp_path / "data.npy"))
    assert status == 6
    assert not (tmp_path / "exploded").exists()


def test_a_disk_that_fills_up_leaves_no_half_written_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file-size limit of the operating system stands in for a full disk: the write fails half-way."""
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    out = tmp_path / "out"
    from dlpuconv.delivery import writer

    real = writer._stage

    def limited(staging: Path, files: dict[str, bytes]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            real(staging, files)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    monkeypatch.setattr(writer, "_stage", limited)
    try:
        status = main(["convert", str(MODEL), "--target", "cv25", "--output", str(out), "--json"])
    finally:
        signal.signal(signal.SIGXFSZ, old)
    error = json.loads(capsys.readouterr().out)["error"]
    assert status == 9, error
    assert error["type"] == "OutputError"
    assert "nothing was changed" in error["message"]
    assert not out.exists() or os.listdir(out) == []


def test_an_output_that_is_a_file_is_refused_before_the_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    assert main(["convert", str(tmp_path / "none.onnx"), "-t", "cv25", "-o", str(tmp_path / "out")]) == 9
    assert (tmp_path / "out").read_bytes() == b"mine"


def test_a_folder_without_images_is_refused(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "empty").mkdir()
    status, error, _ = run(str(MODEL), "--target", "artpec8", "--calibration", str(tmp_path / "empty"))
    assert (status, "image" in error["message"]) == (6, True)
    assert IMAGES.is_dir()


TOO_LONG = "a" * 300


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("inspect", TOO_LONG), 11),
        (("verify", TOO_LONG, "--target", "cv25"), 11),
        (("compare", TOO_LONG, TOO_LONG), 11),
        (("check", TOO_LONG, "--target", "cv25"), 3),
        (("verify", str(MODEL), "--target", "cv25", "--reference", TOO_LONG, "--data", "none"), 3),
        (("check", str(MODEL), "--target", "cv25", "--calibration", TOO_LONG), 6),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_name_that_no_file_can_have_is_refused_by_whoever_would_read_it(
    command: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(command)) == status
    told, _, cause = capsys.readouterr().err.splitlines()[-1].rpartition(" [")
    assert told.endswith("File name too long")
    assert cause == {11: "artifact", 3: "model", 6: "calibration"}[status] + "-unreadable]"
