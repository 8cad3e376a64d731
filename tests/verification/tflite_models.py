"""Tiny TensorFlow Lite files, built here and edited to break one rule each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.ir.affine import Affine
from dlpuconv.scheme import Granularity
from dlpuconv.verification.engine import check
from dlpuconv.verification.rule import Context
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.formats import FileView
    from dlpuconv.verification.rule import Finding, Rule


def activation(
    name: str, shape: Sequence[int], dtype: str = "int8", *, scale: float = 0.05, zero_point: int = 0
) -> Tensor:
    """A quantized activation."""
    return Tensor(name, tuple(shape), np.dtype(dtype), quantization=Affine.of(scale, zero_point))


def plain(name: str, shape: Sequence[int], dtype: str = "float32") -> Tensor:
    """An activation without scale."""
    return Tensor(name, tuple(shape), np.dtype(dtype))


def constant(name: str, values: Any, dtype: str = "int32") -> Tensor:
    """An index tensor."""
    return Tensor.constant(name, np.asarray(values, dtype))


def weights(
    name: str, shape: Sequence[int], scale: float | Sequence[float] = 0.01, *, axis: int = 0, dtype: str = "int8"
) -> Tensor:
    """Quantized weights, the same each time."""
    values = np.random.default_rng(len(name)).integers(1, 100, tuple(shape)).astype(dtype)
    scales = np.atleast_1d(np.asarray(scale, np.float32))
    affine = Affine.along(axis, scales)
    return Tensor(name, tuple(shape), np.dtype(dtype), values, affine)


def bias(name: str, x: Tensor, w: Tensor, channels: int) -> Tensor:
    """A bias with the scale that it must have."""
    assert x.quantization is not None
    assert w.quantization is not None
    affine = Affine.along(0, np.float32(x.quantization.scale) * np.array(w.quantization.scales, np.float32))
    return Tensor(name, (channels,), np.dtype(np.int32), np.zeros(channels, np.int32), affine)


def options(table: str, **fields: Any) -> Any:
    """A schema options object: `options("Conv2D", strideH=1)`."""
    made = getattr(schema, f"{table}OptionsT")()
    for name, value in fields.items():
        assert hasattr(made, name), name
        setattr(made, name, value)
    return made


def conv(
    x: Tensor,
    name: str,
    channels: int,
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    *,
    scale: float | Sequence[float] = 0.01,
    dilation: int = 1,
) -> Operator:
    """CONV_2D with SAME padding, int8."""
    n, h, w, depth = x.shape
    kernels = weights(f"{name}/w", (channels, *kernel, depth), scale)
    made = activation(name, (n, -(-h // stride[0]), -(-w // stride[1]), channels))
    chosen = options("Conv2D", strideH=stride[0], strideW=stride[1], dilationHFactor=dilation, dilationWFactor=dilation)
    return Operator("CONV_2D", [x, kernels, bias(f"{name}/b", x, kernels, channels)], [made], chosen)


def file_of(inputs: Sequence[Tensor], outputs: Sequence[Tensor], *operators: Operator) -> bytes:
    """The file."""
    return encode(Graph(list(inputs), list(outputs), list(operators)))


def one_op(operator: Operator) -> bytes:
    """A file of one operator, whose computed inputs are the file's."""
    given = [t for t in operator.inputs if t is not None and not t.is_constant]
    return file_of(given, operator.outputs, operator)


def healthy() -> bytes:
    """uint8 -> QUANTIZE -> CONV_2D -> CONV_2D -> LOGISTIC -> QUANTIZE -> uint8, all that it should be."""
    x = activation("x", (1, 8, 8, 3), "uint8", scale=1 / 255)
    inner = activation("inner", (1, 8, 8, 3), "int8", scale=1 / 255, zero_point=-128)
    first = conv(inner, "first", 6)
    second = conv(first.output, "second", 6, (1, 1), (2, 2))
    squashed = activation("squashed", (1, 4, 4, 6), "int8", scale=1 / 256, zero_point=-128)
    y = activation("y", (1, 4, 4, 6), "uint8", scale=1 / 256)
    return file_of(
        [x],
        [y],
        Operator("QUANTIZE", [x], [inner]),
        first,
        second,
        Operator("LOGISTIC", [second.output], [squashed]),
        Operator("QUANTIZE", [squashed], [y]),
    )


def edited(content: bytes, change: Callable[[Any], None]) -> bytes:
    """The file after a change to the schema's object model, for what our writer refuses to write."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    change(model)
    builder = flatbuffers.Builder(1 << 12)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor_named(model: Any, name: str) -> Any:
    """A tensor of the object model."""
    return next(t for t in model.subgraphs[0].tensors if t.name == name.encode())


def findings(
    content: bytes | FileView,
    rules: Sequence[Rule],
    *,
    discouraged: Sequence[Granularity] = (),
    asked: Sequence[Granularity] = (),
    file: str = "m.tflite",
    firmware: tuple[int, ...] | None = None,
) -> dict[str, Finding]:
    """What the rules find, by id."""
    view = parse_tflite(content) if isinstance(content, bytes) else content
    context = Context(
        weights=Granularity.PER_TENSOR,
        discouraged=frozenset(discouraged),
        asked=frozenset(asked),
        file=file,
        firmware=firmware,
    )
    return {finding.rule: finding for finding in check(view, rules, context)}
