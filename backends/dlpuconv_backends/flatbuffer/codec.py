"""Bytes of a `.tflite` file <-> `Graph`, through the schema's object API.

This is the writer's side and reads only files that we (or the lowering worker) made; files from others are read by
`dlpuconv.formats`, which trusts nothing.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin import Affine, BackendError
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.scratch import ScratchBuilder

if TYPE_CHECKING:
    import numpy.typing as npt

OP_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
OP_CODES: dict[str, int] = {name: code for code, name in OP_NAMES.items()}
_DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.FLOAT64: np.dtype(np.float64),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT64: np.dtype(np.int64),
    schema.TensorType.UINT8: np.dtype(np.uint8),
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.INT16: np.dtype(np.int16),
    schema.TensorType.BOOL: np.dtype(np.bool_),
    schema.TensorType.UINT32: np.dtype(np.uint32),
}
_TYPE_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_LAST_DEPRECATED_CODE = 127  # schema.fbs: builtin codes up to here are repeated in the deprecated 8-bit field
_OPTION_TYPES: dict[str, int] = {
    name: code for name, code in vars(schema.BuiltinOptions).items() if not name.startswith("_")
}
_LOWEST_VERSIONS = {"BROADCAST_TO": 2}  # register.cc: version 1 was never a builtin
_ROOM = 512  # bytes that a tensor, an operator or a buffer may take beside its values
_ALIGNMENT = 16  # schema.fbs: `data:[ubyte] (force_align: 16)`, which the generated Python code does not honour


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc] # the generated module is untyped
    """A buffer whose bytes start at a multiple of 16, as readers that map the file expect."""

    def Pack(self, builder: ScratchBuilder) -> int:  # noqa: N802 - the schema's name
        data = self.data
        vector = None
        if data is not None and len(data):
            builder.StartVector(1, len(data), _ALIGNMENT)
            builder.place(memoryview(data))
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


def decode(content: bytes) -> Graph:
    """Read a file of one subgraph.

    Raises:
        BackendError: the file has several subgraphs, custom ops or a tensor type that we do not handle.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    if len(model.subgraphs) != 1:
        raise BackendError(
            f"the lowered model has {len(model.subgraphs)} subgraphs; dlpuconv handles exactly one",
            id="backend-lowering-unusable",
        )
    subgraph = model.subgraphs[0]
    tensors = [_decode_tensor(t, model.buffers) for t in subgraph.tensors]
    operators = [_decode_operator(op, model.operatorCodes, tensors) for op in subgraph.operators or []]
    return Graph([tensors[i] for i in subgraph.inputs], [tensors[i] for i in subgraph.outputs], operators)


def _decode_tensor(t: Any, buffers: list[Any]) -> Tensor:
    if t.type not in _DTYPES:
        raise BackendError(
            f"tensor {t.name!r} of the lowered model has TFLite type {t.type}, which cannot be quantized",
            id="backend-lowering-unusable",
        )
    shape = tuple(int(d) for d in t.shape) if t.shape is not None else ()
    dtype = _DTYPES[t.type]
    raw = buffers[t.buffer].data if t.buffer else None
    empty_constant = raw is None and 0 in shape
    data = None
    if raw is not None and len(raw):
        data = np.frombuffer(np.ascontiguousarray(raw, np.uint8).tobytes(), dtype).reshape(shape)
    elif empty_constant:
        data = np.zeros(shape, dtype)
    return Tensor(_text(t.name), shape, dtype, data, _decode_quantization(t.quantization))


def _decode_quantization(q: Any) -> Affine | None:
    if q is None or q.scale is None or not len(q.scale):
        return None
    zero_points = 0 if q.zeroPoint is None else q.zeroPoint
    return replace(Affine.along(0, q.scale, zero_points), axis=int(q.quantizedDimension))


def _decode_operator(op: Any, codes: list[Any], tensors: list[Tensor]) -> Operator:
    code = codes[op.opcodeIndex]
    kind = OP_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    if kind == "CUSTOM":
        raise BackendError(
            f"the lowered model holds the custom op {_text(code.customCode)!r}, which cannot be quantized",
            id="backend-lowering-unusable",
        )
    inputs = [tensors[i] if i >= 0 else None for i in op.inputs]
    return Operator(kind, inputs, [tensors[i] for i in op.outputs], op.builtinOptions)


def encode(graph: Graph, versions: dict[Operator, int] | None = None) -> bytes:
    """Write a file: same graph, same bytes.

    Args:
        graph: topologically sorted.
        versions: op version by operator; the lowest that there is where it is missing.
    """
    return bytes(encoded(graph, versions))


def encoded(graph: Graph, versions: dict[Operator, int] | None = None) -> memoryview:
    """The same as a mapped file, which takes memory only where it is read: for graphs whose weights are large."""
    tensors = graph.tensors()
    number = {t: i for i, t in enumerate(tensors)}
    buffers: list[Any] = [_AlignedBuffer()]  # buffer 0 is empty by convention
    subgraph = schema.SubGraphT()
    subgraph.name = "main"
    subgraph.tensors = [_encode_tensor(t, buffers) for t in tensors]
    subgraph.inputs = np.array([number[t] for t in graph.inputs], np.int32)
    subgraph.outputs = np.array([number[t] for t in graph.outputs], np.int32)
    codes: dict[tuple[str, int], int] = {}
    chosen = {op: (versions or {}).get(op, _LOWEST_VERSIONS.get(op.kind, 1)) for op in graph.operators}
    subgraph.operators = [_encode_operator(op, version, number, codes) for op, version in chosen.items()]
    model = schema.ModelT()
    model.version = 3
    model.description = graph.description
    model.operatorCodes = [_encode_code(*key) for key in codes]
    model.subgraphs = [subgraph]
    model.metadata = [_encode_metadata(name, content, buffers) for name, content in sorted(graph.metadata.items())]
    model.buffers = buffers
    builder = _builder(sum(map(_room, buffers)) + _ROOM * (1 + len(tensors) + len(graph.operators)))
    builder.Finish(model.Pack(builder), b"TFL3")
    return builder.whole()


def _builder(expected: int) -> ScratchBuilder:
    try:
        return ScratchBuilder(expected)
    except OSError as error:
        raise _no_room(error) from error


def _room(buffer: Any) -> int:
    return _ROOM + (0 if buffer.data is None else len(buffer.data))


def _no_room(error: OSError) -> BackendError:
    return BackendError(
        f"the float TFLite file cannot be written to {tempfile.gettempdir()}: {error.strerror or error}"
        " (set TMPDIR to use another folder)",
        id="backend-temporary-folder",
    )


def _encode_tensor(tensor: Tensor, buffers: list[Any]) -> Any:
    t = schema.TensorT()
    t.name = tensor.name
    t.shape = np.array(tensor.shape, np.int32)
    t.type = _TYPE_CODES[np.dtype(tensor.dtype)]
    t.buffer = 0
    if tensor.data is not None:
        t.buffer = len(buffers)
        buffers.append(_buffer(np.ascontiguousarray(tensor.data).reshape(-1).view(np.uint8)))
    if tensor.quantization is not None:
        q = schema.QuantizationParametersT()
        q.scale = np.array(tensor.quantization.scales, np.float32)
        q.zeroPoint = np.array(tensor.quantization.zero_points, np.int64)
        q.quantizedDimension = tensor.quantization.axis
        t.quantization = q
    return t


def _encode_operator(op: Operator, version: int, number: dict[Tensor, int], codes: dict[tuple[str, int], int]) -> Any:
    o = schema.OperatorT()
    o.opcodeIndex = codes.setdefault((op.kind, version), len(codes))
    o.inputs = np.array([-1 if t is None else number[t] for t in op.inputs], np.int32)
    o.outputs = np.array([number[t] for t in op.outputs], np.int32)
    if op.options is not None:
        o.builtinOptions = op.options
        o.builtinOptionsType = _OPTION_TYPES[type(op.options).__name__.removesuffix("T")]
    return o


def _encode_code(kind: str, version: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = OP_CODES[kind]
    code.deprecatedBuiltinCode = min(OP_CODES[kind], _LAST_DEPRECATED_CODE)
    code.version = version
    return code


def _encode_metadata(name: str, content: bytes, buffers: list[Any]) -> Any:
    m = schema.MetadataT()
    m.name = name
    m.buffer = len(buffers)
    buffers.append(_buffer(np.frombuffer(content, np.uint8)))
    return m


def _buffer(content: npt.NDArray[np.uint8]) -> Any:
    b = _AlignedBuffer()
    b.data = content
    return b


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
