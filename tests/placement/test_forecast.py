"""Forecasts of small graphs, worked out by hand, and of the files that run on cameras."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import pytest

from dlpuconv.formats.detect import read
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.placement import Forecast, LayerPlacement, Memory, Piece, Placement, Processor, forecast, foresee
from dlpuconv.verification.rule import Context, Rule, Severity
from dlpuconv.verification.rules import advice, at_layers
from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from dlpuconv_targets.cv25 import CV25
from tests.targets.artpec.layers import compiled
from tests.verification.tflite_models import activation, conv, file_of, options

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.formats import FileView
    from dlpuconv.plugin import Target

DLPU, CPU = Processor.DLPU, Processor.CPU
X = activation("x", (1, 8, 8, 16))


def of(view: FileView, target: Target) -> Forecast:
    assert target.placement is not None
    return forecast(view, target.placement, target.context)


def two_convolutions_around(kind: str) -> FileView:
    """16 channels in 3x3, the op, 16 channels in 1x1: nine tenths of the MACs come first."""
    first = conv(X, "first", 16)
    between = activation("between", X.shape)
    second = conv(between, "second", 16, (1, 1))
    return parse_tflite(file_of([X], second.outputs, first, Operator(kind, [first.output], [between]), second))


def test_an_op_that_nobody_lists_cuts_a_graph_for_artpec8_in_three_and_keeps_both_convolutions() -> None:
    found = of(two_convolutions_around("ROUND"), ARTPEC8)
    assert [layer.processor for layer in found.layers] == [DLPU, CPU, DLPU]
    assert [layer.piece for layer in found.layers] == [0, 1, 2]
    assert (found.pieces, found.accelerated_pieces, found.most_pieces) == (3, 2, 16)
    assert found.layers[1].rule == "A8-OP-UNKNOWN"
    assert "ROUND" in found.layers[1].why
    assert found.accelerated_share == 1.0
    assert [layer.macs for layer in found.layers] == [8 * 8 * 16 * 9 * 16, 0, 8 * 8 * 16 * 16]
    assert found.layers[0].parameters == 16 * 9 * 16 + 16


def test_an_op_that_only_the_delegate_lists_stays_on_the_dlpu_of_artpec8_and_is_called_uncertain() -> None:
    found = of(two_convolutions_around("LOGISTIC"), ARTPEC8)
    assert found.pieces == 1
    assert [layer.index for layer in found.uncertain] == [1]
    assert found.layers[1].rule == "A8-OP-UNLISTED"


def test_artpec7_runs_everything_behind_its_cut_on_the_cpu() -> None:
    found = of(two_convolutions_around("ROUND"), ARTPEC7)
    assert [layer.processor for layer in found.layers] == [DLPU, CPU, CPU]
    assert found.accelerated_share == pytest.approx(0.9)
    assert found.memory == Memory(used=16 * 9 * 16 + 16 * 4, limit=round(7.7 * 2**20))
    assert found.layers[2].why == "It comes after the cut."
    assert found.sentences[0].startswith("90 % of the 164 k MACs on the Edge TPU, in 1 partition")
    assert found.sentences[1] == "2 layers on the CPU (10 % of the MACs): ROUND, CONV_2D"


def test_a_limit_of_a_listed_op_cuts_the_graph_for_artpec7_too() -> None:
    pooled = activation("pooled", X.shape)
    window = options("Pool2D", filterHeight=1, filterWidth=1, strideH=1, strideW=1, fusedActivationFunction=1)
    view = parse_tflite(file_of([X], [pooled], Operator("MAX_POOL_2D", [X], [pooled], window)))
    (layer,) = of(view, ARTPEC7).layers
    assert (layer.processor, layer.rule) == (CPU, "A7-FUSED")


def test_in_a_compiled_file_the_compilers_own_op_is_on_the_edge_tpu_and_the_rest_on_the_cpu() -> None:
    found = of(parse_tflite(compiled(after=True)), ARTPEC7)
    assert {layer.op: layer.processor for layer in found.layers} == {"edgetpu-custom-op": DLPU, "LEAKY_RELU": CPU}
    assert not any("MiB" in sentence for sentence in found.sentences)


def test_a_layer_outside_the_limits_of_artpec9_runs_on_the_cpu_whatever_its_op() -> None:
    six = conv(X, "six", 16, (6, 6))
    found = of(parse_tflite(file_of([X], six.outputs, six)), ARTPEC9)
    assert (found.layers[0].processor, found.layers[0].rule) == (CPU, "A9-KERNEL")
    assert found.sentences[0] == "nothing runs on the DLPU"


def test_more_pieces_than_the_chip_takes_do_not_fit() -> None:
    refuse = advice("X-RELU", "no RELU", "here", at_layers(lambda _, layer: layer.op, "RELU"))
    view = two_convolutions_around("RELU")
    context = Context(weights=ARTPEC8.scheme.weights)
    assert not forecast(view, Placement(limits=(refuse,), most_pieces=2), context).fits
    assert forecast(view, Placement(limits=(refuse,), most_pieces=3), context).fits


def test_a_float_file_is_not_said_to_run_on_a_chip_of_integers(repository: Path) -> None:
    """TensorFlow's converter made it, with integer weights and float activations."""
    view = parse_tflite((repository / "tests/packaging/data/weights_only.tflite").read_bytes())
    found = of(view, ARTPEC8)
    assert {layer.processor for layer in found.layers} == {CPU}
    assert {layer.why for layer in found.layers} == {
        "It computes in floating point, and the DLPU in 8-bit integers only."
    }
    assert found.sentences[0] == "nothing runs on the DLPU"
    assert "because of CONV_2D" in found.warnings[0]


def test_a_graph_without_multiplications_has_no_share_to_tell() -> None:
    made = activation("y", X.shape)
    found = of(parse_tflite(file_of([X], [made], Operator("RELU", [X], [made]))), ARTPEC8)
    assert found.accelerated_share is None
    assert found.sentences[0].startswith("all layers on the DLPU, in 1 partition")


@pytest.mark.parametrize(
    ("behind", "text"),
    [(0, "all layers (1 M MACs)"), (1, "more than 99.9 % of"), (500_000, "50 % of"), (999_999, "less than 0.1 % of")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(behind: int, text: str) -> None:
    layers = (
        LayerPlacement(index=0, op="CONV_2D", name="a", processor=DLPU, piece=0, macs=1_000_000 - behind),
        LayerPlacement(index=1, op="CONV_2D", name="b", processor=CPU, piece=1, macs=behind),
    )
    found = Forecast(accelerator="DLPU", layers=layers if behind else layers[:1])
    assert found.sentences[0].startswith(text)


def test_the_layer_that_leaves_most_of_the_work_to_the_cpu_is_named() -> None:
    """One convolution of two has nine tenths of it: once behind the cut, once in front."""
    early = conv(X, "small", 16, (1, 1))
    between = activation("between", X.shape)
    large = conv(between, "large", 16)
    view = parse_tflite(file_of([X], large.outputs, early, Operator("ELU", [early.output], [between]), large))
    (told,) = of(view, ARTPEC7).warnings
    assert told.startswith(
        "only 10 % of the MACs run on the Edge TPU, because of ELU 'between': What the Edge TPU does"
    )
    assert foresee(view, ARTPEC7.placement, ARTPEC7.context)[1] == (told,)
    assert of(two_convolutions_around("ELU"), ARTPEC7).warnings == ()


def test_of_several_layers_on_the_cpu_the_one_with_the_work_is_named() -> None:
    between = activation("between", X.shape)
    six = conv(between, "six", 16, (6, 6))
    view = parse_tflite(file_of([X], six.outputs, Operator("ELU", [X], [between]), six))
    (told,) = of(view, ARTPEC9).warnings
    assert told.startswith("none of the MACs runs on the DLPU, because of ELU 'between'")
    small = conv(X, "small", 16)
    behind = activation("behind", X.shape)
    apart = conv(behind, "apart", 16, (6, 6))
    rounded = Operator("ELU", [X], [activation("rounded", X.shape)])
    pooled = Operator("RELU", [small.output], [behind])
    view = parse_tflite(file_of([X], [*rounded.outputs, *apart.outputs], rounded, small, pooled, apart))
    assert "because of CONV_2D 'apart'" in of(view, ARTPEC9).warnings[0]


@pytest.mark.zoo("axis")
@pytest.mark.parametrize(
    ("name", "target", "pieces"),
    [
        ("yolov5n.tflite", ARTPEC8, 1),
        ("mobilenet_v2_1.0_224_quant.tflite", ARTPEC8, 1),
        ("mobilenet_v2_1.0_224_quant.tflite", ARTPEC7, 1),
        ("A9-yolov5n.tflite", ARTPEC9, 7),
        ("mobilenet_v2_1.0_224_quant.tflite", ARTPEC9, 2),
    ],
)
def test_the_files_that_run_on_cameras_do_their_work_on_the_dlpu(
    zoo: Path, name: str, target: Target, pieces: int
) -> None:
    found = of(read(zoo / "axis" / name), target)
    assert found.accelerated_share == 1.0
    assert found.fits
    assert found.pieces == pieces
    assert all(layer.op in ("STRIDED_SLICE", "MUL", "ADD", "CONCATENATION", "SOFTMAX") for layer in found.on(CPU))


@pytest.mark.zoo
def test_cv25_takes_the_whole_graph_and_names_what_no_list_knows(zoo: Path) -> None:
    found = of(read(zoo / "kws_kwt1" / "model.onnx"), CV25)
    assert found.pieces == 1
    assert {layer.op for layer in found.uncertain} == {"LayerNormalization"}


def test_nothing_is_forecast_of_a_file_that_the_chip_does_not_take() -> None:
    placement, told = foresee(two_convolutions_around("RELU"), CV25.placement, CV25.context)
    assert placement is None
    (sentence,) = told
    assert "no layer" in sentence
    assert "ONNX" in sentence
    assert "tflite" in sentence.lower()


def test_json_holds_the_same() -> None:
    found = of(two_convolutions_around("ROUND"), ARTPEC7)
    answer = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert answer["accelerated_share"] == pytest.approx(0.9)
    assert answer["cpu_layers"] == 2
    assert [layer["processor"] for layer in answer["layers"]] == ["dlpu", "cpu", "cpu"]
    assert answer["memory"] == {"used": 2368, "limit": 8074035, "fits": True}
    assert answer["sentences"] == list(found.sentences)


@pytest.mark.parametrize("fault", ["limits", "partition", "pieces"])
def test_a_chip_s_code_that_fails_leaves_the_places_unknown_and_is_named(fault: str) -> None:
    def boom(*_: object) -> NoReturn:
        raise ValueError("boom")

    odd = Rule(id="T-ODD", severity=Severity.WARN, sentence="It holds.", source="a test", check=boom)
    facts = {
        "limits": Placement(limits=(odd,)),
        "partition": Placement(partition=boom),
        "pieces": Placement(partition=lambda *_: [Piece(DLPU, (0, 0))]),
    }[fault]
    context = Context(weights=ARTPEC8.scheme.weights, target="the target 'toy' (distribution toychip)")
    found, told = foresee(two_convolutions_around("RELU"), facts, context)
    assert found is None
    who = "the rule T-ODD" if fault == "limits" else "the partition"
    assert told[0].startswith(
        f"where the layers run is not known: {who} of the target 'toy' (distribution toychip) failed"
    )
