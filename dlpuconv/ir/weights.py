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

from dlpuconv.ir import protobuf
from dlpuconv.ir.protobuf import copy_fields, whole_model
from dlpuconv.ir.weight_file import keep, rest, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt
    import onnx
    import onnx_ir

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
            _put(model.graph.initializers[name], values)
        return model

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

    def declared(self) -> onnx.ModelProto:
        """The model for whoever looks at types and shapes only: its large weights are inputs."""
        import onnx

        bare = onnx.ModelProto()
        bare.CopyFrom(self.proto)
        large = [tensor for tensor in self.proto.graph.initializer if tensor.name in self.weights]
        small = [tensor for tensor in self.proto.graph.initializer if tensor.name not in self.weights]
        del bare.graph.initializer[:]
        bare.graph.initializer.extend(small)
        given = {value.name for value in bare.graph.input}
        bare.graph.input.extend(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            for tensor in large
            if tensor.name not in given
        )
        return bare

    def with_file(self, file: Path) -> onnx.ModelProto:
        """The model with its large weights as ONNX's external data.

        Args:
            file: is written; the model has to be beside it.

        Raises:
            OutputError: there is no room for it.
        """
        import onnx

        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        held = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name in self.weights}
        starts = write(file, ((name, self.weights[name]) for name in held))
        for name, tensor in held.items():
            del tensor.external_data[:]
            said = {"location": file.name, "offset": starts[name], "length": self.weights[name].nbytes}
            for key, value in said.items():
                tensor.external_data.add(key=key, value=str(value))
        return model

    def serialized(self) -> Iterator[bytes | memoryview]:
        """The whole model in pieces: what `to_proto().SerializeToString(deterministic=True)` is, without a copy."""
        for part in whole_model(self.proto, self.weights):
            yield part
            if isinstance(part, memoryview):
                rest()


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
    """A model in two parts; its large weights are copied once, into a file.

    Args:
        model: not changed.

    Raises:
        OutputError: the folder for temporary files has no room for the weights.
    """
    import onnx

    counts = Counter(tensor.name for tensor in model.graph.initializer)
    large = [tensor for tensor in model.graph.initializer if counts[tensor.name] == 1 and _is_large(tensor)]
    weights = keep((tensor.name, onnx.numpy_helper.to_array(tensor)) for tensor in large)
    small = onnx.ModelProto()
    copy_fields(model, small, lambda number: number != protobuf.GRAPH)
    small.graph.SetInParent()
    copy_fields(model.graph, small.graph, lambda number: number != protobuf.INITIALIZER)
    for tensor in model.graph.initializer:
        copy = small.graph.initializer.add()
        if tensor.name in weights:
            copy_fields(tensor, copy, lambda number: number != protobuf.RAW_DATA)
            _say_elsewhere(copy)
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

    held = _large_tensors(graph)
    for name, tensor in held.items():
        weights[name] = read_only(tensor.numpy())
        graph.initializers[name].const_value = onnx_ir.ExternalTensor(
            ELSEWHERE,
            None,
            None,
            dtype=tensor.dtype,
            shape=onnx_ir.Shape(tensor.shape.numpy()),
            name=name,
            doc_string=tensor.doc_string,
            metadata_props=dict(tensor.metadata_props),
        )
    try:
        yield
    finally:
        for name, tensor in held.items():
            graph.initializers[name].const_value = tensor


def _large_tensors(graph: onnx_ir.Graph) -> dict[str, onnx_ir.TensorProtocol]:
    constants = {name: value.const_value for name, value in graph.initializers.items()}
    return {
        name: tensor
        for name, tensor in constants.items()
        if tensor is not None and tensor.nbytes >= LARGE and tensor.dtype.numpy().kind in _KINDS
    }


def _put(value: onnx_ir.Value, values: Array) -> None:
    """Give a constant its values, and leave all that is said of it."""
    import onnx_ir

    said = value.const_value
    assert said is not None
    value.const_value = onnx_ir.Tensor(
        values, name=value.name, doc_string=said.doc_string, metadata_props=dict(said.metadata_props)
    )


def read_only(values: Array) -> Array:
    """The same memory, through which nobody can write."""
    view = values.view()
    view.flags.writeable = False
    return view


def _is_large(tensor: onnx.TensorProto) -> bool:
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL or not tensor.HasField("raw_data"):
        return False
    try:
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError):
        return False
    size = math.prod(tensor.dims) * kind.itemsize
    return kind.kind in _KINDS and min(tensor.dims, default=1) > 0 and size >= LARGE and size == len(tensor.raw_data)


def _say_elsewhere(tensor: onnx.TensorProto) -> None:
    import onnx

    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=ELSEWHERE)
