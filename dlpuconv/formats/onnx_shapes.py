"""Types and shapes of an ONNX model's values, as far as ONNX can tell them, without trusting the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.onnx_rules import LostError, infer_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx

_SMALL = 4096  # elements of a constant that shapes may be computed from


@dataclass(frozen=True, slots=True)
class ValueTypes:
    """What is known of a model's values.

    Attributes:
        declared: type and shape by name: what follows from inputs and weights, else what the model says.
        claimed: names of those whose shape the model only says.
    """

    declared: Mapping[str, onnx.ValueInfoProto]
    claimed: frozenset[str] = frozenset()


def value_types(model: onnx.ModelProto) -> ValueTypes:
    """The declaration of every value that is known.

    Args:
        model: not changed.

    Raises:
        ArtifactError: ONNX's own inference crashes on the model, and so nothing else would.
    """
    graph = model.graph
    given = {value.name: value for value in graph.input}
    said = {value.name: value for value in (*graph.value_info, *graph.output) if value.name not in given}
    computed = {name: value for name, value in _inferred(model).items() if is_static(value)}
    claimed = frozenset(said.keys() - computed.keys())
    known = given | said | computed
    if claimed:  # what follows from a claim is no better than it
        further = _inferred(model, [said[name] for name in claimed])
        known = given | said | further | computed
        claimed |= further.keys() - computed.keys() - given.keys()
    return ValueTypes(known, claimed)


def is_static(value: onnx.ValueInfoProto) -> bool:
    """Whether the value is a tensor whose extents are all known."""
    kind = value.type
    return (
        kind.HasField("tensor_type")
        and kind.tensor_type.HasField("shape")
        and all(extent.HasField("dim_value") for extent in kind.tensor_type.shape.dim)
    )


def _inferred(model: onnx.ModelProto, claims: Iterable[onnx.ValueInfoProto] = ()) -> dict[str, onnx.ValueInfoProto]:
    """What ONNX's inference makes of inputs and weights, and of claims; nothing where the operators do not fit them."""
    try:
        graph = infer_shapes(_skeleton(model, claims)).graph
    except LostError as error:
        raise ArtifactError(
            f"the file is damaged: ONNX's own shape inference {error}", id="artifact-damaged"
        ) from error
    except ValueError:  # the operators do not fit, or the graph alone is larger than protobuf holds
        return {}
    return {value.name: value for value in (*graph.value_info, *graph.output)}


def _skeleton(model: onnx.ModelProto, claims: Iterable[onnx.ValueInfoProto]) -> onnx.ModelProto:
    """The model with large weights as inputs, and nothing said of its values but the claims: a few kilobytes."""
    import onnx

    skeleton = onnx.ModelProto(ir_version=model.ir_version)
    skeleton.opset_import.extend(model.opset_import)
    skeleton.functions.extend(model.functions)
    graph = skeleton.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    claimed = {value.name: value for value in claims}
    graph.output.extend(
        claimed.pop(value.name) if value.name in claimed else _untyped(value) for value in model.graph.output
    )
    graph.value_info.extend(claimed.values())
    known = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _SMALL and tensor.data_location != onnx.TensorProto.EXTERNAL:
            graph.initializer.append(tensor)
        elif tensor.name not in known:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return skeleton


def _untyped(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    """The name and the type of the elements, without the shape."""
    import onnx

    bare = onnx.ValueInfoProto(name=value.name)
    if value.type.HasField("tensor_type"):
        bare.type.tensor_type.elem_type = value.type.tensor_type.elem_type
    else:
        bare.type.CopyFrom(value.type)
    return bare
