"""`.onnx` -> `FileView`: the graph as it stands, for `inspect` and for the rules of float targets."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.files import read_file
from dlpuconv.formats.kinds import ONNX
from dlpuconv.formats.onnx_scales import with_scales
from dlpuconv.formats.onnx_shapes import value_types
from dlpuconv.formats.onnx_worker import warm_up
from dlpuconv.formats.view import FileView, LayerView, TensorView
from dlpuconv.ir.layer_names import LayerNames, tell_apart
from dlpuconv.ir.module_path import SCOPES, module_paths
from dlpuconv.ir.weight_file import trim
from dlpuconv.ir.weights import split_proto

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import onnx

    from dlpuconv.formats.onnx_shapes import ValueTypes
    from dlpuconv.formats.view import Option
    from dlpuconv.ir.weights import Split

_LARGEST_FILE = (1 << 31) - 1  # protobuf's
_NONE: Final[Mapping[str, npt.NDArray[np.generic]]] = MappingProxyType({})
_DEFAULT_DOMAINS = frozenset({"", "ai.onnx"})


def read_onnx(path: Path) -> FileView:
    """Read an `.onnx` file; weights in other files are not opened.

    Raises:
        ArtifactError: the file cannot be read, is no ONNX model, or is more than ONNX's own inference survives.
    """
    warm_up()  # it loads ONNX while this process does
    model = parse_onnx(read_file(path, _LARGEST_FILE), path.name)
    try:
        split = split_proto(model)
    except UnicodeDecodeError as error:
        raise ArtifactError(
            f"{path.name}: the file is damaged: a text in it is not UTF-8", id="artifact-damaged"
        ) from error
    del model
    trim()
    try:
        view = view_of(split.proto, split.weights)
    except ArtifactError as error:
        raise ArtifactError(f"{path.name}: {error}", id=error.id) from error
    return replace(view, optimizer=partial(optimized, path))


def parse_onnx(content: bytes, name: str) -> onnx.ModelProto:
    """The model in a file that a stranger may have made.

    Args:
        content: of the file.
        name: of the file.

    Raises:
        ArtifactError: it is not an ONNX model, or holds names that are not text.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # it brings no types

    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(content)
    except (DecodeError, ValueError) as error:
        raise ArtifactError(f"{name}: not an ONNX file: {error}", id="artifact-not-onnx") from error
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise ArtifactError(f"{name}: not an ONNX file: it holds no graph", id="artifact-not-onnx")
    if not all(isinstance(text, str) for text in _texts(model)):  # protobuf gives bytes where text is no UTF-8
        raise ArtifactError(f"{name}: the file is damaged: a name in it is not UTF-8", id="artifact-damaged")
    return model


def _texts(model: onnx.ModelProto) -> Iterable[object]:
    graph = model.graph
    for node in graph.node:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
        yield from (text for entry in node.metadata_props for text in (entry.key, entry.value))
    yield from (value.name for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer))
    yield from (entry.domain for entry in model.opset_import)
    yield from (text for entry in model.metadata_props for text in (entry.key, entry.value))
    yield from (model.producer_name, model.producer_version)


def view_of(model: onnx.ModelProto, weights: Mapping[str, npt.NDArray[np.generic]] = _NONE) -> FileView:
    """The main graph of a model; what subgraphs hold is counted, not shown.

    Args:
        model: not changed.
        weights: values by name of initializers that are not in it.

    Raises:
        ArtifactError: it is more than ONNX's own inference survives.
    """
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    tensors = _Tensors(model.graph, weights, value_types(model))
    layers = [_layer(index, node, opsets, tensors) for index, node in enumerate(model.graph.node)]
    names = tell_apart([layer.names for layer in layers])
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = tuple(tensors.index(value.name) for value in model.graph.input if value.name not in constants)
    outputs = tuple(tensors.index(value.name) for value in model.graph.output)
    return FileView(
        format=ONNX.name,
        inputs=inputs,
        outputs=outputs,
        tensors=with_scales(tensors.found, layers),
        layers=tuple(replace(layer, names=told) for layer, told in zip(layers, names, strict=True)),
        subgraphs=1 + sum(_subgraphs(node) for node in model.graph.node),
        metadata=_metadata(model, opsets),
    )


def optimized(model: Path | Split, name: str = "the model") -> FileView:
    """The graph that ONNX Runtime runs of a model on a processor, with the fusions of its level EXTENDED.

    Args:
        model: a file, or a model in two parts.
        name: for messages, where there is no file name.

    Raises:
        RefusedModelError: ONNX Runtime refuses it.
        EndedError: it crashes on the model.
        TooMuchError: it takes more than it may.
        ArtifactError: no process can be started, or the result cannot be read.
    """
    from dlpuconv.formats.ort_worker import optimize

    with optimize(model, name) as file:
        return replace(read_onnx(file), optimizer=None)


class _Tensors:
    """Every value of the graph by name, numbered in order of first mention."""

    def __init__(
        self, graph: onnx.GraphProto, weights: Mapping[str, npt.NDArray[np.generic]], types: ValueTypes
    ) -> None:
        self.found: list[TensorView] = []
        self._index: dict[str, int] = {}
        self._types = types
        for tensor in graph.initializer:
            self._add(
                TensorView(
                    index=len(self.found),
                    name=tensor.name,
                    shape=tuple(tensor.dims),
                    dtype=_dtype(tensor.data_type),
                    constant=True,
                    data=weights[tensor.name] if tensor.name in weights else _values(tensor),
                )
            )

    def index(self, name: str) -> int:
        """The number of a value; -1 for the empty name of an absent input."""
        if not name:
            return -1
        if name not in self._index:
            value = self._types.declared.get(name)
            shape, dtype = ((), "unknown") if value is None else _declared(value)
            claimed = name in self._types.claimed
            self._add(TensorView(index=len(self.found), name=name, shape=shape, dtype=dtype, claimed=claimed))
        return self._index[name]

    def is_constant(self, name: str) -> bool:
        """Whether the file holds the values of this name."""
        return name in self._index and self.found[self._index[name]].constant

    def _add(self, tensor: TensorView) -> None:
        self._index[tensor.name] = tensor.index
        self.found.append(tensor)


def _declared(value: onnx.ValueInfoProto) -> tuple[tuple[int, ...], str]:
    if not value.type.HasField("tensor_type"):
        return (), value.type.WhichOneof("value") or "unknown"
    tensor = value.type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim)
    return shape, _dtype(tensor.elem_type)


def _dtype(number: int) -> str:
    """The lower-case name, `float32` for ONNX's FLOAT and `float64` for its DOUBLE."""
    import onnx

    try:
        name = str(onnx.TensorProto.DataType.Name(number)).lower()
    except ValueError:
        return f"unknown ({number})"
    return {"float": "float32", "double": "float64"}.get(name, name)


def _values(tensor: onnx.TensorProto) -> npt.NDArray[np.generic] | None:
    """The values; None where they lie in another file or are damaged."""
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.data_type == onnx.TensorProto.STRING:
        return None
    try:
        values: npt.NDArray[np.generic] = onnx.numpy_helper.to_array(tensor)
    except (TypeError, ValueError, KeyError):
        return None
    return values


def _layer(index: int, node: onnx.NodeProto, opsets: dict[str, int], tensors: _Tensors) -> LayerView:
    outputs = tuple(tensors.index(name) for name in node.output if name)
    return LayerView(
        index=index,
        op=node.op_type,
        version=opsets.get(node.domain, opsets.get("ai.onnx", 0) if not node.domain else 0),
        custom=node.domain not in _DEFAULT_DOMAINS,
        inputs=tuple(tensors.index(name) for name in node.input),
        outputs=outputs,
        options=dict(_options(node.attribute)),
        names=_names(node, tensors) or LayerNames(tensor=f"{node.op_type}:{index}"),
    )


def _names(node: onnx.NodeProto, tensors: _Tensors) -> LayerNames | None:
    """What the file calls a node; None where it does not."""
    if not node.name and not any(node.output):
        return None
    scopes = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), "")
    constants = (name for name in node.input if tensors.is_constant(name))
    return LayerNames(
        tensor=node.output[0] if node.output else "",
        nodes=(node.name,) if node.name else (),
        modules=module_paths(node.name, scopes, constants),
        values=tuple(filter(None, node.output)),
    )


def _options(attributes: Iterable[onnx.AttributeProto]) -> Iterable[tuple[str, Option]]:
    import onnx

    for attribute in attributes:
        if attribute.type == onnx.AttributeProto.INT:
            yield attribute.name, int(attribute.i)
        elif attribute.type == onnx.AttributeProto.FLOAT:
            yield attribute.name, float(attribute.f)
        elif attribute.type == onnx.AttributeProto.STRING:
            yield attribute.name, attribute.s.decode("utf-8", "replace")
        elif attribute.type == onnx.AttributeProto.INTS:
            yield attribute.name, tuple(attribute.ints)
        else:
            yield attribute.name, f"<{onnx.AttributeProto.AttributeType.Name(attribute.type).lower()}>"


def _subgraphs(node: onnx.NodeProto) -> int:
    import onnx

    return sum(attribute.type == onnx.AttributeProto.GRAPH for attribute in node.attribute)


def _metadata(model: onnx.ModelProto, opsets: dict[str, int]) -> dict[str, str]:
    found = {
        "opset": ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in opsets.items()),
        "ir_version": str(model.ir_version),
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
    }
    return {key: value for key, value in found.items() if value} | {p.key: p.value for p in model.metadata_props}
