"""protobuf's wire format, as far as it takes to write a model around weights that were never in protobuf.

A message is its fields in the order of their numbers; a field is a tag (its number, and whether a length follows), the
length of a message or of bytes, and the content (https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt
    import onnx
    from google.protobuf.message import Message  # type: ignore[import-untyped] # it brings no types

    type Array = npt.NDArray[Any]

GRAPH: Final = 7
INITIALIZER: Final = 5
RAW_DATA: Final = 9
"""Field numbers in onnx.proto."""

_CHUNK: Final = 16 << 20


def whole_model(proto: onnx.ModelProto, weights: Mapping[str, Array]) -> Iterator[bytes | memoryview]:
    """What protobuf would serialize, if the weights were in the model; piece by piece.

    Args:
        proto: the model; initializers of the main graph whose values are in `weights` are said to be external.
        weights: values by name.
    """
    head, tail = _around(proto, GRAPH)
    yield head
    yield from _graph(proto.graph, weights)
    yield tail


def _graph(graph: onnx.GraphProto, weights: Mapping[str, Array]) -> Iterator[bytes | memoryview]:
    head, tail = _around(graph, INITIALIZER)
    tensors = [_Tensor(tensor, weights.get(tensor.name)) for tensor in graph.initializer]
    sizes = [_tag(INITIALIZER, tensor.size) for tensor in tensors]
    yield _tag(GRAPH, len(head) + len(tail) + sum(map(len, sizes)) + sum(tensor.size for tensor in tensors))
    yield head
    for tensor, size in zip(tensors, sizes, strict=True):
        yield size
        yield from tensor.parts()
    yield tail


class _Tensor:
    """One initializer, with its values or, where they are given, around them."""

    def __init__(self, tensor: onnx.TensorProto, values: Array | None) -> None:
        import onnx

        self._values, self._head, self._tail = values, b"", b""
        if values is None:
            self._head = tensor.SerializeToString(deterministic=True)
        else:
            bare = onnx.TensorProto()
            bare.CopyFrom(tensor)
            bare.ClearField("data_location")
            del bare.external_data[:]
            self._head, self._tail = _around(bare, RAW_DATA)
            self._head += _tag(RAW_DATA, values.nbytes)
        self.size = len(self._head) + len(self._tail) + (0 if values is None else values.nbytes)

    def parts(self) -> Iterator[bytes | memoryview]:
        yield self._head
        if self._values is not None:
            content = memoryview(np.ascontiguousarray(self._values).reshape(-1).view(np.uint8))
            yield from (content[begin : begin + _CHUNK] for begin in range(0, len(content), _CHUNK))
        yield self._tail


def _around(message: Message, field: int) -> tuple[bytes, bytes]:
    """What comes before a field and behind it."""
    return _only(message, lambda number: number < field), _only(message, lambda number: number > field)


def _only(message: Message, wanted: Callable[[int], bool]) -> bytes:
    """Some fields of a message, serialized."""
    part = type(message)()
    copy_fields(message, part, wanted)
    return bytes(part.SerializeToString(deterministic=True))


def copy_fields(source: Message, copy: Message, wanted: Callable[[int], bool]) -> None:
    """Copy the fields whose numbers are wanted; `CopyFrom` copies all."""
    for descriptor, value in source.ListFields():
        if not wanted(descriptor.number):
            continue
        if hasattr(value, "extend"):  # however this version of protobuf says that a field is repeated
            getattr(copy, descriptor.name).extend(value)
        elif descriptor.message_type is not None:
            getattr(copy, descriptor.name).CopyFrom(value)
        else:
            setattr(copy, descriptor.name, value)


def _tag(field: int, size: int) -> bytes:
    """What stands in front of a field of bytes: its number, that a length follows, and the length."""
    return _varint(field << 3 | 2) + _varint(size)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
