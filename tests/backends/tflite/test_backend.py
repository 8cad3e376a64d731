"""The backend from an ONNX model to files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx.parser
import onnx_ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.calibration import Calibration, Preprocessing
from dlpuconv.display.progress import Silent
from dlpuconv.files.keep import NOTHING, KeptFolder
from dlpuconv.frontends import load
from dlpuconv.frontends.options import SourceOptions
from dlpuconv.ir import Affine, InputBinding, Layout, Model
from dlpuconv.ir.model import Source
from dlpuconv.isolation import pool
from dlpuconv.passes import normalize
from dlpuconv.plugin import InterfaceOptions, Job
from dlpuconv.quantization import Override, Recipe
from dlpuconv.scheme import Granularity
from dlpuconv_backends.flatbuffer import decode
from dlpuconv_backends.tflite import TFLiteBackend
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from tests.backends.tflite.models import run_quantized, sqnr_db
from tests.error_ids import raises_error
from tests.isolation.support import count_starts
from tests.whole_zoo import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.plugin import Artifact

CHANNEL, TENSOR = Recipe(granularity=Granularity.PER_CHANNEL), Recipe(granularity=Granularity.PER_TENSOR)


@dataclass(frozen=True)
class Arrays:
    """Samples in memory."""

    name: str
    values: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
        for value in self.values:
            yield {self.name: value[None]}

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.values.tobytes()).hexdigest()


def network() -> Model:
    """[1, 3, 8, 8] -> Conv 3x3, Relu -> Conv 1x1 -> [1, 2, 8, 8]."""
    rng = np.random.default_rng(4)
    weights = {
        "w1": rng.normal(0, 0.3, (8, 3, 3, 3)),
        "b1": rng.normal(0, 0.3, 8),
        "w2": rng.normal(0, 0.3, (2, 8, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "w1", "b1"], ["h"], "stem", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("Conv", ["r", "w2"], ["scores"], "head"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2, 8, 8])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return Model(graph=onnx_ir.from_proto(proto), source=Source(name="net", sha256="0"))


def job_of(model: Model, samples: np.ndarray[Any, Any], folder: Path, **changes: Any) -> Job:
    name = model.signature.inputs[0].name
    calibration = Calibration(fit=Arrays(name, samples), held_out=Arrays(name, samples[:1]))
    job = Job(
        model=model,
        bindings={name: InputBinding(name=name)},
        calibration=calibration,
        preprocessing=Preprocessing(),
        interface=InterfaceOptions(),
        workspace=folder,
        cache=NOTHING,
        progress=Silent(),
    )
    return replace(job, **changes)


def pixels(count: int = 12) -> np.ndarray[Any, Any]:
    return np.random.default_rng(9).uniform(-1, 1, (count, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def backend() -> Iterator[TFLiteBackend]:
    made = TFLiteBackend()
    made.warm_up()
    yield made
    made.close()


def compare(
    artifact: Artifact, model: Model, sample: np.ndarray[Any, Any], given: np.ndarray[Any, Any] | None = None
) -> float:
    """SQNR of the artifact on one sample against ONNX Runtime; `given` is the artifact's own input, if different."""
    session = onnxruntime.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    (expected, *_) = session.run(None, {session.get_inputs()[0].name: sample})
    (source,), (result,) = artifact.inputs, artifact.outputs
    value = (sample if given is None else given).transpose(source.permutation)
    (found,) = run_quantized(decode(artifact.files[""]), {source.name: value}).values()
    return sqnr_db(np.transpose(expected, result.permutation), found)


@pytest.mark.slow
def test_an_activation_is_spelled_out_for_the_target_that_asks_for_it_alone(
    backend: TFLiteBackend, tmp_path: Path
) -> None:
    model, data = network(), pixels()
    relu = next(node for node in model.graph.graph if node.op_type == "Relu")
    relu.op_type = "HardSwish"
    spellings = frozenset({ARTPEC7.spelling, ARTPEC8.spelling})
    prepared = backend.prepare(job_of(model, data, tmp_path, spellings=spellings))
    plain, spelled = (backend.emit(prepared, target, CHANNEL) for target in (ARTPEC8, ARTPEC7))
    assert plain.facts["rewrites"] == {}
    assert spelled.facts["rewrites"] == {"HARD_SWISH -> MAXIMUM, ADD, MUL": ["relu"]}
    assert plain.facts["ops"] == {"CONV_2D": 2, "QUANTIZE": 2, "HARD_SWISH": 1}
    assert spelled.facts["ops"] == {"CONV_2D": 2, "QUANTIZE": 2, "MUL": 2, "ADD": 1}
    assert compare(spelled, model, data[:1]) > compare(plain, model, data[:1]) - 0.5 > 30
    (first, second) = backend.draft(replace(job_of(model, data, tmp_path), calibration=None), (ARTPEC8, ARTPEC7))
    assert [len(found.rewritten) for found in (first, second)] == [len(first.rewritten), len(first.rewritten) + 1]


@pytest.mark.slow
@pytest.mark.parametrize("size", [33, 80])
def test_the_pooled_picture_is_spread_without_a_trace(backend: TFLiteBackend, tmp_path: Path, size: int) -> None:
    """The image pooling of a DeepLab; TFLite's integer kernel reads behind the end of a single pixel at 80 x 80."""
    source = onnx.parser.parse_model(
        f"""<ir_version: 9, opset_import: ["" : 17]>
        net (float[1,3,8,8] pixels) => (float[1,3,{size},{size}] scores)
        <int64[4] sizes = {{1, 3, {size}, {size}}}>
        {{
            pooled = GlobalAveragePool(pixels)
            scores = Resize<mode="linear", coordinate_transformation_mode="asymmetric">(pooled, , , sizes)
        }}"""
    )
    for node in source.graph.node:
        node.name = node.op_type
    model, _ = normalize(Model(graph=onnx_ir.from_proto(source), source=Source(name="net", sha256="0")))
    data = pixels()
    artifact = backend.emit(backend.prepare(job_of(model, data, tmp_path)), ARTPEC8, TENSOR)
    assert compare(artifact, model, data[:1]) > 35
    (given,), (result,) = artifact.inputs, artifact.outputs
    (found,) = run_quantized(decode(artifact.files[""]), {given.name: data[0:1].transpose(given.permutation)}).values()
    rows = np.moveaxis(found, result.permutation.index(1), 0).reshape(3, -1)
    assert (rows == rows[:, :1]).all()


@pytest.mark.slow
def test_one_preparation_serves_several_targets_and_recipes(backend: TFLiteBackend, tmp_path: Path) -> None:
    model, data = network(), pixels()
    prepared = backend.prepare(job_of(model, data, tmp_path))
    first = backend.emit(prepared, ARTPEC8, TENSOR)
    second = backend.emit(prepared, ARTPEC9, CHANNEL)
    again = backend.emit(prepared, ARTPEC8, TENSOR)
    assert first.files == again.files
    assert first.files != second.files
    assert compare(first, model, data[:1]) > 25
    assert compare(second, model, data[:1]) > 30
    assert first.facts["granularity"] == {"per-tensor": 2}
    assert second.facts["granularity"] == {"per-channel": 2}
    assert second.facts["min_runtime_version"] == "1.14.0"
    assert decode(second.files[""]).metadata == {}  # the codec reads no metadata back, the file's reader does


@pytest.mark.slow
def test_ports_tell_the_layout_and_the_numbers_of_both_ends(backend: TFLiteBackend, tmp_path: Path) -> None:
    artifact = backend.emit(backend.prepare(job_of(network(), pixels(), tmp_path)), ARTPEC9, CHANNEL)
    (source,), (result,) = artifact.inputs, artifact.outputs
    assert (source.name, source.source_shape, source.shape) == ("pixels", (1, 3, 8, 8), (1, 8, 8, 3))
    assert source.permutation == (0, 2, 3, 1)
    assert source.dtype == result.dtype == "uint8"
    file = decode(artifact.files[""])
    assert file.inputs[0].quantization is not None
    assert source.quantization == file.inputs[0].quantization
    assert result.shape == file.outputs[0].shape


@pytest.mark.slow
def test_an_input_keeps_the_scale_that_its_binding_fixes_and_samples_pass_through_the_binding(
    backend: TFLiteBackend, tmp_path: Path
) -> None:
    model, data = network(), pixels()
    raw = np.random.default_rng(1).integers(0, 256, data.shape).astype(np.float32)
    # the converted input takes the source's values / 255, as 0..255 with a scale of 1/255
    binding = InputBinding(name="pixels", multiplier=(1 / 255,), quantization=Affine.of(1 / 255, 0))
    artifact = backend.emit(
        backend.prepare(job_of(model, raw, tmp_path, bindings={"pixels": binding})), ARTPEC9, CHANNEL
    )
    assert artifact.inputs[0].quantization is not None
    assert artifact.inputs[0].quantization.scale == pytest.approx(1 / 255)
    assert artifact.inputs[0].quantization.zero_point == 0
    assert artifact.warnings == ()
    assert compare(artifact, model, raw[:1] / 255) > 30


@pytest.mark.slow
def test_samples_outside_of_a_fixed_range_are_told(backend: TFLiteBackend, tmp_path: Path) -> None:
    binding = InputBinding(name="pixels", quantization=Affine.of(1 / 255, 0))
    artifact = backend.emit(
        backend.prepare(job_of(network(), pixels(), tmp_path, bindings={"pixels": binding})), ARTPEC9, CHANNEL
    )
    assert any("'pixels' holds values from 0 to 1, but" in told for told in artifact.warnings)


@pytest.mark.slow
def test_the_source_layout_and_int8_ends_are_kept_where_asked(backend: TFLiteBackend, tmp_path: Path) -> None:
    interface = InterfaceOptions(input_dtype="int8", output_dtype="int8", input_layout=Layout.NCHW)
    model, data = network(), pixels()
    artifact = backend.emit(backend.prepare(job_of(model, data, tmp_path, interface=interface)), ARTPEC9, CHANNEL)
    assert artifact.inputs[0].shape == (1, 3, 8, 8)
    assert artifact.inputs[0].permutation == (0, 1, 2, 3)
    assert artifact.outputs[0].dtype == "int8"
    assert "QUANTIZE" not in str(artifact.facts["ops"])
    assert compare(artifact, model, data[:1]) > 30


@pytest.mark.slow
def test_statistics_come_from_the_cache_the_second_time_and_give_the_same_bytes(
    backend: TFLiteBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(network(), pixels(), tmp_path, cache=KeptFolder(tmp_path / "cache"))
    first = backend.emit(backend.prepare(job), ARTPEC9, CHANNEL)

    def measured(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr("dlpuconv.quantization.measuring.observe", measured)
    assert backend.emit(backend.prepare(job), ARTPEC9, CHANNEL).files == first.files
    other = job_of(network(), pixels() + 1, tmp_path, cache=KeptFolder(tmp_path / "cache"))
    with pytest.raises(AssertionError, match="measured again"):
        backend.prepare(other)


@pytest.mark.slow
def test_an_override_is_told_by_node_name_and_one_that_names_nothing_is_an_error(
    backend: TFLiteBackend, tmp_path: Path
) -> None:
    prepared = backend.prepare(job_of(network(), pixels(), tmp_path))
    stem = Recipe(granularity=Granularity.PER_TENSOR, overrides=(Override("stem", Granularity.PER_CHANNEL),))
    assert backend.emit(prepared, ARTPEC9, stem).facts["granularity"] == {"per-channel": 1, "per-tensor": 1}
    wrong = Recipe(granularity=Granularity.PER_TENSOR, overrides=(Override("stern", Granularity.PER_CHANNEL),))
    with raises_error("override-matches-nothing", "--override stern=per-channel", "'stem'"):
        backend.emit(prepared, ARTPEC9, wrong)


def test_without_samples_there_is_no_integer_model(tmp_path: Path) -> None:
    with raises_error("calibration-needed"):
        TFLiteBackend().prepare(job_of(network(), pixels(), tmp_path, calibration=None))


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least_db"),
    [("cifar_mobilenetv2", 28), ("cifar_resnet20", 22), ("kws_dscnn_mlperf", 22)],
)
def test_a_real_model_keeps_its_numbers(
    backend: TFLiteBackend, zoo: Path, tmp_path: Path, name: str, least_db: float
) -> None:
    model, _ = normalize(load(zoo / name / "model.onnx", SourceOptions()))
    given = samples(zoo, name, 60)
    artifact = backend.emit(backend.prepare(job_of(model, given[:40], tmp_path)), ARTPEC9, CHANNEL)
    assert np.mean([compare(artifact, model, given[i : i + 1]) for i in range(40, 52)]) >= least_db
    assert {t.dtype.name for t in decode(artifact.files[""]).tensors()} <= {"uint8", "int8", "int32"}


def test_a_second_conversion_finds_the_lowering_worker_warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.end()
    begun = count_starts(monkeypatch)
    for _ in range(2):
        backend = TFLiteBackend()
        backend.warm_up()
        assert backend.draft(job_of(network(), pixels(), tmp_path), (ARTPEC8,))
        backend.close()
    assert [launch.title for launch in begun].count("the lowering worker") == 1
