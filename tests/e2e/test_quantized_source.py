"""Quantized models become files that compute the same, for every kind of target."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import dlpuconv
from dlpuconv.quantization import Balance
from scripts.benchmarks.fed_layers import fed_layers
from tests.calibration.support import write_pictures
from tests.error_ids import raises_error
from tests.frontends.quantized.support import quantized as quantized_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.workflow.conversion import Conversion

pytestmark = pytest.mark.slow

SAMPLES = np.random.default_rng(1).uniform(-1, 1, (30, 3, 16, 16)).astype(np.float32)
NODES = """
    a = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1, b1)
    r = Relu (a)
    m = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
    d = Conv <pads = [1, 1, 1, 1], group = 8> (m, w2, b2)
    s = Add (d, m)
    t = Concat <axis = 1> (s, m)
    g = GlobalAveragePool (t)
    f = Flatten (g)
    y = Gemm <transB = 1> (f, w3, b3)
"""
SHAPES = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 1, 3, 3), "b2": (8,), "w3": (5, 16), "b3": (5,)}


class Reader:
    """Samples as onnxruntime.quantization reads them."""

    def __init__(self) -> None:
        self._left: Iterator[np.ndarray[Any, Any]] = iter(SAMPLES)

    def get_next(self) -> dict[str, Any] | None:
        found = next(self._left, None)
        return None if found is None else {"x": found[None]}


def floats(folder: Path) -> Path:
    """A network with a stride, a pool, a sum, parts that are joined and a dense layer."""
    random = np.random.default_rng(0)
    declared = ", ".join(f"float{[*shape]} {name}" for name, shape in SHAPES.items())
    model = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["" : 17]> g (float[1,3,16,16] x, {declared}) => (float[1,5] y) {{ {NODES} }}'
    )
    for name, shape in SHAPES.items():
        values = random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    del model.graph.input[1:]
    onnx.save(model, folder / "float.onnx")
    return folder / "float.onnx"


def quantized(folder: Path, **options: Any) -> Path:
    """The same by onnxruntime.quantization."""
    from onnxruntime.quantization import QuantFormat, quantize_static

    file = folder / "model.onnx"
    quantize_static(floats(folder), file, Reader(), **{"quant_format": QuantFormat.QDQ, **options})
    return file


def convert(file: Path, target: str, **more: Any) -> Conversion:
    return dlpuconv.convert(file, target=target, cache=False, **{"calibration": {"x": SAMPLES}, **more})


@pytest.mark.parametrize(("target", "per_channel"), [("artpec8", False), ("artpec7", True), ("onnxruntime", True)])
def test_a_file_has_the_scales_of_its_quantized_source_and_computes_the_same(
    tmp_path: Path, target: str, per_channel: bool
) -> None:
    source = quantized(tmp_path, per_channel=per_channel)
    made = convert(source, target)
    (artifact,) = made.artifacts
    told: Any = artifact.artifact.facts["source_scales"]
    refitted = [(each["of"], each["reason"]) for each in told["refitted"]]
    dense = [("weights", "have a scale for each channel, by the source or a folded normalization, and the chip's one")]
    assert refitted == (dense if target == "artpec7" else [])
    assert told["measured"] == []
    assert made.report.parity is not None
    assert made.report.parity.min_sqnr > 30
    if target != "onnxruntime":
        (file, *_) = made.save(tmp_path / "out")
        model = dlpuconv_model(source)
        found = fed_layers(model, file, artifact.artifact.links, [{"x": each[None]} for each in SAMPLES[:4]])
        assert len(found) >= 6
        assert max(layer.most for layer in found) <= 1


def dlpuconv_model(file: Path) -> Any:
    from dlpuconv.frontends import SourceOptions, load

    return load(file, SourceOptions())


def test_a_sum_is_fed_what_the_file_makes_of_a_layer_whose_result_the_source_does_not_round(tmp_path: Path) -> None:
    weights = ", ".join(str(code) for code in np.random.default_rng(2).integers(-127, 128, 64))
    source = tmp_path / "sum.onnx"
    onnx.save(
        quantized_text(
            "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) k = DequantizeLinear(w, v, z) c = Conv(d, k)"
            " a = Add(c, d) p = QuantizeLinear(a, t, z) y = DequantizeLinear(p, t, z)",
            "float s = {0.03}, float v = {0.004}, float t = {0.05}, int8 z = {0}, "
            f"int8[8,8,1,1] w = {{{weights}}}",
            "float[1,8,16,16] x",
            "float[1,8,16,16] y",
        ),
        source,
    )
    samples = np.random.default_rng(3).normal(size=(16, 8, 16, 16)).astype(np.float32)
    made = dlpuconv.convert(source, target="artpec8", calibration=samples, effort="fast", cache=False)
    links, feeds = made.artifacts[0].artifact.links, [{"x": each[None]} for each in samples[:4]]
    (found,) = fed_layers(dlpuconv_model(source), made.save(tmp_path / "out")[0], links, feeds)
    assert found.op == "ADD"
    assert found.most <= 1
    assert found.equal > 0.95  # 0.86 if it were fed the layer's result before that is rounded


def test_what_is_moved_to_a_narrower_scale_is_rounded_twice_in_onnx_runtimes_own_form_too(tmp_path: Path) -> None:
    weights = ", ".join(str(code) for code in np.random.default_rng(2).integers(-40, 41, 64))
    source = tmp_path / "moved.onnx"
    onnx.save(
        quantized_text(
            "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) k = DequantizeLinear(w, v, z) c = Conv(d, k)"
            " p = QuantizeLinear(c, t, z) e = DequantizeLinear(p, t, z) m = Transpose<perm = [0, 1, 3, 2]>(e)"
            " n = QuantizeLinear(m, u, z) y = DequantizeLinear(n, u, z)",
            "float s = {0.03125}, float v = {0.015625}, float t = {0.0517}, float u = {0.0113}, int8 z = {0}, "
            f"int8[8,8,1,1] w = {{{weights}}}",
            "float[1,8,16,16] x",
            "float[1,8,16,16] y",
        ),
        source,
    )
    samples = np.random.default_rng(3).normal(size=(4, 8, 16, 16)).astype(np.float32)
    made = dlpuconv.convert(source, target="onnxruntime", calibration=samples, effort="fast", cache=False)
    exact, found = computed(source, samples, optimized=False), computed(made.save(tmp_path / "out")[0], samples)
    assert np.abs(exact).max() == pytest.approx(128 * 0.0113)  # it saturates
    assert np.array_equal(np.rint(found / 0.0113), np.rint(exact / 0.0113))


def computed(file: Path, samples: Any, *, optimized: bool = True) -> Any:
    """What ONNX Runtime makes of a file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])


def test_what_is_stated_needs_no_samples_and_gives_the_same_file(tmp_path: Path) -> None:
    source = quantized(tmp_path)
    with_samples = convert(source, "artpec8", effort="fast")
    assert convert(source, "artpec8", calibration=None).artifacts[0].content == with_samples.artifacts[0].content


def test_pictures_fill_the_range_that_it_states_wherever_it_is_fed_them(tmp_path: Path) -> None:
    source, pictures = quantized(tmp_path), tmp_path / "pictures"
    write_pictures(pictures, 12, 16, 16)
    made = convert(source, "artpec8", calibration=pictures, effort="fast", min_sqnr=0)
    file = made.save(tmp_path / "out")[0]
    verified = dlpuconv.verify(file, target="artpec8", reference=source, data=pictures)
    compared = dlpuconv.compare(file, file, reference=source, data=pictures)
    for warnings in (made.report.warnings, verified.report.warnings, compared.warnings):
        assert any("pixels 0-255 become -1" in told for told in warnings), warnings


def test_a_recipe_of_a_quantized_source_gives_the_same_bytes_again(tmp_path: Path) -> None:
    source = quantized(tmp_path, per_channel=True)
    made = convert(source, "artpec8", effort="fast")
    made.save(tmp_path / "out")
    again = convert(source, "artpec8", recipe=tmp_path / "out" / "model.artpec8.recipe.toml")
    assert again.artifacts[0].content == made.artifacts[0].content


def test_layers_of_many_scales_are_fitted_to_one_with_and_without_equalization_and_the_better_is_kept(
    tmp_path: Path,
) -> None:
    made = convert(quantized(tmp_path, per_channel=True), "artpec8").artifacts[0].provenance
    plain, equalized = made.trials
    assert equalized.recipe == replace(plain.recipe, equalize=True, balance=Balance.NOISE)
    better = equalized if equalized.score.beats(plain.score) else plain  # of alike ones, the one that keeps more
    assert better.chosen
    assert made.recipe == better.recipe


def test_without_a_search_such_layers_are_equalized_and_the_activations_between_them_are_told(tmp_path: Path) -> None:
    source = quantized(tmp_path, per_channel=True)
    made = convert(source, "artpec8", effort="fast").artifacts[0]
    assert made.provenance.recipe.equalize
    told: Any = made.artifact.facts["source_scales"]
    assert any(each["of"] == "activation" and "equalization" in each["reason"] for each in told["refitted"])
    assert not convert(source, "artpec7", effort="fast").artifacts[0].provenance.recipe.equalize


def test_layers_that_state_no_scale_are_named_where_there_are_no_samples(tmp_path: Path) -> None:
    source = quantized(tmp_path, op_types_to_quantize=["Conv"])
    with raises_error("calibration-scales-incomplete"):
        convert(source, "artpec8", calibration=None)
    told: Any = convert(source, "artpec8").artifacts[0].artifact.facts["source_scales"]
    assert told["measured"]


@pytest.mark.parametrize(("target", "kept"), [("artpec8", 2), ("artpec7", 3)])
def test_weights_that_a_normalization_is_folded_into_keep_their_codes_where_channels_have_scales(
    tmp_path: Path, target: str, kept: int
) -> None:
    model = onnx.parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 17]> g (float[1,3,16,16] x) => (float[1,2,16,16] y)
        <float s = {0.01}, int8 z = {0}, float t = {0.05}, int8[2,3,1,1] k = {10, -20, 127, 40, 50, -60},
         float[2] g = {0.3, 0.7}, float[2] b = {0, 0}, float[2] m = {0, 0}, float[2] v = {1, 2}>
        {
            q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) w = DequantizeLinear(k, s, z)
            [layer] c = Conv(d, w) e = QuantizeLinear(c, t, z) f = DequantizeLinear(e, t, z)
            n = BatchNormalization(f, g, b, m, v) h = QuantizeLinear(n, t, z) y = DequantizeLinear(h, t, z)
        }
    """)
    onnx.save(model, tmp_path / "model.onnx")
    told: Any = convert(tmp_path / "model.onnx", target, effort="fast").artifacts[0].artifact.facts["source_scales"]
    assert told["kept"] == kept
    refitted = [(each["of"], each["reason"]) for each in told["refitted"]]
    one_scale = "have a scale for each channel, by the source or a folded normalization, and the chip's one"
    assert refitted == ([("weights", one_scale)] if target == "artpec8" else [])


def test_a_model_of_the_oldest_opset_that_has_pairs_is_compared_as_it_computes(tmp_path: Path) -> None:
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 10]> g (float[1,3,16,16] x) => (float[1,2,16,16] y)
        <float s = {0.01}, int8 z = {0}, float t = {0.05}, int8[2,3,1,1] k = {10, -20, 127, 40, 50, -60}>
        {
            q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) w = DequantizeLinear(k, s, z)
            c = Conv(d, w) r = Clip<min = 0.0, max = 6.0>(c) e = QuantizeLinear(r, t, z) y = DequantizeLinear(e, t, z)
        }
    """)
    onnx.save(model, tmp_path / "model.onnx")
    made = convert(tmp_path / "model.onnx", "artpec8", effort="fast")
    assert made.report.parity is not None
    assert made.report.parity.min_sqnr > 40


def test_a_package_for_a_compiler_that_quantizes_has_floats_and_says_so(tmp_path: Path) -> None:
    made = convert(quantized(tmp_path), "cv25")
    assert made.verdict == "pass"
    assert any("the scales of the quantized model are left out" in text for text in made.artifacts[0].artifact.warnings)


def test_a_backend_that_calibrates_itself_refuses(tmp_path: Path) -> None:
    with raises_error("backend-option", "tensorflow", "artpec8"):
        convert(quantized(tmp_path), "artpec8", backend="tensorflow")


def test_a_float_model_still_needs_samples(tmp_path: Path) -> None:
    with raises_error("calibration-needed"):
        convert(floats(tmp_path), "artpec8", calibration=None)
