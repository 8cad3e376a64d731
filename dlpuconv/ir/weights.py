"""A model in two parts: a small protobuf, and the values of its large initializers as arrays that are never copied.

protobuf copies what is put into it and what is read out of it, and whoever serializes a model copies all of it again:
a gigabyte of weights becomes five. The small part costs nothing to copy, and what takes arrays takes them as they are
(ONNX Runtime by `SessionOptions.add_external_initializers`).
"""

from __future__ import annotations

import math
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    import onnx
    import onnx_ir
    from google.protobuf.message import Message  # type: ignore[import-untyped] # it brings no types

    type Array = npt.NDArray[Any]

LARGE: Final = 1 << 16
"""Bytes from which an initializer is kept outside of protobuf."""

ELSEWHERE: Final = "weights"
"""What the small part says of where values are. There is no such file: only this module knows them."""

_KINDS: Final = "fiub"  # what numpy itself holds as the file does; smaller floats and halves of bytes stay in protobuf


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A model in two parts.

    Attributes:
        proto: the model. Large initializers of its main graph hold no values, and are said to be external.
        weights: their values by name, each of the initializer's shape and dtype; read-only.
    """

    proto: onnx.ModelProto = field(repr=False)
    weights: Mapping[str, Array] = field(repr=False)

    def to_graph(self) -> onnx_ir.Model:
        """The model as a graph of its own, which shares the arrays."""
        import onnx_ir

        model = onnx_ir.from_proto(self.proto)
        for name, values in self.weights.items():
            model.graph.initializers[name].const_value = onnx_ir.Tensor(values, name=name)
        return model

    def without_weights(self) -> onnx.ModelProto:
        """A copy of the small part in which the large initializers are inputs, for whoever asks for shapes alone."""
        import onnx

        bare = onnx.ModelProto()
        bare.CopyFrom(self.proto)
        del bare.graph.initializer[:]
        given = {value.name for value in bare.graph.input}
        for tensor in self.proto.graph.initializer:
            if tensor.name not in self.weights:
                bare.graph.initializer.append(tensor)
            elif tensor.name not in given:
                bare.graph.input.append(
                    onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
                )
        return bare

    def to_proto(self) -> onnx.ModelProto:
        """The model in one part: a copy of everything."""
        import onnx

        whole = onnx.ModelProto()
        whole.CopyFrom(self.proto)
        for tensor in whole.graph.initializer:
            if tensor.name in self.weights:
                tensor.raw_data = self.weights[tensor.name].tobytes()
                tensor.ClearField("data_location")
                del tensor.external_data[:]
        return whole


def split_graph(model: onnx_ir.Model) -> Split:
    """A graph in two parts, without a copy of large weights that are arrays already.

    Args:
        model: not changed.
    """
    import onnx_ir

    weights: dict[str, Array] = {}
    with _lifted(model.graph, weights):
        return Split(proto=onnx_ir.to_proto(model), weights=weights)


def split_proto(model: onnx.ModelProto) -> Split:
    """A model in two parts; its large weights are copied once.

    Args:
        model: not changed, and no longer needed.
    """
    import onnx

    names = Counter(tensor.name for tensor in model.graph.initializer)
    weights: dict[str, Array] = {}
    small = onnx.ModelProto()
    _copy_fields(model, small, but="graph")
    small.graph.SetInParent()
    _copy_fields(model.graph, small.graph, but="initializer")
    for tensor in model.graph.initializer:
        copy = small.graph.initializer.add()
        if _is_large(tensor) and names[tensor.name] == 1:
            _copy_fields(tensor, copy, but="raw_data")
            _say_elsewhere(copy)
            weights[tensor.name] = onnx.numpy_helper.to_array(tensor)
        else:
            copy.CopyFrom(tensor)
    return Split(proto=small, weights=weights)


@contextmanager
def _lifted(graph: onnx_ir.Graph, weights: dict[str, Array]) -> Iterator[None]:
    """Large initializers without values, as long as this lasts.

    Args:
        graph: changed for as long.
        weights: filled with the values by name.
    """
    import onnx_ir

    held: dict[onnx_ir.Value, onnx_ir.TensorProtocol] = {}
    for value in graph.initializers.values():
        tensor = value.const_value
        if tensor is None or value.name is None or tensor.nbytes < LARGE or tensor.dtype.numpy().kind not in _KINDS:
            continue
        held[value] = tensor
        weights[value.name] = read_only(tensor.numpy())
        value.const_value = onnx_ir.ExternalTensor(
            ELSEWHERE,
            None,
            None,
            dtype=tensor.dtype,
            shape=onnx_ir.Shape(tensor.shape.numpy()),
            name=value.name,
            doc_string=tensor.doc_string,
            metadata_props=dict(tensor.metadata_props),
        )
    try:
        yield
    finally:
        for value, tensor in held.items():
            value.const_value = tensor


def read_only(values: Array) -> Array:
    """The same memory, through which nobody can write."""
    view = values.view()
    view.flags.writeable = False
    return view


def _is_large(tensor: onnx.TensorProto) -> bool:
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL or not tensor.HasField("raw_data"):
        return False
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return kind.kind in _KINDS and math.prod(tensor.dims) * kind.itemsize >= LARGE


def _say_elsewhere(tensor: onnx.TensorProto) -> None:
    import onnx

    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=ELSEWHERE)


def _copy_fields(source: Message, copy: Message, *, but: str) -> None:
    """Copy all that is set except for one field: `CopyFrom` would copy that as well."""
    for descriptor, value in source.ListFields():
        if descriptor.name == but:
            continue
        if hasattr(value, "extend"):  # however this version of protobuf says that a field is repeated
            getattr(copy, descriptor.name).extend(value)
        elif descriptor.message_type is not None:
            getattr(copy, descriptor.name).CopyFrom(value)
        else:
            setattr(copy, descriptor.name, value)
