"""A model in two parts is the same model, and its large weights are not copied."""

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import Model, Source
from dlpuconv.ir.weights import LARGE, split_graph, split_proto
from dlpuconv.isolation.messages import file_of

LARGE_WEIGHTS = np.arange(LARGE // 4, dtype=np.float32).reshape(1, -1)
SMALL_WEIGHTS = np.array([[2.0]], np.float32)


def _two_products() -> onnx.ModelProto:
    """y = (x · large) · small."""
    proto = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["": 13], producer_name: "somebody">
        network (float[1, {LARGE // 4}] x) => (float[1, 1] y) {{
            z = Gemm <transB = 1> (x, large)
            y = MatMul (z, small)
        }}""")
    proto.graph.initializer.extend(
        onnx.numpy_helper.from_array(values, name)
        for name, values in (("large", LARGE_WEIGHTS), ("small", SMALL_WEIGHTS))
    )
    return proto


def _model() -> Model:
    return Model(graph=onnx_ir.from_proto(_two_products()), source=Source(name="m", sha256="0" * 64))


def test_the_small_part_holds_small_weights_only() -> None:
    split = split_proto(_two_products())
    assert list(split.weights) == ["large"]
    np.testing.assert_array_equal(split.weights["large"], LARGE_WEIGHTS)
    assert split.proto.ByteSize() < 500
    assert split.proto.producer_name == "somebody"
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(split.proto.graph.initializer[1]), SMALL_WEIGHTS)


def test_both_parts_of_a_protobuf_together_are_the_model() -> None:
    assert split_proto(_two_products()).to_proto() == _two_products()


def test_both_parts_of_a_graph_together_are_the_model() -> None:
    graph = onnx_ir.from_proto(_two_products())
    assert split_graph(graph).to_proto() == onnx_ir.to_proto(graph)


def test_a_graph_is_as_it_was_after_it_was_split() -> None:
    graph = onnx_ir.from_proto(_two_products())
    before = onnx_ir.to_proto(graph)
    split_graph(graph)
    assert onnx_ir.to_proto(graph) == before


def test_a_name_that_two_initializers_have_tells_of_neither() -> None:
    proto = _two_products()
    proto.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(LARGE_WEIGHTS + 1, "large"))
    split = split_proto(proto)
    assert not split.weights
    assert split.proto == proto


def test_values_that_are_elsewhere_already_stay_there() -> None:
    proto = _two_products()
    large = proto.graph.initializer[0]
    large.ClearField("raw_data")
    large.data_location = onnx.TensorProto.EXTERNAL
    large.external_data.add(key="location", value="model.data")
    split = split_proto(proto)
    assert not split.weights
    assert split.proto == proto


def test_copies_of_a_model_share_their_large_weights() -> None:
    first = _model().copy()
    second = first.copy()
    one, other = (model.graph.graph.initializers["large"].const_value.numpy() for model in (first, second))  # type: ignore[union-attr]
    assert np.shares_memory(one, other)


def test_nobody_can_write_to_shared_weights() -> None:
    values = _model().copy().split().weights["large"]
    with pytest.raises(ValueError, match="read-only"):
        values[:] = 0


def test_an_edit_of_a_copy_leaves_the_model_as_it_was() -> None:
    model = _model()
    before = model.to_bytes()
    copy = model.copy()
    copy.graph.graph.initializers["large"].const_value = onnx_ir.tensor(LARGE_WEIGHTS + 1, name="large")
    assert model.to_bytes() == before


def test_onnx_runtime_takes_both_parts_as_they_are() -> None:
    split = split_proto(_two_products())
    options = onnxruntime.SessionOptions()
    options.add_external_initializers(
        list(split.weights), [onnxruntime.OrtValue.ortvalue_from_numpy(values) for values in split.weights.values()]
    )
    session = onnxruntime.InferenceSession(split.proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ones = np.ones((1, LARGE // 4), np.float32)
    (got,) = session.run(None, {"x": ones})
    np.testing.assert_allclose(got, [[2 * LARGE_WEIGHTS.sum()]], rtol=1e-5)


def test_a_model_that_was_read_has_its_large_weights_in_a_file() -> None:
    model = load(_two_products(), SourceOptions())
    weights = model.split().weights
    assert list(weights) == ["large"]
    assert file_of(weights["large"]) is not None


def test_a_model_is_written_as_protobuf_would_serialize_it() -> None:
    proto = _two_products()
    proto.metadata_props.add(key="a", value="b")
    proto.graph.initializer[0].doc_string = "said"
    proto.graph.value_info.add(name="z")
    assert b"".join(split_proto(proto).serialized()) == proto.SerializeToString(deterministic=True)


def test_whoever_looks_at_shapes_gets_large_weights_as_inputs() -> None:
    bare = split_proto(_two_products()).declared()
    assert [value.name for value in bare.graph.input] == ["x", "large"]
    assert [tensor.name for tensor in bare.graph.initializer] == ["small"]
    onnx.checker.check_model(bare, full_check=True)


@pytest.mark.parametrize(
    "change",
    [
        onnx.TensorProto(data_type=4711),
        onnx.TensorProto(data_type=onnx.TensorProto.STRING),
        onnx.TensorProto(dims=[LARGE]),
        onnx.TensorProto(dims=[-1, -LARGE // 4]),
    ],
)
def test_what_is_no_tensor_stays_as_it_is(change: onnx.TensorProto) -> None:
    proto = _two_products()
    large = proto.graph.initializer[0]
    if change.dims:
        del large.dims[:]
    large.MergeFrom(change)
    split = split_proto(proto)
    assert not split.weights
    assert split.proto == proto
