"""The float ONNX backend: what the file looks like, what is refused, and that the zoo's numbers stay."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dlpuconv.calibration import Preprocessing
from dlpuconv.display.progress import Silent
from dlpuconv.files.keep import NOTHING
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import InputBinding
from dlpuconv.passes import normalize
from dlpuconv.plugin import Granularity, InterfaceOptions, Job, Normalization
from dlpuconv.quantization import Recipe
from dlpuconv.scheme import Numbers
from dlpuconv_backends.onnx_float import OnnxFloatBackend
from dlpuconv_targets.cv25 import CV25
from tests.backends.opsets.graphs import model_of, proto, run, sqnr_db
from tests.error_ids import raises_error, refused_by
from tests.whole_zoo import samples

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.ir import Model
    from dlpuconv.plugin import Artifact, Target

ZOO = [
    "cifar_efficientnet", "cifar_mobilenetv2", "cifar_resnet20", "det_yolofastestv2", "det_yolov5n_axis",
    "face_retinaface_mnet025", "imagenet_mnv2_torch", "kws_dscnn_mlperf", "kws_kwt1", "lpr_lprnet",
    "seg_sinet_portrait", "sr_fsrcnn_x2", "text_ppocrv5_det", "vww_mobilenetv1_025",
]  # fmt: skip
BARE = replace(CV25, packager=None)  # these tests are of the model alone
CONV = np.random.default_rng(3).standard_normal((4, 3, 3, 3)).astype(np.float32)


def made(
    model: Model, *, opset: int | None = None, bindings: dict[str, InputBinding] | None = None, target: Target = BARE
) -> Artifact:
    job = Job(
        model=model,
        bindings=bindings or {},
        calibration=None,
        preprocessing=Preprocessing(),
        interface=InterfaceOptions(opset=opset),
        workspace=None,  # type: ignore[arg-type] # this backend writes no temporary files
        cache=NOTHING,
        progress=Silent(),
    )
    backend = OnnxFloatBackend()
    return backend.emit(backend.prepare(job), target, Recipe(granularity=Granularity.PER_TENSOR))


def content_of(artifact: Artifact) -> bytes:
    return artifact.stored["model.onnx"].path.read_bytes()


def file_of(artifact: Artifact) -> onnx.ModelProto:
    return onnx.load_from_string(content_of(artifact))


def small(opset: int = 20, **more: Any) -> Model:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("HardSwish", ["c"], ["y"], name="act"),
    ]
    return model_of(proto(nodes, {"x": (1, 3, 8, 6)}, ["y"], opset=opset, constants={"w": CONV}, **more))


def test_the_default_is_opset_13_with_the_ir_version_that_belongs_to_it() -> None:
    artifact = made(small())
    model = file_of(artifact)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 13)]
    assert model.ir_version == 7
    assert artifact.warnings == ()
    assert artifact.facts["decomposed"] == ["HardSwish"]
    assert artifact.facts["op_counts"] == {"Mul": 2, "Add": 1, "Clip": 1, "Conv": 1}
    assert artifact.facts["parameters"] == CONV.size + 4


@pytest.mark.parametrize(("opset", "ir_version"), [(11, 6), (12, 7), (15, 8), (20, 9)])
def test_another_opset_can_be_asked_for(opset: int, ir_version: int) -> None:
    model = file_of(made(small(), opset=opset))
    assert (model.opset_import[0].version, model.ir_version) == (opset, ir_version)
    assert ("HardSwish" in {n.op_type for n in model.graph.node}) == (opset >= 14)


@pytest.mark.parametrize("opset", [10, 21])
def test_an_opset_outside_what_is_possible_is_a_usage_error(opset: int) -> None:
    with raises_error("backend-interface", f"--opset {opset}", "11 to 20"):
        made(small(), opset=opset)


def warping() -> Model:
    grid = {"grid": np.zeros((1, 4, 5, 2), np.float32)}
    node = helper.make_node("GridSample", ["x", "grid"], ["y"], name="warp", mode="linear")
    return model_of(proto([node], {"x": (1, 3, 8, 6)}, ["y"], opset=20, constants=grid))


def test_where_opset_13_cannot_the_lowest_that_can_is_taken_with_a_warning() -> None:
    artifact = made(warping())
    assert artifact.facts["opset"] == 16
    assert artifact.warnings == (
        "the file has opset 16, for 13 cannot express GridSample 'warp' (it came later; needs opset 16)",
    )


def test_an_asked_opset_that_cannot_is_refused() -> None:
    with raises_error("opset-too-old", "opset 13", "GridSample 'warp'"):
        made(warping(), opset=13)


def test_the_same_input_gives_the_same_bytes_and_leaves_the_model_alone() -> None:
    model = small()
    before = model.to_bytes()
    assert made(model).files == made(model).files
    assert model.to_bytes() == before


def test_what_exporters_leave_for_themselves_is_gone() -> None:
    model = small()
    model.graph.graph.node(0).metadata_props["pkg.torch.onnx.stack_trace"] = "/home/someone/model.py"
    model.graph.graph.doc_string = "/home/someone"
    model.graph.producer_name = "exporter"
    content = content_of(made(model))
    assert b"someone" not in content
    assert b"exporter" not in content


def test_plain_names_stay_and_others_become_plain() -> None:
    nodes = [
        helper.make_node("Relu", ["serving_default_x:0"], ["Identity:0"]),
        helper.make_node("Abs", ["serving_default_x:0"], ["Identity_0"]),
        helper.make_node("Neg", ["serving_default_x:0"], ["330"]),
    ]
    built = proto(nodes, {"serving_default_x:0": (1, 4)}, ["Identity:0", "Identity_0", "330"], opset=20)
    artifact = made(model_of(built))
    assert [(p.name, p.file_name) for p in artifact.inputs] == [("serving_default_x:0", "serving_default_x_0")]
    assert [(p.name, p.file_name) for p in artifact.outputs] == [
        ("Identity:0", "Identity_0_1"),
        ("Identity_0", ""),
        ("330", ""),
    ]
    graph = file_of(artifact).graph
    assert [v.name for v in graph.output] == ["Identity_0_1", "Identity_0", "330"]
    got = run(content_of(artifact), {"serving_default_x_0": np.array([[-1, 0, 2, 3]], np.float32)})
    np.testing.assert_array_equal(got["Identity_0_1"], np.array([[0, 0, 2, 3]], np.float32))


def interleaved(*, normalized: bool) -> onnx.ModelProto:
    """x[N,H,W,C] -> (Mul, Sub) -> Transpose -> Conv, as exports from TensorFlow are."""
    scale = [helper.make_node("Mul", ["x", "m"], ["a"]), helper.make_node("Sub", ["a", "s"], ["b"])]
    nodes = [
        *(scale if normalized else []),
        helper.make_node("Transpose", ["b" if normalized else "x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["y"]),
    ]
    constants = {"w": CONV, "m": np.array([1, 2, 3], np.float32), "s": np.array([[[[3, 2, 1]]]], np.float32)}
    return proto(nodes, {"x": (1, 8, 6, 3)}, ["y"], opset=20, constants=constants if normalized else {"w": CONV})


@pytest.mark.parametrize("normalized", [False, True])
def test_an_interleaved_image_input_becomes_planar_and_its_transposition_goes(normalized: bool) -> None:
    built = interleaved(normalized=normalized)
    artifact = made(model_of(built))
    (port,) = artifact.inputs
    assert (port.source_shape, port.shape, port.permutation) == ((1, 8, 6, 3), (1, 3, 8, 6), (0, 3, 1, 2))
    model = file_of(artifact)
    assert [n.op_type for n in model.graph.node] == [*(["Mul", "Sub"] if normalized else []), "Conv"]
    x = np.random.default_rng(0).standard_normal((1, 8, 6, 3)).astype(np.float32)
    expected = run(built.SerializeToString(), {"x": x})["y"]
    got = run(content_of(artifact), {"x": np.ascontiguousarray(x.transpose(port.permutation))})["y"]
    assert sqnr_db(expected, got) > 120


def test_an_interleaved_input_that_is_read_as_it_is_keeps_a_transposition() -> None:
    nodes = [
        helper.make_node("ReduceMax", ["x", "last"], ["y"]),
        helper.make_node("Transpose", ["x"], ["z"], perm=[0, 3, 1, 2]),
    ]
    built = proto(nodes, {"x": (1, 8, 6, 3)}, ["y", "z"], opset=20, constants={"last": np.array([-1])})
    artifact = made(model_of(built))
    x = np.random.default_rng(0).standard_normal((1, 8, 6, 3)).astype(np.float32)
    expected = run(built.SerializeToString(), {"x": x})
    got = run(content_of(artifact), {"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2))})
    for name, value in expected.items():
        np.testing.assert_array_equal(value, got[name])


def test_inputs_of_raw_pixels_are_noted_in_the_file() -> None:
    bindings = {"x": InputBinding(name="x", multiplier=(58.0,), offset=(127.0,), raw_pixels=True)}
    noted = {p.key: p.value for p in file_of(made(small(), bindings=bindings)).metadata_props}
    assert noted == {"dlpuconv.raw_pixels": "x"}
    assert {p.key: p.value for p in file_of(made(small())).metadata_props} == {"dlpuconv.raw_pixels": ""}


def test_a_normalization_goes_in_front_of_the_network() -> None:
    assert OnnxFloatBackend.normalization is Normalization.OP


def test_a_chip_that_takes_integers_is_refused() -> None:
    integers = replace(CV25, name="artpec8", scheme=replace(CV25.scheme, numbers=Numbers.INT8))
    with raises_error("backend-numbers", "artpec8", "int8", "onnx-float"):
        made(small(), target=integers)


def test_all_that_such_a_file_cannot_hold_is_refused_at_once() -> None:
    constants = {"s": np.float32(0.1), "z": np.int8(0), "boxes": np.zeros((1, 5, 4), np.float32)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], name="dequantize"),
        helper.make_node("NonMaxSuppression", ["boxes", "x"], ["kept"], name="nms"),
        helper.make_node("Cast", ["kept"], ["k"], to=TensorProto.FLOAT16, name="half"),
    ]
    model = model_of(proto(nodes, {"x": (1, 2, 5)}, ["y", "k"], opset=20, constants=constants))
    with raises_error("operator-not-in-format") as refused:
        made(model)
    for part in (
        "QuantizeLinear 'quantize'",
        "DequantizeLinear 'dequantize'",
        "NonMaxSuppression 'nms' (runs in the application)",
        "'half' (computes in float16)",
    ):
        assert part in str(refused.value)
    assert refused_by(refused) == ()  # another form of the network is what can be converted


def test_what_such_a_file_cannot_hold_tells_the_values_that_it_makes() -> None:
    boxes = {"boxes": np.zeros((1, 5, 4), np.float32), "k": np.array([3])}
    nodes = [
        helper.make_node("Relu", ["x"], ["scores"]),
        helper.make_node("NonMaxSuppression", ["boxes", "scores", "k"], ["kept"], name="nms"),
    ]
    with raises_error("operator-not-in-format") as refused:
        made(model_of(proto(nodes, {"x": (1, 2, 5)}, ["kept"], opset=20, constants=boxes)))
    assert refused_by(refused) == ("kept",)


def test_the_backend_is_imported_without_onnx() -> None:
    code = (
        "import sys, dlpuconv_backends.onnx_float as _;"
        "print(sorted({'onnx', 'onnx_ir', 'numpy', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_every_zoo_model_keeps_its_numbers_at_opsets_13_and_11(zoo: Path, name: str) -> None:
    source = load(zoo / name / "model.onnx", SourceOptions())
    normal, _ = normalize(source)
    sample = {source.signature.inputs[0].name: samples(zoo, name, 2)[-1:]}
    expected = run(source.to_bytes(), sample)
    for opset in (None, 11):
        artifact = made(normal, opset=opset)
        assert artifact.warnings == ()
        assert artifact.facts["opset"] == (opset or 13)
        assert {p.shape for p in artifact.inputs} == {spec.shape for spec in source.signature.inputs}
        got = run(content_of(artifact), sample)
        for port in artifact.outputs:
            assert sqnr_db(expected[port.name], got[port.name_in_file]) >= 100
