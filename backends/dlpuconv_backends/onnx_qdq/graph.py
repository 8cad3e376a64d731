"""A flat ONNX graph as values: nodes in order, constants as arrays; edits make another one and share the rest."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from dlpuconv.plugin.onnx import ELSEWHERE, LARGE, Split, read_only

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.plugin.onnx import Model

    type Array = npt.NDArray[Any]

FLOAT = np.dtype(np.float32)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is.

    Attributes:
        shape: static extents, as ONNX has them.
        dtype: of its elements.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnxGraph:
    """A graph without subgraphs; never changed, and nobody changes its nodes.

    Attributes:
        nodes: each behind those that make what it reads.
        inputs: names.
        outputs: names.
        kinds: of the values, constants too.
        constants: values by name.
        opset: of the default domain.
    """

    nodes: tuple[onnx.NodeProto, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kinds: Mapping[str, Kind] = field(repr=False)
    constants: Mapping[str, Array] = field(repr=False)
    opset: int

    @classmethod
    def of(cls, model: Model) -> OnnxGraph:
        """A model's own; its arrays are shared."""
        split = model.split()
        proto = split.proto.graph
        constants = {
            t.name: read_only(split.weights[t.name] if t.name in split.weights else onnx.numpy_helper.to_array(t))
            for t in proto.initializer
        }
        declared = (*proto.input, *proto.value_info, *proto.output)
        kinds = {name: Kind(values.shape, values.dtype) for name, values in constants.items()}
        return cls(
            nodes=tuple(proto.node),
            inputs=tuple(v.name for v in proto.input if v.name not in constants),
            outputs=tuple(v.name for v in proto.output),
            kinds=kinds | {v.name: _kind(v) for v in declared if v.name not in constants},
            constants=constants,
            opset=model.opset,
        )

    @cached_property
    def makers(self) -> dict[str, onnx.NodeProto]:
        """Who makes each activation."""
        return {name: node for node in self.nodes for name in node.output if name}

    @cached_property
    def readers(self) -> dict[str, list[onnx.NodeProto]]:
        """Who reads each value, once for each time."""
        found: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                found[name].append(node)
        return found

    @cached_property
    def key(self) -> str:
        """A digest of all that its values depend on."""
        told = hashlib.sha256(repr((self.inputs, self.outputs, self.opset)).encode())
        for node in self.nodes:
            told.update(node.SerializeToString(deterministic=True))
        for name in sorted(self.constants):
            values = self.constants[name]
            told.update(repr((name, values.shape, values.dtype.str)).encode())
            told.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
        return told.hexdigest()

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The one node that reads an activation, if it reads it once and the value is no output."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def is_float(self, name: str) -> bool:
        """True for what holds float32 numbers."""
        return name in self.kinds and self.kinds[name].dtype == FLOAT

    def with_constants(self, changed: Mapping[str, Array]) -> OnnxGraph:
        """The same graph with other values of constants."""
        kinds = {name: Kind(values.shape, values.dtype) for name, values in changed.items()}
        return replace(self, kinds={**self.kinds, **kinds}, constants={**self.constants, **changed})

    def part(self, nodes: Sequence[onnx.NodeProto], inputs: Sequence[str], outputs: Sequence[str]) -> OnnxGraph:
        """Some of the nodes, between these values."""
        read = {name for node in nodes for name in node.input}
        held = {name: values for name, values in self.constants.items() if name in read}
        return replace(self, nodes=tuple(nodes), inputs=tuple(inputs), outputs=tuple(outputs), constants=held)

    def split(self, outputs: Iterable[str] | None = None) -> Split:
        """The model in two parts.

        Args:
            outputs: names of activations; its own for None.
        """
        proto = onnx.helper.make_model(
            onnx.GraphProto(
                name="model",
                node=self.nodes,
                input=[self._declared(name) for name in self.inputs],
                output=[self._declared(name) for name in (self.outputs if outputs is None else outputs)],
                initializer=[_initializer(name, values) for name, values in self.constants.items()],
            ),
            opset_imports=[onnx.helper.make_opsetid("", self.opset)],
            ir_version=onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", self.opset)]),
            producer_name="dlpuconv",
        )
        return Split(proto=proto, weights={n: v for n, v in self.constants.items() if _is_large(v)})

    def _declared(self, name: str) -> onnx.ValueInfoProto:
        kind = self.kinds[name]
        element = onnx.helper.np_dtype_to_tensor_dtype(kind.dtype)
        return onnx.helper.make_tensor_value_info(name, element, kind.shape)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of an attribute; texts as such."""
    for entry in node.attribute:
        if entry.name == name:
            value = onnx.helper.get_attribute_value(entry)
            return value.decode("utf-8") if isinstance(value, bytes) else value
    return default


class Namer:
    """Gives names that nothing else has."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._counts = Counter(taken)

    def __call__(self, hint: str) -> str:
        """A name that begins with this one."""
        name = hint
        while name in self._counts:
            self._counts[hint] += 1
            name = f"{hint}_{self._counts[hint]}"
        self._counts[name] += 1
        return name


def _kind(value: onnx.ValueInfoProto) -> Kind:
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    return Kind(tuple(d.dim_value for d in tensor.shape.dim), np.dtype(dtype))


def _initializer(name: str, values: Array) -> onnx.TensorProto:
    if not _is_large(values):
        return onnx.numpy_helper.from_array(np.asarray(values, order="C"), name)
    tensor = onnx.TensorProto(
        name=name,
        data_type=onnx.helper.np_dtype_to_tensor_dtype(values.dtype),
        dims=values.shape,
        data_location=onnx.TensorProto.EXTERNAL,
    )
    tensor.external_data.add(key="location", value=ELSEWHERE)
    return tensor


def _is_large(values: Array) -> bool:
    return values.nbytes >= LARGE and values.dtype.kind in "fiub"
