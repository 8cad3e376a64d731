"""Operators that cannot be converted."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from tests.error_ids import raises_error, refused_by
from tests.frontends.support import build, chain, conv, node, read, value

HALF = {"r": np.array(0.5, np.float32)}
SCALE = {"s": np.array(0.1, np.float32), "z": np.array(0, np.int8)}
BATCHNORM = dict.fromkeys(["g", "b", "m", "v"], np.ones(4, np.float32))


def refused(proto: onnx.ModelProto, *told: str, values: tuple[str, ...] | None = None) -> None:
    with raises_error(*told) as caught:
        read(proto)
    assert values is None or refused_by(caught) == values


def test_an_unknown_operator_is_answered_with_the_nearest() -> None:
    refused(chain(node("Convv", ["x"], ["y"], name="q")), "operator-unknown", "Convv 'q'", "did you mean 'Conv'?")


def test_an_operator_of_a_later_opset_is_told_so() -> None:
    refused(chain(node("Gelu", ["x"], ["y"], name="q")), "operator-not-in-opset", "Gelu 'q'", "opset 20", "opset 17")


def test_a_removed_operator_is_told_so() -> None:
    proto = chain(node("Upsample", ["x", "s"], ["y"]), weights={"s": np.ones(2, np.float32)}, opset=11)
    refused(proto, "operator-not-in-opset", "opset 11")


def test_a_foreign_domain_is_named_with_what_its_operators_make() -> None:
    proto = chain(
        node("Relu", ["x"], ["a"]), node("Magic{}", ["a"], ["y"], name="m", domain="acme"), domains={"acme": 1}
    )
    refused(proto, "operator-custom", "acme.Magic{} 'm'", "'acme'", values=("y",))


def test_what_the_runtimes_optimizer_made_is_named_as_such() -> None:
    proto = chain(node("FusedGemm", ["x", "x"], ["y"], domain="com.microsoft"), domains={"com.microsoft": 1})
    refused(proto, "operator-of-optimizer", "com.microsoft.FusedGemm")


def test_classical_learners_are_a_foreign_domain() -> None:
    proto = chain(node("Normalizer", ["x"], ["y"], domain="ai.onnx.ml"), domains={"ai.onnx.ml": 2})
    refused(proto, "operator-custom", "ai.onnx.ml.Normalizer")


def test_a_model_without_an_operator_of_onnx_itself_is_told_of_those_that_it_has() -> None:
    proto = chain(node("Adam", ["x", "x", "x", "x", "x", "x"], ["y"], domain="ai.onnx.preview.training"))
    del proto.opset_import[:]
    proto.opset_import.add(domain="ai.onnx.preview.training", version=1)
    refused(proto, "model-in-training", "ai.onnx.preview.training.Adam (which makes 'y')")


@pytest.mark.parametrize("kind", [onnx.TensorProto.INT4, onnx.TensorProto.FLOAT8E5M2])
def test_inputs_of_few_bits_are_refused_with_what_to_give_instead(kind: int) -> None:
    proto = build([node("Cast", ["x"], ["y"], to=1)], [value("x", (1,), kind)], [value("y", (1,))])
    name = onnx.TensorProto.DataType.Name(kind)
    refused(proto, "ports-not-numbers", "'x'", name)


def test_an_imported_domain_that_nothing_uses_is_no_problem() -> None:
    read(chain(node("Relu", ["x"], ["y"]), domains={"ai.onnx.ml": 2, "acme": 7}))


def test_the_default_domain_may_be_called_by_its_name() -> None:
    proto = chain(node("Relu", ["x"], ["y"], domain="ai.onnx"))
    proto.opset_import[0].domain = "ai.onnx"
    assert read(proto).opset == 17


@pytest.mark.parametrize(
    "nodes",
    [
        [node("DynamicQuantizeLinear", ["x"], ["q", "a", "b"]), node("Cast", ["q"], ["y"], to=1)],
        [node("QLinearErf", ["x", "s", "z"], ["y"], domain="com.microsoft")],
        [node("MatMulNBits", ["x", "s", "z"], ["y"], domain="com.microsoft", bits=4, block_size=32, K=4, N=4)],
    ],
)
def test_a_model_that_is_quantized_in_another_form_is_refused(nodes: list[onnx.NodeProto]) -> None:
    proto = chain(*nodes, weights=SCALE, domains={"com.microsoft": 1})
    refused(proto, "quantization-unreadable")


def test_weights_of_smaller_floats_are_refused() -> None:
    proto = chain(node("Cast", ["w"], ["f"], to=1), node("Add", ["x", "f"], ["y"]), opset=21, ir=10)
    proto.graph.initializer.append(helper.make_tensor("w", onnx.TensorProto.FLOAT8E5M2, [4], [1, 2, 3, 4]))
    refused(proto, "tensor-type-unsupported", "'w'", "FLOAT8E5M2")


def test_loops_are_control_flow() -> None:
    body = helper.make_graph([], "b", [], [])
    refused(chain(node("Loop", ["", "", "x"], ["y"], name="l", body=body)), "operator-control-flow", "Loop 'l'")


def test_sequences_text_and_complex_values_are_refused() -> None:
    proto = build([node("SequenceConstruct", ["x"], ["y"], name="s")], [value("x", (1,))],
                  [helper.make_tensor_sequence_value_info("y", 1, [1])])  # fmt: skip
    refused(proto, "ports-not-numbers", "'y'", "sequence")
    proto = chain(node("SequenceConstruct", ["x"], ["s"], name="c"), node("SequenceAt", ["s", "i"], ["y"]),
                  weights={"i": np.array(0)})  # fmt: skip
    refused(proto, "operator-not-on-tensors", "SequenceConstruct 'c', SequenceAt (which makes 'y')")
    for kind, name in ((onnx.TensorProto.STRING, "STRING"), (onnx.TensorProto.COMPLEX64, "COMPLEX64")):
        proto = build([node("Identity", ["x"], ["y"])], [value("x", (1,), kind)], [value("y", (1,), kind)])
        refused(proto, "ports-not-numbers", "'x'", name)


def test_text_in_a_constant_is_refused() -> None:
    text = onnx.TensorProto(name="t", data_type=onnx.TensorProto.STRING, dims=[1], string_data=[b"abc"])
    proto = chain(node("Constant", [], ["c"], value=text), node("Relu", ["x"], ["y"]))
    refused(proto, "tensor-type-unsupported", "'c'", "STRING")


def test_an_output_that_turns_out_to_be_text_is_refused() -> None:
    refused(chain(node("Cast", ["x"], ["y"], to=onnx.TensorProto.STRING)), "ports-not-numbers", "'y'", "STRING")


def test_random_numbers_are_refused() -> None:
    proto = chain(node("RandomNormalLike", ["x"], ["n"], name="n"), node("Add", ["x", "n"], ["y"]))
    refused(proto, "operator-random", "RandomNormalLike 'n'")


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Dropout", ["x", "r", "t"], ["y"], name="d")],
        [node("Not", ["f"], ["t2"]), node("Dropout", ["x", "r", "t2"], ["y"], name="d")],
        [node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y", "m2", "v2"], name="d", training_mode=1)],
    ],
)
def test_training_mode_is_refused(nodes: list[onnx.NodeProto]) -> None:
    weights = {**HALF, **BATCHNORM, "t": np.array(True), "f": np.array(False)}
    refused(chain(*nodes, weights=weights), "model-in-training", "'d'")


def test_batch_statistics_of_an_old_opset_are_training_mode() -> None:
    nodes = [node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y", "a", "c", "d", "e"], name="bn")]
    refused(chain(*nodes, weights=BATCHNORM, opset=9), "model-in-training", "BatchNormalization 'bn'")


def test_dropout_that_does_nothing_is_read() -> None:
    read(chain(node("Dropout", ["x", "r", "t"], ["y"]), weights={**HALF, "t": np.array(False)}))
    read(chain(node("Dropout", ["x"], ["y"], ratio=0.5), opset=7))


@pytest.mark.parametrize("opset", [6, 99])
def test_an_opset_outside_of_the_range_is_told_with_the_range(opset: int) -> None:
    proto = conv()
    proto.opset_import[0].version = opset
    refused(proto, "opset-unreadable", f"opset {opset};", f"7 to {onnx.defs.onnx_opset_version()}")


def test_a_model_that_does_not_name_its_opset_is_refused() -> None:
    proto = conv()
    del proto.opset_import[:]
    refused(proto, "opset-missing")


def test_every_reason_is_told_together() -> None:
    proto = chain(
        node("Foo", ["x"], ["a"], name="f", domain="acme"),
        node("MatMulNBits", ["a", "s", "z"], ["q"], domain="com.microsoft"),
        node("Barr", ["q"], ["y"], name="b"),
        weights=SCALE,
        domains={"acme": 1, "com.microsoft": 1},
    )
    refused(proto, "operator-custom", "acme.Foo 'f'", "MatMulNBits", "Barr 'b'")


def test_sparse_weights_are_refused() -> None:
    values = helper.make_tensor("w", 1, [1], [1.0])
    indices = helper.make_tensor("i", 7, [1], [2])
    proto = chain(node("Add", ["x", "w"], ["y"]))
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    refused(proto, "tensor-sparse", "'w'")


def test_an_attribute_that_onnx_does_not_know_is_told() -> None:
    with raises_error("model-invalid", "foo", "Relu"):
        read(chain(node("Relu", ["x"], ["y"], foo=1)))
