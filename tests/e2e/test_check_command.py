"""`dlpuconv check`: what it says of a model is what becomes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

import dlpuconv
from dlpuconv.checkup import CheckOutcome
from dlpuconv.cli import main
from dlpuconv.errors import BackendError
from dlpuconv.placement import Processor
from tests.e2e.support import IMAGES, MODEL, TRAINED_ON
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import onnx

    from tests.e2e.support import Finished

TARGETS = ("artpec7", "artpec8", "artpec9", "cv25")
CHANNELS = 12


def network(*kinds: str) -> onnx.ModelProto:
    """Layers of 12 channels, 16x16, one behind the other: `conv` 3x3, `mirror` (reflecting Pad), `bitshift`."""
    nodes: list[onnx.NodeProto] = []
    weights = np.random.default_rng(0).normal(size=(CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "margins"),
    ]
    value = "x"
    for number, kind in enumerate(kinds):
        made = f"v{number}"
        if kind == "conv":
            nodes.append(helper.make_node("Conv", [value, "w"], [made], f"conv{number}", pads=[1, 1, 1, 1]))
        elif kind == "valid":
            nodes.append(helper.make_node("Conv", [value, "w"], [made], f"conv{number}"))
        elif kind == "mirror":
            nodes.append(helper.make_node("Pad", [value, "margins"], [made], f"mirror{number}", mode="reflect"))
        else:
            nodes.append(helper.make_node(kind, [value], [made], f"{kind}{number}"))
        value = made
    shape = [1, CHANNELS, 16, 16]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, None)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


def checked(
    model: Path, targets: Sequence[str], capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, list[dict[str, Any]]]:
    capsys.readouterr()
    chosen = [word for target in targets for word in ("--target", target)]
    status = main(["check", str(model), *chosen, "--json", *more])
    return status, json.loads(capsys.readouterr().out)["checks"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_layers_are_placed_and_counted_under_the_names_of_the_source(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(network("conv", "mirror", "valid"), folder / "m.onnx")
    status, (found,) = checked(folder / "m.onnx", ["artpec8"], capsys)
    assert status == 0
    assert found["outcome"] == "runs"
    by_node = {layer["node"]: layer for layer in found["layers"] if layer["node"]}
    assert {name: layer["processor"] for name, layer in by_node.items()} == {
        "conv0": "dlpu", "mirror1": "cpu", "conv2": "dlpu",
    }  # fmt: skip
    assert by_node["conv0"]["macs"] == 16 * 16 * CHANNELS * 9 * CHANNELS
    assert by_node["conv2"]["macs"] == 16 * 16 * CHANNELS * 9 * CHANNELS
    assert by_node["conv2"]["shape"] == [1, 16, 16, CHANNELS]
    assert by_node["mirror1"]["macs"] == 0
    assert found["placement"]["pieces"] == 3
    assert found["placement"]["accelerated_share"] == 1.0
    first = found["suggestions"][0]
    assert (first["rule"], first["to_accelerator"]) == ("A8-OP-UNKNOWN", True)
    assert first["places"] == [{"layer": "mirror1", "node": "mirror1", "detail": "MIRROR_PAD", "macs": 0}]
    assert [path.name for path in folder.iterdir()] == ["m.onnx"]


def test_a_graph_of_too_many_pieces_is_what_the_chip_would_refuse(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(network("conv", *("mirror", "valid") * 8), folder / "m.onnx")
    status, (eight, nine) = checked(folder / "m.onnx", ["artpec8", "artpec9"], capsys)
    assert status == 1
    assert eight["outcome"] == "fails"
    assert eight["placement"]["pieces"] == 17
    assert any(problem.startswith("A8-PARTITIONS") for problem in eight["problems"])
    assert nine["outcome"] == "runs"


def test_a_model_without_a_conversion_names_every_construct_and_the_other_chips_are_told_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(network("conv", "Cos", "Sin"), folder / "m.onnx")
    status, (eight, cv25) = checked(folder / "m.onnx", ["artpec8", "cv25"], capsys, "--tail", "off")
    assert status == 5
    assert eight["outcome"] == "unsupported"
    assert eight["placement"] is None
    assert eight["layers"] == []
    (problem,) = eight["problems"]
    assert "Cos1" in problem
    assert "Sin2" in problem
    assert cv25["outcome"] == "runs"
    assert {layer["op"] for layer in cv25["layers"] if not layer["certain"]} == {"Cos", "Sin"}


def test_what_one_chip_alone_has_no_form_for_is_a_tail_for_that_chip_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(network("conv", "Cos", "Sin"), folder / "m.onnx")
    status, (eight, cv25) = checked(folder / "m.onnx", ["artpec8", "cv25"], capsys)
    assert status == 0
    assert [operator.split()[0] for operator in eight["division"]["tail"]["operators"]] == ["Cos", "Sin"]
    assert "division" not in cv25


def test_a_lowering_that_fails_for_one_chip_leaves_the_others_their_say(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise BackendError("the tool fell over")

    monkeypatch.setattr("dlpuconv_backends.tflite.TFLiteBackend.draft", fails)
    save(network("conv"), folder / "m.onnx")
    status, (eight, cv25) = checked(folder / "m.onnx", ["artpec8", "cv25"], capsys)
    assert status == 7
    assert (eight["outcome"], eight["problems"]) == ("unsupported", ["the tool fell over"])
    assert cv25["outcome"] == "runs"


def test_the_terminal_says_it_in_plain_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(network("conv", "mirror", "valid"), folder / "m.onnx")
    assert main(["check", "m.onnx", "-t", "artpec7,artpec8", "--top", "1"]) == 0
    text = capsys.readouterr().out
    assert "artpec7: can be converted and run" in text
    assert "5 layers" in text
    assert "50 % of the 664 k MACs on the Edge TPU, in 1 partition (2 including those on the CPU)" in text
    assert "mirror1: MIRROR_PAD" in text
    assert "1 layer on the CPU: MIRROR_PAD" in text
    assert "more with --top 0 or --json" in text


def test_scales_that_nobody_measured_send_no_layer_to_the_cpu() -> None:
    """ARTPEC-9 scales and shifts by a scalar for free where the output's scale says so: a conversion sees to that."""
    nodes = [
        helper.make_node("MaxPool", ["x"], ["a"], "pool", kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Mul", ["a", "k"], ["b"], "scale"),
        helper.make_node("Add", ["b", "c"], ["d"], "shift"),
        helper.make_node("MaxPool", ["d"], ["y"], "again", kernel_shape=[3, 3], pads=[1] * 4),
    ]
    constants = [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("k", 2.5), ("c", -30.0))]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 16, 8, 8]) for n in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    (found,) = dlpuconv.check(model, target="artpec9")
    assert {"MUL", "ADD"} <= {layer.placement.op for layer in found.layers}
    assert {layer.placement.processor for layer in found.layers} == {Processor.DLPU}


@pytest.mark.slow
def test_a_wrong_normalization_is_told_before_anything_is_converted(capsys: pytest.CaptureFixture[str]) -> None:
    samples = ["--calibration", str(IMAGES)]
    capsys.readouterr()
    assert main(["check", str(MODEL), *samples, "--preset", "0-255", "-t", "cv25", "--json"]) == 0
    out, err = capsys.readouterr()
    first = json.loads(out)["checks"][0]["suggestions"][0]
    assert first["rule"] == "IN-NORMALIZATION"
    assert first["places"][0]["detail"].endswith("times as widely as in training; --preset imagenet would fit")
    assert "warning: the normalization of 'input' is probably not that of the training" in err
    assert main(["check", str(MODEL), *samples, *TRAINED_ON, "-t", "cv25"]) == 0
    assert "IN-NORMALIZATION" not in "".join(capsys.readouterr())


def test_a_target_that_does_not_exist_is_a_usage_error_with_a_hint(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(network("conv"), folder / "m.onnx")
    assert main(["check", "m.onnx", "-t", "artpec88"]) == 8
    assert "did you mean 'artpec8'?" in capsys.readouterr().err


def test_python_gets_the_same(folder: Path) -> None:
    (found,) = dlpuconv.check(network("conv", "mirror", "valid"), target="artpec9")
    assert isinstance(found, dlpuconv.Checkup)
    assert found.outcome is CheckOutcome.RUNS
    assert found.placement is not None
    assert found.placement.pieces == 3
    assert [s.rule for s in found.suggestions][:1] == ["A9-OP"]
    assert list(folder.iterdir()) == []


def test_a_backend_that_cannot_tell_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlpuconv.plugin import Backend
    from dlpuconv_backends.onnx_float import OnnxFloatBackend

    monkeypatch.setattr(OnnxFloatBackend, "draft", Backend.draft)
    with raises_error("backend-not-capable", "onnx-float", "cv25"):
        dlpuconv.check(network("conv"), target="cv25")


@pytest.mark.slow
def test_what_is_said_before_is_what_the_verifier_says_of_the_converted_file(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same layers in the same order on the same processors."""
    capsys.readouterr()
    chosen = [word for target in TARGETS for word in ("--target", target)]
    assert main(["check", str(MODEL), *TRAINED_ON, *chosen, "--json"]) == 0
    for found in json.loads(capsys.readouterr().out)["checks"]:
        made = finished.manifest(found["target"])["report"]["placement"]
        keys = ("op", "processor", "piece", "rule", "macs", "parameters")
        before = [[layer[key] for key in keys] for layer in found["layers"]]
        assert before == [[layer[key] for key in keys] for layer in made["layers"]]
        assert found["placement"]["sentences"] == made["sentences"]
        assert any(layer["module"] == "features.5.conv.2.0" for layer in found["layers"])


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar_resnet20", "face_retinaface_mnet025", "kws_kwt1"])
def test_real_models_are_judged_as_the_files_that_they_become(zoo: Path, name: str) -> None:
    model = zoo / name / "model.onnx"
    (before,) = dlpuconv.check(model, target="artpec8")
    made = dlpuconv.convert(model, target="artpec8", calibration="random", effort="fast", split_outputs="off")
    after = made.report.placement
    assert before.placement is not None
    assert after is not None

    def counted(layers: Sequence[Any]) -> list[tuple[str, str, int]]:
        """Apart from QUANTIZE, which depends on what was measured."""
        return [(layer.op, layer.processor, layer.macs) for layer in layers if layer.op != "QUANTIZE"]

    assert counted(before.placement.layers) == counted(after.layers)
    assert before.placement.pieces == after.pieces
    assert {f.rule for f in before.failures} <= {f.rule for f in made.report.findings if f.severity == "fail"}


def test_explain_shows_what_was_rewritten_layer_by_layer_in_text_json_and_python(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(network("conv", "Neg", "conv"), folder / "m.onnx")
    assert main(["check", "m.onnx", "--target", "artpec8", "--target", "cv25", "--explain", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert text.count("how the model was rewritten, for all targets alike") == 1
    assert main(["check", "m.onnx", "--target", "artpec8", "--explain", "--json"]) == 0
    (check,) = json.loads(capsys.readouterr().out)["checks"]
    negated = next(layer for layer in check["explanation"]["layers"] if layer["node"] == "Neg1")
    assert [entry["rewrite"] for entry in negated["done"]] == ["canonical-arithmetic", "fold-affine-behind"]
    (found,) = dlpuconv.check("m.onnx", target="artpec8", explain=True, progress=None)
    assert found.explanation is not None
    assert found.explanation.to_json() == check["explanation"]
    assert "how the model was rewritten" in found._repr_html_()
    (without,) = dlpuconv.check("m.onnx", target="artpec8", progress=None)
    assert without.explanation is None
    assert "explanation" not in without.to_json()


def test_explain_shows_what_each_backend_rewrote_besides_and_why_it_did_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(network("conv", "Relu", "conv"), folder / "m.onnx")
    asked = ["--target", "artpec8", "--target", "artpec9", "--target", "onnxruntime", "--target", "cv25"]
    assert main(["check", "m.onnx", *asked, "--explain", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert text.count("what was rewritten besides") == 2  # cv25's backend says nothing
    assert "what was rewritten besides for artpec8, artpec9:" in text
    assert "what was rewritten besides for onnxruntime:" in text
    assert main(["check", "m.onnx", *asked, "--explain", "--json"]) == 0
    checks = {check["target"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "explanation_of_backend" not in checks["cv25"]
    assert "fuse-activations" in [entry["rewrite"] for entry in checks["artpec8"]["explanation_of_backend"]["network"]]
    found = dlpuconv.check("m.onnx", target=["artpec8", "onnxruntime"], explain=True, progress=None)
    for checkup in found:
        assert checkup.of_backend is not None
        assert checkup.of_backend.to_json() == checks[checkup.target]["explanation_of_backend"]
        assert f"what was rewritten besides for {checkup.target}" in checkup._repr_html_()
