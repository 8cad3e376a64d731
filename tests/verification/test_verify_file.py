"""verify_file, on files with and without their manifest, with and without their source."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from dlpuconv.ir import Model, Source
from dlpuconv.ir.affine import Affine
from dlpuconv.placement import Placement
from dlpuconv.plugin import Target
from dlpuconv.scheme import Granularity, Numbers, Scheme
from dlpuconv.verification.question import Question
from dlpuconv.verification.report import Verdict
from dlpuconv.verification.report_text import render_reasons, render_report
from dlpuconv.verification.rules import TFLITE_RULES, discouraged_granularity
from dlpuconv.verification.verifier import verify_file
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.error_ids import raises_error
from tests.verification.tflite_models import activation, bias, edited, file_of, healthy, options, tensor_named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.calibration import Sample

CHIP = Target(
    name="chip",
    title="A chip",
    backend="none",
    scheme=Scheme(numbers=Numbers.INT8, discouraged=frozenset({Granularity.PER_CHANNEL})),
    device="none",
    suffix=".tflite",
    rules=(
        *TFLITE_RULES,
        discouraged_granularity(
            rule="C-PER-CHANNEL", sentence="Weights must be per tensor.", source="a test", fix="Do."
        ),
    ),
)
W = np.array([[0.5, -0.25, 1.0], [1.0, 0.75, -0.5]], np.float32)


class Rows:
    """Samples of one input [1, 3]."""

    digest = "rows"

    def __init__(self, count: int = 8) -> None:
        self.rows = np.random.default_rng(0).uniform(-1, 1, (count, 1, 3)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Sample]:
        return ({"x": row} for row in self.rows)


def source(end: str = "Identity") -> Model:
    """y = end(x W^T)."""
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "W"], ["z"], transB=1), helper.make_node(end, ["z"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(W, "W")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Model(graph=onnx_ir.from_proto(proto), source=Source(name="m", sha256="0" * 64))


def converted(*, per_channel: bool = False, broken: bool = False, names: tuple[str, str] = ("x", "y")) -> bytes:
    """The same in int8."""
    scales = np.array([1 / 127] * (2 if per_channel else 1), np.float32)
    values = np.rint(W * 127).astype(np.int8)
    kernels = Tensor("W", (2, 3), values.dtype, values, Affine.along(0, scales))
    if broken:
        kernels.data = np.zeros_like(values)
    x = activation(names[0], (1, 3), scale=1 / 127)
    y = activation(names[1], (1, 2), scale=2.25 / 127)
    layer = Operator("FULLY_CONNECTED", [x, kernels, bias("b", x, kernels, 2)], [y], options("FullyConnected"))
    return file_of([x], [y], layer)


def manifest(content: bytes, **changes: Any) -> dict[str, Any]:
    port = {"dtype": "int8", "permutation": [0, 1], "zero_point": 0}
    x = {**port, "name": "x", "shape": [1, 3], "source_shape": [1, 3], "scale": 1 / 127}
    bound = {"raw_pixels": False, "channel_order": [], "multiplier": [1.0], "offset": [0.0], "channel_axis": 1}
    return {
        "schema_version": 1,
        "dlpuconv": "1.0",
        "target": "chip",
        "files": [{"name": "m.tflite", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}],
        "source": {"name": "m", "sha256": "0" * 64},
        "calibration": {"calibrated": True, "samples": 8, "held_out": 2},
        "recipe": {"granularity": "per-channel", "overrides": []},
        "inputs": [x | bound],
        "outputs": [{**port, "name": "y", "shape": [1, 2], "source_shape": [1, 2], "scale": 2.25 / 127}],
        **changes,
    }


def written(folder: Path, content: bytes, beside: dict[str, Any] | None = None) -> Path:
    path = folder / "m.tflite"
    path.write_bytes(content)
    if beside is not None:
        path.with_suffix(".json").write_text(json.dumps(beside))
    return path


def compared() -> Question:
    return Question(reference=source(), samples=Rows())


def test_a_sound_file_passes_with_its_figures(tmp_path: Path) -> None:
    report = verify_file(written(tmp_path, converted()), CHIP, compared())
    assert report.verdict is Verdict.PASS
    assert report.passed
    assert report.parity is not None
    assert report.parity.samples == 8
    assert report.parity.min_sqnr > 30
    assert report.parity.outputs[0].argmax_agreement == 1.0
    assert "BUILTIN_WITHOUT_DEFAULT_DELEGATES" in report.parity.kernels
    assert report.granularity.summary == "per-tensor"
    assert (report.inputs[0].name, report.inputs[0].dtype, report.inputs[0].zero_point) == ("x", "int8", 0)


def test_without_source_and_samples_the_rules_alone_decide(tmp_path: Path) -> None:
    report = verify_file(written(tmp_path, converted()), CHIP)
    assert report.passed
    assert report.parity is None


def test_a_file_of_other_names_is_matched_by_shape(tmp_path: Path) -> None:
    path = written(tmp_path, converted(names=("serving_default_in:0", "StatefulPartitionedCall:0")))
    report = verify_file(path, CHIP, compared())
    assert report.passed
    assert report.parity is not None
    assert report.parity.outputs[0].name == "y"


@pytest.mark.parametrize("output", ["y", "what it was called before"])
def test_logits_are_compared_as_probabilities_whatever_the_reference_calls_them(tmp_path: Path, output: str) -> None:
    content = converted(names=("x", "y_logits"))
    told = manifest(content)
    told["outputs"][0] |= {"name": "y_logits", "activation": {"kind": "sigmoid", "output": output}}
    report = verify_file(written(tmp_path, content, told), CHIP, Question(reference=source("Sigmoid"), samples=Rows()))
    assert report.parity is not None
    assert report.parity.outputs[0].name == "y"
    assert (report.parity.outputs[0].sqnr_db or 0) > 40


def test_a_softmax_of_an_axis_that_a_file_does_not_have_is_told(tmp_path: Path) -> None:
    content = converted(names=("x", "y_logits"))
    told = manifest(content)
    told["outputs"][0] |= {
        "name": "y_logits", "source_shape": [1, 2, 7], "permutation": [0, 1, 2],
        "activation": {"kind": "softmax", "output": "y", "axis": 2},
    }  # fmt: skip
    with raises_error("manifest-misfit", "softmax", "axis 2"):
        verify_file(written(tmp_path, content, told), CHIP, compared())


def test_a_dead_output_fails(tmp_path: Path) -> None:
    report = verify_file(written(tmp_path, converted(broken=True)), CHIP, compared())
    assert report.verdict is Verdict.FAIL
    assert [finding.rule for finding in report.findings[:2]] == ["TFL-DEAD", "OUT-DEAD"]
    assert "it is 0 everywhere, where the source varies from" in report.reasons[1]


def test_a_limit_out_of_reach_fails(tmp_path: Path) -> None:
    question = Question(reference=source(), samples=Rows(), min_sqnr=150)
    assert "150 dB are required" in verify_file(written(tmp_path, converted()), CHIP, question).reasons[0]


def test_a_discouraged_granularity_fails(tmp_path: Path) -> None:
    report = verify_file(written(tmp_path, converted(per_channel=True)), CHIP)
    assert report.reasons[0].startswith("C-PER-CHANNEL")


def test_a_discouraged_granularity_warns_where_it_was_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, converted(per_channel=True))
    report = verify_file(path, CHIP, Question(asked=frozenset({Granularity.PER_CHANNEL})))
    assert report.passed
    assert "C-PER-CHANNEL" in [finding.rule for finding in report.findings]


def test_a_discouraged_granularity_warns_where_the_manifest_says_that_it_was_asked_for(tmp_path: Path) -> None:
    content = converted(per_channel=True)
    assert verify_file(written(tmp_path, content, manifest(content)), CHIP).passed


def test_what_was_asked_for_another_chip_does_not_count(tmp_path: Path) -> None:
    content = converted(per_channel=True)
    assert not verify_file(written(tmp_path, content, manifest(content, target="other chip")), CHIP).passed


def test_the_contract_can_be_ignored_like_a_rule(tmp_path: Path) -> None:
    content = converted()
    path = written(tmp_path, content, manifest(content, outputs=[]))
    assert not verify_file(path, CHIP).passed
    report = verify_file(path, CHIP, Question(ignore=frozenset({"IO-CONTRACT"})))
    assert (report.passed, report.ignored) == (True, ("IO-CONTRACT",))


def test_the_manifests_bindings_are_used(tmp_path: Path) -> None:
    """The file takes x / 2: with the binding it is sound, without it everything is twice too large."""
    content = converted()
    halved = manifest(content)
    halved["inputs"][0]["multiplier"] = [0.5]
    report = verify_file(written(tmp_path, content, halved), CHIP, compared())
    assert report.parity is not None
    assert report.parity.outputs[0].sqnr_db == pytest.approx(20 * np.log10(2), abs=0.2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"scale": 0.5}, "scale 0.5 and zero point 0 were said"),
        ({"zero_point": 1}, "zero point 1 were said"),
        ({"shape": [1, 4]}, r"int8 \[1, 4\] was said, the file has int8 \[1, 3\]"),
        ({"dtype": "uint8"}, "uint8"),
        ({"name": "other"}, "no such input; the file has x"),
    ],
)
def test_inputs_that_are_not_what_the_manifest_says_fail(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    content = converted()
    wrong = manifest(content)
    wrong["inputs"][0] |= change
    report = verify_file(written(tmp_path, content, wrong), CHIP)
    assert not report.passed
    assert report.findings[0].rule == "IO-CONTRACT"
    assert re.search(sentence, report.findings[0].hits[0].detail)


def test_another_source_than_the_manifests_is_told(tmp_path: Path) -> None:
    content = converted()
    report = verify_file(written(tmp_path, content, manifest(content)), CHIP, compared())
    assert report.warnings == ()
    other = manifest(content, source={"name": "m", "sha256": "1" * 64})
    report = verify_file(written(tmp_path, content, other), CHIP, compared())
    assert "another model" in report.warnings[0]


def test_random_samples_are_marked(tmp_path: Path) -> None:
    question = Question(reference=source(), samples=Rows(), calibrated=False)
    report = verify_file(written(tmp_path, converted()), CHIP, question)
    assert not report.calibrated
    assert any("not calibrated" in text for text in report.warnings)
    content = converted()
    random = manifest(content, calibration={"calibrated": False, "samples": 8})
    assert not verify_file(written(tmp_path, content, random), CHIP).calibrated


def test_a_file_that_only_the_chip_runs_is_not_compared(tmp_path: Path) -> None:
    def compiled(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = 32
        code.customCode = "edgetpu-custom-op"

    report = verify_file(written(tmp_path, edited(converted(), compiled)), CHIP, compared())
    assert report.parity is None
    assert "edgetpu-custom-op runs on the chip only" in report.warnings[0]


def test_the_report_is_plain_json_and_prints(tmp_path: Path) -> None:
    def float_output(model: Any) -> None:
        tensor_named(model, "y").type = 0

    path = written(tmp_path, edited(healthy(), float_output))
    report = verify_file(path, CHIP)
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert (found["verdict"], found["target"], found["file"]) == ("fail", "chip", "m.tflite")
    assert found["granularity"]["per_tensor"] == 2
    assert found["findings"][0]["severity"] == "fail"
    text = printed(render_report(report))
    assert text.startswith("FAIL  m.tflite for chip")
    assert "TFL-FLOAT" in text
    assert all(reason.split(":")[0] in printed(*render_reasons(report)) for reason in report.reasons)


def test_the_report_tells_where_the_layers_run_where_that_is_known(tmp_path: Path) -> None:
    path = written(tmp_path, healthy())
    assert verify_file(path, CHIP).to_json()["placement"] is None
    report = verify_file(path, replace(CHIP, placement=Placement(accelerator="Turbo", estimate="nobody knows")))
    assert report.placement is not None
    assert report.to_json()["placement"] == report.placement.to_json()
    text = printed(render_report(report))
    assert "all layers (10.9 k MACs) on the Turbo, in 1 piece" in text  # 8*8*6 * 3*3*3 + 4*4*6 * 6
    assert "an estimate: nobody knows" in text


def test_the_report_of_a_comparison_prints_its_figures(tmp_path: Path) -> None:
    text = printed(render_report(verify_file(written(tmp_path, converted()), CHIP, compared())))
    assert text.startswith("pass  m.tflite for chip")
    assert "8 samples" in text
    assert "100.0%" in text


def test_labels_and_faults_are_printed_as_what_they_are(tmp_path: Path) -> None:
    report = verify_file(written(tmp_path, converted()), CHIP, compared())
    assert report.parity is not None
    (y,) = report.parity.outputs
    labels = replace(y, name="labels", sqnr_db=None, equal=0.75)
    lost = replace(y, name="lost", sqnr_db=-200.0, fault="it has 1 value that is NaN")
    text = printed(render_report(replace(report, parity=replace(report.parity, outputs=(labels, lost)))))
    assert "75.0% equal" in text
    assert "lost (not usable)" in text


def test_names_that_look_like_markup_are_printed_as_they_are(tmp_path: Path) -> None:
    report = verify_file(written(tmp_path, converted(names=("[bold]x", "[/red]"))), CHIP)
    assert "[/red]" in printed(render_report(report))


def printed(*parts: Any) -> str:
    stream = io.StringIO()
    Console(file=stream, width=140).print(*parts)
    return stream.getvalue()
