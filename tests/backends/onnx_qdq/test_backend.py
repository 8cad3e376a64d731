"""The backend from an ONNX model to a file, as `dlpuconv.convert` uses it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import dlpuconv
from dlpuconv.calibration import Preprocessing
from dlpuconv.display.progress import Silent
from dlpuconv.files.keep import NOTHING
from dlpuconv.formats.detect import read
from dlpuconv.ir import Layout
from dlpuconv.passes import normalize
from dlpuconv.plugin import InterfaceOptions, Job
from dlpuconv.quantization import Recipe
from dlpuconv.scheme import Granularity
from dlpuconv_backends.onnx_qdq import OnnxQdqBackend
from dlpuconv_backends.onnx_qdq.backend import QdqPrepared
from dlpuconv_targets.onnxruntime import ONNXRUNTIME
from tests.backends.onnx_qdq.examples import attention, branches, network, quantizer, separable
from tests.backends.onnx_qdq.models import model, weights
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlpuconv.ir import Model
    from dlpuconv.workflow.conversion import Conversion

SHAPES = {"separable": (4, 8, 8), "branches": (4, 6, 6), "attention": (6, 8)}


def converted(make: Callable[[], Model], **options: Any) -> Conversion:
    random = np.random.default_rng(1)
    samples = random.uniform(-1, 1, (20, *SHAPES[make.__name__])).astype(np.float32)
    given: dict[str, Any] = {"calibration": {"x": samples}, "effort": "fast", "cache": False, **options}
    return dlpuconv.convert(make().to_proto(), target="onnxruntime", **given)


def job(of: Model, **interface: Any) -> Job:
    return Job(
        model=normalize(of)[0],
        bindings={},
        calibration=None,
        preprocessing=Preprocessing(),
        interface=InterfaceOptions(**{"input_dtype": "float32", "output_dtype": "float32", **interface}),
        workspace=None,  # type: ignore[arg-type] # nobody writes
        cache=NOTHING,
        progress=Silent(),
    )


@pytest.mark.parametrize("make", [separable, branches, attention])
def test_a_model_becomes_a_file_that_passes(make: Callable[[], Model]) -> None:
    made = converted(make)
    assert made.verdict == "pass"
    (artifact,) = made.artifacts
    assert artifact.name.endswith(".onnxruntime.onnx")
    assert artifact.report.granularity.count(Granularity.PER_CHANNEL) == len(artifact.report.granularity.layers) > 0
    assert artifact.report.parity is not None
    assert artifact.report.parity.min_sqnr > 25


def test_the_same_job_gives_the_same_bytes() -> None:
    one, other = (converted(branches).artifacts[0].content for _ in range(2))
    assert one == other


def test_the_ends_are_those_of_the_source() -> None:
    (artifact,) = converted(branches).artifacts
    proto = onnx.load_from_string(artifact.content)
    assert [v.name for v in proto.graph.input] == ["x"]
    assert [v.name for v in proto.graph.output] == ["y", "z"]
    assert {v.type.tensor_type.elem_type for v in (*proto.graph.input, *proto.graph.output)} == {onnx.TensorProto.FLOAT}
    assert [(p.name, p.dtype, p.quantization) for p in artifact.artifact.outputs] == [
        ("y", "float32", None), ("z", "float32", None),
    ]  # fmt: skip


def test_nothing_of_exporters_and_passes_is_left_in_the_file() -> None:
    proto = onnx.load_from_string(converted(separable).artifacts[0].content)
    assert not any(node.metadata_props or node.doc_string for node in proto.graph.node)
    assert proto.producer_name == "dlpuconv"


def test_what_lies_beside_it_speaks_of_no_camera(tmp_path: Path) -> None:
    made = converted(separable)
    (path,) = made.save(tmp_path)
    readme = next(tmp_path.glob("*.README.md")).read_text("utf-8")
    assert "larod" not in readme
    assert "camera" not in readme
    assert "onnxruntime.InferenceSession" in readme
    manifest = json.loads(next(p for p in tmp_path.glob("*.json")).read_text("utf-8"))
    assert manifest["backend"] == "onnx-qdq"
    assert manifest["facts"]["opset"] == 20
    assert manifest["facts"]["rewrites"]["mean-to-pool"] == 1
    assert not any("camera" in line for line in _told(made))
    assert read(path).op_counts["QuantizeLinear"] > 1


def _told(made: Conversion) -> list[str]:
    from dlpuconv.workflow.summary import conversion_text

    return [str(text) for text in conversion_text(made)]


def test_a_search_tries_recipes_on_onnx_files() -> None:
    made = converted(separable, effort="balanced")
    assert made.verdict == "pass"
    assert len(made.artifacts[0].provenance.trials) > 1


def test_a_report_tells_what_each_layer_loses() -> None:
    made = converted(separable, report=True)
    inside = made.artifacts[0].inside
    assert inside is not None
    assert {layer.error.op for layer in inside.blamed} >= {"Conv", "Gemm"}
    assert "On the camera" not in made.artifacts[0].to_html()


def test_a_normalization_is_folded_into_the_file() -> None:
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (20, 4, 8, 8)).astype(np.float32)
    options = {"calibration": {"x": pixels / 255}, "mean": (0.0,) * 4, "std": (255.0,) * 4}
    made = converted(separable, **options)
    assert made.verdict == "pass"
    assert made.artifacts[0].artifact.bindings["x"].raw_pixels


@pytest.mark.parametrize("opset", [13, 17, 21])
@pytest.mark.parametrize("make", [separable, branches, attention])
def test_a_file_of_any_opset_that_has_scales_per_channel_is_as_exact(make: Callable[[], Model], opset: int) -> None:
    """HardSwish is an operator since 14 only; Split, ReduceMean and ReduceMax have changed since."""
    made = converted(make, opset=opset)
    (artifact,) = made.artifacts
    proto = onnx.load_from_string(artifact.content)
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", opset)]
    assert made.verdict == "pass"
    assert artifact.report.parity is not None
    assert artifact.report.parity.min_sqnr > 22  # attention: 23 dB at 20 as well


def test_what_the_asked_opset_cannot_express_is_told_by_name() -> None:
    source = model(
        "(float[1,4,4,4] x) => (float[1,4,4,4] y) { a = GridSample(x, g) \n y = Conv(a, w) }",
        {"g": weights(1, 4, 4, 2), "w": weights(4, 4, 1, 1)},
    )
    with raises_error("opset-too-old", "opset 13", "GridSample", "opset 16"):
        OnnxQdqBackend().draft(job(source, opset=13), [ONNXRUNTIME])
    assert OnnxQdqBackend().draft(job(source, opset=16), [ONNXRUNTIME])


@pytest.mark.parametrize(
    ("interface", "told"),
    [
        ({"input_dtype": "int8"}, "--input-dtype int8"),
        ({"output_dtype": "int8"}, "--output-dtype int8"),
        ({"input_layout": Layout.NHWC}, "--input-layout NHWC"),
        ({"opset": 12}, "--opset 12: it writes opset 13 to 21"),
        ({"opset": 22}, "--opset 22: it writes opset 13 to 21"),
    ],
)
def test_what_such_a_file_cannot_be_is_refused_by_name(interface: dict[str, Any], told: str) -> None:
    with raises_error("backend-interface", "onnx-qdq", "onnxruntime", told):
        OnnxQdqBackend().draft(job(separable(), **interface), [ONNXRUNTIME])


def test_integers_need_samples() -> None:
    with raises_error("calibration-needed", "--calibration"):
        OnnxQdqBackend().prepare(job(separable()))


def test_it_tells_the_integers_that_the_file_will_hold() -> None:
    of = job(separable())
    found = network(of.model, ONNXRUNTIME.scheme.activation_codes)
    prepared = QdqPrepared(job=of, graph=found.graph, rewritten=(), quantizers={found.coding: quantizer(found)})
    recipe = Recipe(granularity=Granularity.PER_CHANNEL)
    told = OnnxQdqBackend().quantized(prepared, ONNXRUNTIME, recipe)
    proto = onnx.load_from_string(OnnxQdqBackend().emit(prepared, ONNXRUNTIME, recipe).files[""])
    stored = [np.sort(onnx.numpy_helper.to_array(each).ravel()) for each in proto.graph.initializer]
    assert len(told.layers) == 4
    for layer in told.layers.values():
        assert any(np.array_equal(np.sort(layer.weights.ravel()), each) for each in stored)


def test_a_draft_has_the_layers_of_the_real_file() -> None:
    (draft,) = OnnxQdqBackend().draft(job(separable()), [ONNXRUNTIME])
    assert draft.view.executed.op_counts["QLinearConv"] == 3
    assert len(draft.layers) == len(draft.view.layers)
    assert "Relu" not in draft.view.op_counts


def test_a_target_that_wants_what_there_is_no_kernel_for_is_refused() -> None:
    from dlpuconv.scheme import Coding

    scheme = replace(ONNXRUNTIME.scheme, weight_codes=Coding())
    with raises_error("backend-scheme", "a zero point for each channel"):
        OnnxQdqBackend().draft(job(separable()), [replace(ONNXRUNTIME, scheme=scheme)])


def test_what_another_backend_prepared_is_not_taken() -> None:
    from dlpuconv.plugin import Prepared

    with pytest.raises(TypeError, match="knows nothing of a Prepared"):
        OnnxQdqBackend().emit(Prepared(), ONNXRUNTIME, Recipe(granularity=Granularity.PER_CHANNEL))
