"""The tensorflow backend on a real network, and what becomes of it when TensorFlow is absent or dies."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.calibration import Preprocessing, make_preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.files.keep import NOTHING
from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import Links
from dlpuconv.passes import fold_preprocessing, normalize
from dlpuconv.plugin import Granularity, InterfaceOptions, Job, Normalization
from dlpuconv.quantization import Recipe
from dlpuconv.quantization.recipe import Override
from dlpuconv.scheme import Numbers
from dlpuconv.verification.parity import compare
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, decode, encode
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.savedmodel import TensorFlowBackend, quantize_with_tensorflow
from dlpuconv_backends.savedmodel.backend import TunableGraph, _refuse_idle_ends
from dlpuconv_targets.artpec import ARTPEC8
from tests.error_ids import raises_error
from tests.models.cifar import CALIBRATION
from tests.whole_zoo import SMALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.calibration import Calibration
    from dlpuconv.ir import Model
    from dlpuconv.plugin import Artifact

PER_CHANNEL, PER_TENSOR = Granularity.PER_CHANNEL, Granularity.PER_TENSOR

needs_tensorflow = pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")


@pytest.fixture(scope="module")
def source() -> Model:
    return load(SMALL / "cifar_mobilenetv2.onnx", SourceOptions())


@pytest.fixture(scope="module")
def calibration(source: Model) -> Calibration:
    trained = make_preprocessing(mean="125.307,122.961,113.8575", std="62.985,62.0925,66.708")
    opened = open_calibration(
        CALIBRATION, validation=None, signature=source.signature, preprocessing=trained, progress=Silent()
    )
    assert opened is not None
    return opened


def job_of(model: Model, calibration: Calibration | None, workspace: Path) -> Job:
    return Job(
        model=model,
        bindings={},
        calibration=calibration,
        preprocessing=Preprocessing(),
        interface=InterfaceOptions(output_dtype="int8"),
        workspace=workspace,
        cache=NOTHING,
        progress=Silent(),
    )


@pytest.fixture(scope="module")
def artifacts(
    source: Model, calibration: Calibration, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Granularity, Artifact]]:
    backend = TensorFlowBackend()
    try:
        prepared = backend.prepare(job_of(normalize(source)[0], calibration, tmp_path_factory.mktemp("work")))
        yield {g: backend.emit(prepared, ARTPEC8, Recipe(granularity=g)) for g in (PER_CHANNEL, PER_TENSOR)}
    finally:
        backend.close()


def sqnr_db(content: bytes, artifact: Artifact, source: Model, calibration: Calibration, folder: Path) -> float:
    file = folder / "model.tflite"
    file.write_bytes(content)
    links = Links(inputs=artifact.inputs, outputs=artifact.outputs)
    report = compare(OrtRunner(source.to_bytes()), LiteRtRunner(file), links, calibration.held_out)
    found = report.outputs[0].sqnr_db
    assert found is not None
    return found


@needs_tensorflow
@pytest.mark.slow
def test_a_real_network_becomes_integers_under_its_own_names(artifacts: dict[Granularity, Artifact]) -> None:
    for granularity, artifact in artifacts.items():
        graph = decode(artifact.files[""])
        assert [(t.name, t.shape, t.dtype.name) for t in graph.inputs] == [("input", (1, 32, 32, 3), "uint8")]
        assert [(t.name, t.shape, t.dtype.name) for t in graph.outputs] == [("258", (1, 10), "int8")]
        (port,) = artifact.inputs
        assert (port.permutation, port.dtype) == ((0, 2, 3, 1), "uint8")
        assert port.quantization is not None
        assert graph.inputs[0].quantization is not None
        assert port.quantization.scale == pytest.approx(graph.inputs[0].quantization.scale)
        weights = [op.input(1).quantization for op in graph.operators if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D")]
        assert {q is not None and q.per_channel for q in weights} == {granularity is PER_CHANNEL}
        assert not [t.name for t in graph.tensors() if t.dtype == np.float32]


@needs_tensorflow
@pytest.mark.slow
def test_both_granularities_are_close_to_the_source_for_the_network_is_equalized_first(
    artifacts: dict[Granularity, Artifact], source: Model, calibration: Calibration, tmp_path: Path
) -> None:
    found = {g: sqnr_db(a.files[""], a, source, calibration, tmp_path) for g, a in artifacts.items()}
    assert found[PER_CHANNEL] > 20
    assert found[PER_TENSOR] > 20  # below 10 as it stands


@needs_tensorflow
@pytest.mark.slow
def test_the_oracle_gives_what_the_saved_model_gives(
    artifacts: dict[Granularity, Artifact], source: Model, calibration: Calibration, tmp_path: Path
) -> None:
    graph = lower(normalize(source)[0], layouts={}).graph
    samples = [[np.ascontiguousarray(s["input"].transpose(0, 2, 3, 1))] for s in calibration.fit]
    content = quantize_with_tensorflow(encode(graph), samples, True, dtype="uint8")
    artifact = artifacts[PER_CHANNEL]
    direct = decode(content)
    assert direct.inputs[0].quantization is not None
    assert artifact.inputs[0].quantization is not None
    assert direct.inputs[0].quantization.scale == pytest.approx(artifact.inputs[0].quantization.scale)
    expected = sqnr_db(artifact.files[""], artifact, source, calibration, tmp_path)
    direct.inputs[0].name, direct.outputs[0].name = "input", "258"
    got = sqnr_db(encode(direct), _with_output(artifact, direct), source, calibration, tmp_path)
    assert got == pytest.approx(expected, abs=1.0)


def _with_output(artifact: Artifact, graph: Graph) -> Artifact:
    quantization = graph.outputs[0].quantization
    assert quantization is not None
    port = replace(
        artifact.outputs[0],
        dtype=graph.outputs[0].dtype.name,
        quantization=quantization,
    )
    return replace(artifact, outputs=(port,))


@needs_tensorflow
@pytest.mark.slow
def test_an_input_that_the_camera_fixes_has_that_scale(source: Model, calibration: Calibration, tmp_path: Path) -> None:
    stated = make_preprocessing(mean="128", std="64")  # equal over the channels: exact by scale and zero point
    folded = fold_preprocessing(normalize(source)[0], stated, Normalization.CONV, samples=calibration.fit)
    backend = TensorFlowBackend()
    try:
        job = replace(job_of(folded.model, calibration, tmp_path), bindings=folded.bindings)
        prepared = backend.prepare(job)
        artifact = backend.emit(prepared, ARTPEC8, Recipe(granularity=PER_TENSOR))
    finally:
        backend.close()
    fixed = folded.bindings["input"].quantization
    assert fixed is not None
    (port,) = artifact.inputs
    assert port.quantization is not None
    assert port.quantization.scale == pytest.approx(fixed.scale, rel=1e-6)
    assert port.quantization.zero_point == fixed.zero_point


def test_no_samples_are_an_error_before_anything_starts(source: Model, tmp_path: Path) -> None:
    with raises_error("calibration-needed", "--calibration"):
        TensorFlowBackend().prepare(job_of(source, None, tmp_path))


def prepared_nothing(source: Model, folder: Path) -> TunableGraph:
    return TunableGraph(
        job=job_of(source, None, folder),
        lowered=None,  # type: ignore[arg-type] # what is asked for is refused before it is looked at
        tuning=None,  # type: ignore[arg-type] # likewise
    )


def test_overrides_are_refused(source: Model, tmp_path: Path) -> None:
    recipe = Recipe(granularity=PER_TENSOR, overrides=(Override("*", PER_CHANNEL),))
    with raises_error("backend-option", "--override"):
        TensorFlowBackend().emit(prepared_nothing(source, tmp_path), ARTPEC8, recipe)


def test_a_chip_that_takes_floats_is_refused(source: Model, tmp_path: Path) -> None:
    floats = replace(ARTPEC8, name="cv25", scheme=replace(ARTPEC8.scheme, numbers=Numbers.FLOAT32))
    with raises_error("backend-numbers", "cv25", "float32", "tensorflow"):
        TensorFlowBackend().emit(prepared_nothing(source, tmp_path), floats, Recipe(granularity=PER_TENSOR))


def test_inputs_that_nothing_reads_and_constant_outputs_are_refused() -> None:
    x, idle = Tensor("x", (1, 4), np.dtype(np.float32)), Tensor("idle", (1, 4), np.dtype(np.float32))
    y, fixed = Tensor("y", (1, 4), np.dtype(np.float32)), Tensor.constant("fixed", np.ones(3, np.float32))
    relu = Operator("RELU", [x], [y])
    _refuse_idle_ends(Graph([x], [y], [relu]))
    with raises_error("ports-idle", "'idle'", "'fixed'"):
        _refuse_idle_ends(Graph([x, idle], [y, fixed], [relu]))
