"""Only a DlpuconvError may leave, in little memory, whatever the bytes are."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlpuconv.errors import DlpuconvError, ModelError
from tests.allocation import allocated_at_most
from tests.error_ids import raises_error
from tests.frontends.support import chain, conv, node, read
from tests.frontends.test_functions import branch, calls, function, squeezing

_CHANGES = 600


def ones(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ones(shape, np.float32)


def _models() -> list[bytes]:
    double = function("D", node("Add", ["a", "a"], ["b"]))
    sizes = {
        "p": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "t": np.array([1, 2, 1, 1]),
        "s": np.array([1, 1, 2, 2], np.float32),
    }
    spread = [
        node("Resize", ["x", "", "s"], ["r"]), node("Pad", ["r", "p"], ["q"]), node("Tile", ["q", "t"], ["u"]),
        node("MaxPool", ["u"], ["y"], kernel_shape=[2, 2]),
    ]  # fmt: skip
    protos = [
        conv(),
        squeezing((1, 3, 4)),
        chain(*calls("D", "D"), functions=[double], domains={"mine": 1}),
        chain(*spread, shape=(1, 3, 4, 4), weights=sizes),
    ]
    return [proto.SerializeToString() for proto in protos]


def _changed(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at, other = rng.randrange(len(data)), rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                del data[at : min(at + rng.randrange(1, 8), len(data) - 1)]
            case _:
                data[at : at + rng.randrange(1, 20)] = data[other : other + rng.randrange(1, 20)] or b"\0"
    return bytes(data)


def _read(content: bytes) -> None:
    with contextlib.suppress(DlpuconvError):
        read(content)


def test_changed_bytes_raise_nothing_else() -> None:
    rng = random.Random(7)
    models = _models()
    for _ in range(_CHANGES):
        _read(_changed(rng.choice(models), rng))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(content: bytes) -> None:
    _read(content)


def test_memory_does_not_follow_what_a_file_declares() -> None:
    with allocated_at_most(64 << 20):
        _read_what_declares_much()


def _read_what_declares_much() -> None:
    for name, weights in (
        ("Tile", {"a": np.array([2**31, 2**31])}),
        ("Expand", {"a": np.array([2**40, 4])}),
        ("Pad", {"a": np.array([0, 0, 0, 2**50])}),
        ("Reshape", {"a": np.array([2**40, -1])}),
    ):
        with pytest.raises(DlpuconvError):
            read(chain(node(name, ["x", "a"], ["y"]), weights=weights))
    ends = {name: np.array(number, np.float32) for name, number in (("a", 0.0), ("b", 1e12), ("c", 1.0))}
    with raises_error("shape-too-large"):
        read(chain(node("Range", ["a", "b", "c"], ["r"]), node("Add", ["x", "r"], ["y"]), shape=(1,), weights=ends))


@pytest.mark.parametrize(
    "proto",
    [
        chain(node("Conv", ["x", "w"], ["y"]), shape=(1, 1), weights={"w": ones(1, 1, 1)}),
        chain(node("Conv", ["x", "w"], ["y"]), shape=(1, 1, 4), weights={"w": ones(1, 1, 1, 1, 1)}),
        chain(
            node("Conv", ["x", "w"], ["y"], kernel_shape=[9, 9]), shape=(1, 1, 4, 4), weights={"w": ones(1, 1, 1, 1)}
        ),
        chain(node("Conv", ["x", "x"], ["y"]), shape=(1, 1, 4, 4)),
        chain(node("ConvTranspose", ["x", "w"], ["y"]), shape=(1, 1, 4, 4), weights={"w": ones(1)}),
        chain(node("Conv", ["x", "w"], ["y"], strides=[0, 0]), shape=(1, 1, 4, 4), weights={"w": ones(1, 1, 1, 1)}),
        chain(node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[0, 0]), shape=(1, 1, 4, 4)),
        chain(node("DepthToSpace", ["x"], ["y"], blocksize=0), shape=(1, 4, 4, 4)),
        chain(node("Split", ["x"], ["y"], num_outputs=2**30), opset=18),
        chain(node("OneHot", ["x", "w", "x"], ["y"]), weights={"w": ones(0)}),
        chain(node("RNN", ["x", "x", "x"], ["z"]), node("EyeLike", ["z"], ["y"])),
        chain(node("HannWindow", ["n"], ["h"]), node("Add", ["x", "h"], ["y"]), weights={"n": np.array(2**40)}),
        chain(
            node("ConstantOfShape", ["n"], ["s"], value=onnx.numpy_helper.from_array(np.array([1]))),
            node("Reshape", ["x", "s"], ["y"]),
            weights={"n": np.array([10**9])},
        ),
    ],
    ids=lambda proto: proto.graph.node[0].op_type,
)
@pytest.mark.slow
def test_what_ends_or_fills_the_process_in_onnxs_own_inference_is_an_error(proto: onnx.ModelProto) -> None:
    with pytest.raises(ModelError):
        read(proto)


def test_graphs_within_graphs_a_hundred_deep_are_refused() -> None:
    """Built from bytes, since protobuf's own Python refuses to build it."""

    def field(number: int, content: bytes) -> bytes:
        length = len(content)
        size = b""
        while length >= 128:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    for depth in (10, 20, 31, 100, 2000):
        graph = branch("leaf", node("Neg", ["x"], ["b"])).SerializeToString()
        for _ in range(depth):
            attribute = field(1, b"then_branch") + field(6, graph) + b"\xa0\x01\x05"
            graph = field(1, field(1, b"yes") + field(2, b"b") + field(4, b"If") + field(5, attribute))
        with pytest.raises(ModelError):
            read(conv().SerializeToString() + field(7, graph))
