"""The TensorFlow Lite reader: what it reads is what was written, and nothing hostile gets through."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as generated

from dlpuconv.errors import ArtifactError
from dlpuconv.formats import tflite_schema
from dlpuconv.formats.flatbuffer_table import TableSource
from dlpuconv.formats.tflite_file import parse_tflite, read_tflite
from dlpuconv.ir import Affine
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, decode, encode
from tests.error_ids import raises_error
from tests.verification.tflite_models import activation, conv, edited, healthy, one_op, options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AXIS = ("A9-yolov5n", "mobilenet_v2_1.0_224_quant", "yolov5n")


def test_a_written_graph_is_read_back() -> None:
    x = activation("x", (1, 8, 8, 3), "uint8", scale=0.5, zero_point=7)
    layer = conv(x, "y", 4, (3, 3), (2, 1), scale=[0.01, 0.02, 0.03, 0.04])
    graph = Graph([x], layer.outputs, [layer], description="made here", metadata={"min_runtime_version": b"2.3.0\0\0"})
    view = parse_tflite(encode(graph, {layer: 3}))
    assert view.format == "tflite"
    assert view.metadata == {"schema_version": "3", "description": "made here", "min_runtime_version": "2.3.0"}
    (only,) = view.layers
    assert (only.op, only.version, only.custom, only.name) == ("CONV_2D", 3, False, "y")
    assert only.options["stride_h"] == 2
    assert only.options["stride_w"] == 1
    assert only.options["padding"] == "SAME"
    assert only.options["fused_activation_function"] == "NONE"
    assert only.options["dilation_h_factor"] == 1
    source, kernels, bias = (view.tensors[i] for i in only.inputs)
    assert (source.name, source.dtype, source.shape, source.constant) == ("x", "uint8", (1, 8, 8, 3), False)
    assert source.quantization is not None
    assert source.quantization == Affine.of(0.5, 7)
    assert kernels.data is not None
    np.testing.assert_array_equal(kernels.data, layer.input(1).data)
    assert kernels.quantization is not None
    assert kernels.quantization.per_channel
    assert (bias.dtype, bias.shape) == ("int32", (4,))
    assert (view.inputs, view.outputs) == ((source.index,), only.outputs)


def test_an_absent_optional_input_is_minus_one() -> None:
    x = activation("x", (1, 8, 8, 3))
    layer = conv(x, "y", 4)
    layer.inputs[2] = None
    view = parse_tflite(one_op(layer))
    assert view.layers[0].inputs[2] == -1
    assert view.tensor(-1) is None


@pytest.mark.parametrize(
    ("kind", "table", "written", "read"),
    [
        ("STRIDED_SLICE", "StridedSlice", {"beginMask": 5, "shrinkAxisMask": 2}, {"begin_mask": 5, "end_mask": 0,
         "shrink_axis_mask": 2, "ellipsis_mask": 0, "new_axis_mask": 0}),
        ("LEAKY_RELU", "LeakyRelu", {"alpha": 0.125}, {"alpha": 0.125}),
        ("RESIZE_BILINEAR", "ResizeBilinear", {"alignCorners": True},
         {"align_corners": True, "half_pixel_centers": False}),
        ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor", {"halfPixelCenters": True}, {"half_pixel_centers": True}),
        ("MEAN", "Reducer", {"keepDims": True}, {"keep_dims": True}),
        ("CONCATENATION", "Concatenation", {"axis": -1}, {"axis": -1}),
        ("RESHAPE", "Reshape", {"newShape": np.array([1, -1], np.int32)}, {"new_shape": (1, -1)}),
        ("MAX_POOL_2D", "Pool2D", {"padding": 1, "filterHeight": 3, "filterWidth": 2, "fusedActivationFunction": 3},
         {"padding": "VALID", "filter_height": 3, "filter_width": 2, "fused_activation_function": "RELU6"}),
        ("TRANSPOSE_CONV", "TransposeConv", {"strideH": 2}, {"stride_h": 2}),
        ("DEPTHWISE_CONV_2D", "DepthwiseConv2D", {"depthMultiplier": 4}, {"depth_multiplier": 4}),
        ("GELU", "Gelu", {"approximate": True}, {"approximate": True}),
        ("BATCH_MATMUL", "BatchMatMul", {"adjY": True}, {"adj_x": False, "adj_y": True}),
        ("MIRROR_PAD", "MirrorPad", {"mode": 1}, {"mode": "SYMMETRIC"}),
        ("ARG_MAX", "ArgMax", {"outputType": generated.TensorType.INT64}, {"output_type": "int64"}),
        ("SOFTMAX", "Softmax", {"beta": 1.0}, {"beta": 1.0}),
    ],
)  # fmt: skip
def test_options_are_decoded_by_the_names_of_the_schema(
    kind: str, table: str, written: dict[str, Any], read: dict[str, Any]
) -> None:
    x, y = activation("x", (1, 4)), activation("y", (1, 4))
    view = parse_tflite(one_op(Operator(kind, [x], [y], options(table, **written))))
    assert view.layers[0].op == kind
    assert view.layers[0].options.items() >= read.items()


def test_the_schema_agrees_with_the_generated_one() -> None:
    codes = {c: n for n, c in vars(generated.BuiltinOperator).items() if not n.startswith("_")}
    assert dict(enumerate(tflite_schema.OPERATORS)) == codes
    types = {c: n.lower() for n, c in vars(generated.TensorType).items() if not n.startswith("_")}
    assert dict(enumerate(tflite_schema.TENSOR_TYPES[: len(types)])) == types  # 2.1 has none of 8 bits with a point
    tables = {c: n for n, c in vars(generated.BuiltinOptions).items() if not n.startswith("_")}
    for number, fields in tflite_schema.option_fields().items():
        made = vars(getattr(generated, f"{tables[number]}T")())
        known, stated = {f.name.replace("_", "") for f in fields}, {n.lower() for n in made}
        assert known <= stated, tables[number]
        assert stated - known <= {"quantspec"}, tables[number]  # LiteRT 2.3's, which no kernel of a camera reads


def test_a_custom_op_has_its_own_name() -> None:
    def change(model: Any) -> None:
        code = model.operatorCodes[2]
        code.builtinCode = code.deprecatedBuiltinCode = generated.BuiltinOperator.CUSTOM
        code.customCode = "FlexErf"

    view = parse_tflite(edited(healthy(), change))
    assert [(layer.op, layer.custom) for layer in view.layers if layer.custom] == [("FlexErf", True)]


def test_a_dynamic_extent_of_the_signature_is_minus_one() -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[0].shapeSignature = np.array([-1, 8, 8, 3], np.int32)

    assert parse_tflite(edited(healthy(), change)).tensors[0].shape == (-1, 8, 8, 3)


def test_constants_are_not_copied() -> None:
    content = one_op(Operator("GATHER", [Tensor.constant("t", np.arange(64, dtype=np.int8)), activation("x", (1,))],
                              [activation("y", (1,))], options("Gather")))  # fmt: skip
    data = next(t.data for t in parse_tflite(content).tensors if t.data is not None)
    assert not data.flags.owndata
    assert not data.flags.writeable


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ("artifact-not-tflite", "TFL3")),
        (b"\x08\x00\x00\x00ONNX", ("artifact-not-tflite", "TFL3")),
        (b"\xff\xff\xff\xffTFL3", ("artifact-damaged",)),
        (b"\x08\x00\x00\x00TFL3", ("artifact-damaged",)),
    ],
)
def test_what_is_no_tflite_file_is_refused(content: bytes, told: tuple[str, ...]) -> None:
    with raises_error(*told):
        parse_tflite(content)


def test_a_missing_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with raises_error("artifact-unreadable", "No such file"):
        read_tflite(tmp_path / "none.tflite")


def test_every_truncation_is_refused_or_read() -> None:
    content = healthy()
    for length in range(0, len(content), 7):
        survives(content[:length])


def test_thousands_of_references_to_one_long_vector_are_refused() -> None:
    """A file of 0.8 MB that unfolds into ten billion numbers if a reader believes it."""
    count = 100_000
    with raises_error("artifact-damaged", "over and over"):
        parse_tflite(one_tensor_many_times(count, signature_length=count))  # believed, it would take hours


def test_more_tables_than_any_model_has_are_refused() -> None:
    with raises_error("artifact-damaged", "200000"):
        parse_tflite(one_tensor_many_times(200_000, signature_length=1))


def one_tensor_many_times(count: int, signature_length: int) -> bytes:
    """A graph of `count` references to one tensor with a long shape signature, laid out by hand."""
    layouts = {  # vtables: own size, the table's size, then where each field lies (0: absent)
        "graph": struct.pack("<HHH", 6, 8, 4),
        "tensor": struct.pack("<HH8H", 20, 8, *[0] * 7, 4),
        "root": struct.pack("<HH5H", 14, 12, 0, 0, 4, 0, 8),
        "buffer": struct.pack("<HH", 4, 4),
    }
    at = dict(zip(layouts, (8, 14, 34, 48), strict=True))
    content = struct.pack("<I4s", 52, b"TFL3") + b"".join(layouts.values())
    content += struct.pack("<iII", 52 - at["root"], 8, 12)  # at 52: subgraphs at 64, buffers at 72
    content += struct.pack("<IIII", 1, 16, 1, 4)  # one subgraph, at 84; one buffer, at 80
    content += struct.pack("<i", 80 - at["buffer"])
    content += struct.pack("<iI", 84 - at["graph"], 4)  # its tensors follow
    first = len(content) + 4
    tensor_at = first + 4 * count
    content += struct.pack("<I", count) + b"".join(struct.pack("<I", tensor_at - first - 4 * i) for i in range(count))
    content += struct.pack("<iI", tensor_at - at["tensor"], 4)
    return content + struct.pack("<I", signature_length) + struct.pack("<i", 1) * signature_length


def test_a_vector_that_claims_more_than_the_file_holds_is_refused() -> None:
    with raises_error("artifact-damaged", "4294967295"):
        TableSource(memoryview(b"\xff\xff\xff\xff" + bytes(64))).vector(0, 4)


def test_constants_of_another_size_than_their_shape_are_refused() -> None:
    def change(model: Any) -> None:
        next(t for t in model.subgraphs[0].tensors if t.name == b"first/w").shape = np.array(
            [1 << 30, 1 << 30], np.int32
        )

    with raises_error("artifact-damaged", "162"):
        parse_tflite(edited(healthy(), change))


def test_weights_in_other_files_are_refused() -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[1].externalBuffer = 1

    with raises_error("artifact-external-weights"):
        parse_tflite(edited(healthy(), change))


def rewired(operator: int, field: str, to_output_of: int) -> Callable[[Any], None]:
    """Lets the first input or output of an operator be what another makes."""

    def change(model: Any) -> None:
        operators = model.subgraphs[0].operators
        numbers = np.array(getattr(operators[operator], field))
        numbers[0] = operators[to_output_of].outputs[0]
        setattr(operators[operator], field, numbers)

    return change


def test_a_loop_is_refused() -> None:
    with raises_error("artifact-damaged", "operator 1", "loop"):
        parse_tflite(edited(healthy(), rewired(1, "inputs", 2)))


def test_an_operator_that_reads_what_it_makes_is_refused() -> None:
    with raises_error("artifact-damaged", "loop"):
        parse_tflite(edited(healthy(), rewired(1, "inputs", 1)))


def test_a_tensor_that_is_made_twice_is_refused() -> None:
    with raises_error("artifact-damaged", "operator 2"):
        parse_tflite(edited(healthy(), rewired(2, "outputs", 1)))


def test_a_few_hundred_mutations_are_refused_or_read() -> None:
    fuzz(healthy(), rounds=600, seed=1)


@pytest.mark.slow
def test_ten_thousand_mutations_are_refused_or_read() -> None:
    fuzz(healthy(), rounds=10_000, seed=2)


@pytest.mark.zoo("axis")
@pytest.mark.slow
@pytest.mark.parametrize("name", AXIS)
def test_mutations_of_published_files_are_refused_or_read(zoo: Path, name: str) -> None:
    fuzz((zoo / "axis" / f"{name}.tflite").read_bytes(), rounds=60, seed=3)


@pytest.mark.zoo("axis")
@pytest.mark.parametrize("name", AXIS)
def test_published_files_are_read_as_by_the_generated_code(zoo: Path, name: str) -> None:
    path = zoo / "axis" / f"{name}.tflite"
    view = read_tflite(path)
    graph = decode(path.read_bytes())
    assert [layer.op for layer in view.layers] == [operator.kind for operator in graph.operators]
    for layer, operator in zip(view.layers, graph.operators, strict=True):
        for index, tensor in zip((*layer.inputs, *layer.outputs), (*operator.inputs, *operator.outputs), strict=True):
            mine = view.tensor(index)
            assert (mine is None) == (tensor is None)
            if mine is None or tensor is None:
                continue
            assert (mine.name, mine.shape, mine.dtype) == (tensor.name, tensor.shape, str(tensor.dtype))
            if tensor.data is not None:
                np.testing.assert_array_equal(mine.data, tensor.data)
            if tensor.quantization is not None:
                assert mine.quantization is not None
                assert mine.quantization == tensor.quantization


def fuzz(content: bytes, *, rounds: int, seed: int) -> None:
    """Change a few bytes or words, or cut; the tables of a file lie at its ends, so that most hits go there."""
    rng = random.Random(seed)
    for _ in range(rounds):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            mutate(damaged, rng)
        survives(bytes(damaged))


def mutate(damaged: bytearray, rng: random.Random) -> None:
    edge = min(len(damaged), 1 << 15)
    at = rng.choice((rng.randrange(len(damaged)), rng.randrange(edge), len(damaged) - 1 - rng.randrange(edge)))
    kind = rng.random()
    if kind < 0.4:
        damaged[at] = rng.randrange(256)
    elif kind < 0.95:
        at &= ~3
        word = rng.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, rng.randrange(1 << 32), rng.randrange(64)))
        damaged[at : at + 4] = struct.pack("<I", word)
    else:
        del damaged[max(at, 8) :]


def survives(content: bytes) -> None:
    """Read it, or refuse it with the one error that is meant for it."""
    try:
        view = parse_tflite(content)
    except ArtifactError:
        return
    assert view.format == "tflite"
