"""The in-memory graph and its file: nothing is lost, and the same graph gives the same bytes."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.ir.affine import Affine
from dlpuconv_backends.flatbuffer.codec import decode, encode, encoded
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor, content_key
from tests.backends.cleanup.graphs import Builder, kinds, run
from tests.error_ids import raises_error

if TYPE_CHECKING:
    import pytest


def network() -> Graph:
    b = Builder()
    x = b.input(1, 6, 6, 2)
    y = b.op("MAX_POOL_2D", [b.conv(x, 3, 3)], (1, 3, 3, 3))
    y = b.op("FULLY_CONNECTED", [b.reshape(y, 1, 27), b.values(4, 27), None], (1, 4))
    return b.graph(y, b.op("ABS", [x], x.shape))


def test_a_file_read_back_computes_the_same() -> None:
    graph = network()
    again = decode(encode(graph))
    assert kinds(again) == kinds(graph)
    assert [t.name for t in again.outputs] == [t.name for t in graph.outputs]
    assert again.operators[3].inputs[2] is None
    for one, two in zip(run(graph), run(again), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_same_graph_gives_the_same_bytes_and_so_does_its_copy() -> None:
    content = encode(network())
    assert encode(network()) == content
    assert encode(decode(content)) == content


def test_constants_are_aligned_to_16_bytes() -> None:
    graph = network()
    content = encode(graph)
    for tensor in graph.tensors():
        if tensor.data is not None and tensor.data.size > 8:
            assert content.index(tensor.data.tobytes()) % 16 == 0


def test_quantization_survives() -> None:
    x = Tensor("x", (1, 2), np.dtype(np.int8), quantization=Affine.of(0.5, -3))
    w = Tensor.constant("w", np.zeros((3, 2), np.int8))
    w.quantization = Affine.along(0, [1, 2, 3])
    y = Tensor("y", (1, 3), np.dtype(np.int8), quantization=Affine.of(0.25, 7))
    graph = Graph([x], [y], [Operator("FULLY_CONNECTED", [x, w, None], [y], schema.FullyConnectedOptionsT())])
    again = decode(encode(graph))
    assert again.inputs[0].quantization is not None
    assert again.inputs[0].quantization == Affine.of(0.5, -3)
    weights = again.operators[0].input(1).quantization
    assert weights is not None
    assert weights.per_channel
    assert weights.scales == (1, 2, 3)


def test_versions_are_written_and_never_below_the_first_that_exists() -> None:
    b = Builder()
    x = b.input(1, 2)
    y = b.op("ABS", [b.op("BROADCAST_TO", [x, np.array([3, 2], np.int32)], (3, 2))], (3, 2))
    graph = b.graph(y)
    model = schema.ModelT.InitFromPackedBuf(encode(graph, {graph.operators[1]: 2}), 0)
    assert [code.version for code in model.operatorCodes] == [2, 2]


def test_metadata_is_kept_by_name() -> None:
    graph = network()
    graph.metadata["min_runtime_version"] = b"1.14.0"
    model = schema.ModelT.InitFromPackedBuf(encode(graph), 0)
    assert [m.name for m in model.metadata] == [b"min_runtime_version"]


def test_a_custom_operator_is_refused() -> None:
    b = Builder()
    graph = b.graph(b.op("ABS", [b.input(1, 2)], (1, 2)))
    model = schema.ModelT.InitFromPackedBuf(encode(graph), 0)
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].customCode = "FlexErf"
    import flatbuffers

    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    with raises_error("backend-lowering-unusable", "FlexErf"):
        decode(bytes(builder.Output()))


def test_dead_operators_go_and_kept_ones_stay() -> None:
    b = Builder()
    x = b.input(1, 2)
    dead = b.op("NEG", [x], (1, 2))
    graph = b.graph(b.op("ABS", [x], (1, 2)))
    graph.operators.append(Operator("EXP", [dead], [Tensor("e", (1, 2), np.dtype(np.float32))]))
    graph.drop_dead(keep=lambda op: op.kind == "NEG")
    assert kinds(graph) == ["NEG", "ABS"]


def test_large_weights_go_through_a_file_and_come_out_as_they_were() -> None:
    weights = np.arange(1 << 20, dtype=np.float32)
    given = Tensor("x", (1 << 20,), np.dtype(np.float32))
    made = Tensor("y", (1 << 20,), np.dtype(np.float32))
    graph = Graph(
        [given], [made], [Operator("ADD", [given, Tensor.constant("w", weights)], [made], schema.AddOptionsT())]
    )
    content = encoded(graph)
    assert isinstance(content.obj, mmap.mmap)
    assert bytes(content) == encode(graph)
    (back,) = (tensor.data for tensor in decode(bytes(content)).tensors() if tensor.data is not None)
    np.testing.assert_array_equal(back, weights)


def test_more_text_than_expected_is_written_all_the_same() -> None:
    given, made = (Tensor(name * (1 << 18), (1,), np.dtype(np.float32)) for name in "xy")
    graph = Graph([given], [made], [Operator("NEG", [given], [made], schema.NegOptionsT())])
    assert [tensor.name for tensor in decode(encode(graph)).tensors()] == [given.name, made.name]


def test_a_full_disk_is_told_of_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    encode(network())  # a small one needs no file
    large = Tensor.constant("large", np.zeros(1 << 19, np.float32))
    with raises_error("backend-temporary-folder", "No space left on device", "TMPDIR"):
        encode(Graph([], [large], []))


def test_the_key_of_a_constant_tells_its_bytes_apart() -> None:
    ones, more = np.ones(100, np.float32), np.ones((100, 2), np.float32)
    assert content_key(ones) == content_key(more[:, 0])
    assert content_key(ones) != content_key(ones * 2)
    assert content_key(ones[:2]) == ones[:2].tobytes()
    assert len(content_key(more)) == 32
