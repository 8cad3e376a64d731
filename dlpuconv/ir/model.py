"""The one IR: an ONNX graph (`onnx_ir`) plus what dlpuconv must know beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import onnx_ir

from dlpuconv.ir.given_scales import NOT_GIVEN, GivenScales
from dlpuconv.ir.signature import LAYOUT, Signature, ValueSpec
from dlpuconv.ir.weights import Split, split_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a model came from.

    Attributes:
        name: stem for file names, such as `model`.
        sha256: hex digest of the bytes that were read (of the serialized model, when it came as an object).
        path: the file as the user named it, or None.
    """

    name: str
    sha256: str
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A source file that its own runtime runs, so that what the graph computes need not be taken from the graph.

    Attributes:
        content: of the file, a `.tflite` one.
        inputs: what the graph calls the file's inputs, in the file's order.
        tensors: number in the file of each value of the graph that is a tensor of the file as it is there, by name.
    """

    content: bytes = field(repr=False)
    inputs: tuple[str, ...]
    tensors: Mapping[str, int] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network with static shapes.

    The model owns its graph: passes edit `graph` in place on a copy that nobody else holds (`copy()`).

    Attributes:
        graph: the ONNX graph; every value named, typed and of static shape.
        source: where it came from.
        scales: that a quantized source states; none of a float one. Names in it are the graph's.
        original: the source file, where it is no ONNX but can be run.
    """

    graph: onnx_ir.Model
    source: Source
    scales: GivenScales = NOT_GIVEN
    original: Original | None = None

    @property
    def opset(self) -> int:
        """The version of the default operator set."""
        return self.graph.opset_imports[""]

    @property
    def signature(self) -> Signature:
        """Inputs and outputs as the graph declares them now."""
        graph = self.graph.graph
        return Signature(tuple(map(_spec, graph.inputs)), tuple(map(_spec, graph.outputs)))

    def copy(self) -> Model:
        """A model whose graph can be edited without changing this one; constant arrays are shared."""
        return replace(self, graph=self.split().to_graph())

    def split(self) -> Split:
        """The graph as a small protobuf, and its large weights as arrays, which are shared."""
        return split_graph(self.graph)

    def to_proto(self) -> onnx.ModelProto:
        """The graph as protobuf, weights inside."""
        return onnx_ir.to_proto(self.graph)

    def to_bytes(self) -> bytes:
        """The serialized graph, weights inside, as ONNX Runtime reads it."""
        return bytes(self.to_proto().SerializeToString(deterministic=True))


def _spec(value: onnx_ir.Value) -> ValueSpec:
    if value.name is None or value.shape is None or value.dtype is None:
        raise ValueError(f"{value.name or 'a value'} has no name, type or shape: the frontends must set them")
    if not value.shape.is_static():
        raise ValueError(f"{value.name} has the shape {value.shape}: the frontends must make it static")
    told = value.metadata_props.get(LAYOUT, "")
    return ValueSpec.of(value.name, value.shape.numpy(), str(value.dtype.numpy()), told)
