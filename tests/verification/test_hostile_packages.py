"""Packages that strangers made: their models run within limits or not at all, and nothing that they say is believed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dlpuconv.cli import main
from dlpuconv.formats.onnx_graph import view_of
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.isolation import Limits
from dlpuconv.verification import record
from dlpuconv.verification.effort import why_not_run
from dlpuconv.verification.verifier import verify_file
from dlpuconv_targets.cv25 import CV25
from tests.frontends.support import chain, node
from tests.verification.test_shipped import nothing_but_rounding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlpuconv.verification.report import Report


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
def test_answers_that_are_no_numbers_are_not_asked_for(tmp_path: Path, make: Callable[[], onnx.ModelProto]) -> None:
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


def recorded_elsewhere(folder: Path, factor: float) -> Path:
    """A difference of large numbers, recorded where sums are taken in another order, and multiplied by a factor."""
    model = nothing_but_rounding()
    x = np.random.default_rng(1).standard_normal((1, 16, 8, 8)).astype(np.float32)
    y = factor * np.asarray(OrtRunner(model.SerializeToString(), optimize=False).run({"x": x})["y"], np.float32)
    files = {"reference/0/input_x.bin": x.tobytes(), "reference/0/output_y.bin": y.tobytes()}
    return package(folder, model, files)


def test_a_record_of_another_machine_may_differ_by_rounding_and_no_more(tmp_path: Path) -> None:
    report = verified(recorded_elsewhere(tmp_path, 1.0))
    assert report.passed
    assert report.parity is not None
    assert report.parity.min_sqnr < 100
    assert any("computed in another order" in text for text in report.warnings)
    assert not verified(recorded_elsewhere(tmp_path, 30.0)).passed


EVIL = "a\x1b[31mRED\ncv25: pass\r\x07\x9b2J"


def evil_names(folder: Path) -> Path:
    model = chain(node("Relu", ["x"], ["y"]))
    model.graph.node[0].input[0] = model.graph.input[0].name = EVIL
    model.graph.node[0].output[0] = model.graph.output[0].name = f"out {EVIL}"
    model.graph.node[0].name = f"layer {EVIL}"
    model.metadata_props.add(key=EVIL, value=EVIL)
    return package(folder, model, {})


def evil_list(folder: Path) -> Path:
    told = {"inputs": [{"name": "x", "list": f"\udc80{EVIL}"}], "samples": 1}
    return package(folder, told=told)


def evil_lines(folder: Path) -> Path:
    lines = b"\x1b]0;title\x07a.bin\n\xff\xfe.bin\n"
    return package(folder, files=FOUR | {"dra_image_bin/dra_bin_list.txt": lines})


def evil_manifest(folder: Path) -> Path:
    files = [{"name": name, "sha256": "00", "bytes": 3} for name in ("\ud800evil", EVIL)]
    return package(folder, files=FOUR | {"manifest.json": json.dumps({"files": files}).encode()})


def evil_field(folder: Path) -> Path:
    """An error, not a finding."""
    manifest = {"schema_version": 1, "dlpuconv": "0", "recipe": {"granularity": EVIL}}
    manifest |= {"calibration": {}, "inputs": []}
    return package(folder, files=FOUR | {"manifest.json": json.dumps(manifest).encode()})


@pytest.mark.parametrize("make", [evil_names, evil_list, evil_lines, evil_manifest, evil_field])
def test_no_name_acts_on_the_terminal_or_breaks_json_or_a_page(
    make: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, page = make(tmp_path), tmp_path / "page.html"
    status = main(["verify", str(root), "--target", "cv25", "--report", str(page)])
    assert status in (0, 1, 11)
    shown = capsys.readouterr()
    for line in (*shown.out.splitlines(), *shown.err.splitlines()):
        assert line.isprintable()
        assert not line.startswith("cv25: pass")
    assert main(["verify", str(root), "--target", "cv25", "--json"]) == status
    json.loads(capsys.readouterr().out.encode("utf-8"))
    if status != 11:
        html = page.read_text("utf-8")
        assert "\x1b" not in html
        assert "\x9b" not in html


@pytest.mark.parametrize("command", [["inspect"], ["inspect", "--layer", "*"]])
def test_nor_does_it_in_other_commands(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = evil_names(tmp_path)
    assert main([command[0], str(root), *command[1:]]) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_no_name_is_markup_on_a_page(tmp_path: Path) -> None:
    model = chain(node("Relu", ["x"], ["y"]))
    script = "<script>alert(1)</script>\" onload='x"
    model.graph.node[0].output[0] = model.graph.output[0].name = script
    page = tmp_path / "page.html"
    main(["verify", str(package(tmp_path, model, {})), "--target", "cv25", "--report", str(page)])
    html = page.read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html
    assert "\" onload='x" not in html
