"""Shape arithmetic: small values that do not depend on the inputs' contents, computed node by node."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ShapeError
from dlpuconv.formats.onnx_kernels import LONGEST_RANGE
from dlpuconv.formats.onnx_shapes import is_static
from dlpuconv.formats.onnx_values import evaluate as value_of
from dlpuconv.frontends.protos import as_ir
from dlpuconv.frontends.weights import to_array
from dlpuconv.ir.nodes import label
from dlpuconv.ir.operators import CONTROL_FLOW, RANDOM

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import onnx

    type Array = npt.NDArray[np.generic]

_NOT_CONSTANT: Final = RANDOM | CONTROL_FLOW | {"Dropout"}


def evaluate(
    model: onnx.ModelProto, types: Mapping[str, onnx.ValueInfoProto], known: Mapping[str, Array], limit: int
) -> dict[str, Array]:
    """Values of the nodes of the main graph that read only constants and static shapes.

    Args:
        model: its nodes in the order in which they run.
        types: what inference knows of its values.
        known: the constants, and values computed earlier.
        limit: elements of the largest value that is computed.

    Returns:
        New values by name; nothing that was known before.
    """
    values = dict(known)
    found: dict[str, Array] = {}
    opset = next((imported.version for imported in model.opset_import if not imported.domain), 1)
    for node in model.graph.node:
        if node.domain or node.op_type in _NOT_CONSTANT or all(n in values for n in node.output):
            continue
        match node.op_type:
            case "Shape" | "Size":
                made = _shape_of(node, types)
            case _:
                # The size is known before anything is computed, so that nothing large is ever allocated.
                fits = _is_short(node, values) if node.op_type == "Range" else _is_small(node, types, limit)
                made = _compute(node, values, opset) if fits else {}
        found |= made
        values |= made
    return found


def small_constants(graph: onnx.GraphProto, limit: int) -> dict[str, Array]:
    """Values of the initializers of at most this many elements."""
    return {tensor.name: to_array(tensor) for tensor in graph.initializer if math.prod(tensor.dims) <= limit}


def _shape_of(node: onnx.NodeProto, types: Mapping[str, onnx.ValueInfoProto]) -> dict[str, Array]:
    import numpy as np

    value = types.get(node.input[0])
    if value is None or not value.type.tensor_type.HasField("shape"):
        return {}
    dims = value.type.tensor_type.shape.dim
    if node.op_type == "Size":
        if not all(dim.HasField("dim_value") for dim in dims):
            return {}
        return {node.output[0]: np.asarray(math.prod(dim.dim_value for dim in dims), np.int64)}
    span = {attribute.name: attribute.i for attribute in node.attribute}
    chosen = dims[span.get("start") : span.get("end")]
    if not all(dim.HasField("dim_value") for dim in chosen):
        return {}
    return {node.output[0]: np.asarray([dim.dim_value for dim in chosen], np.int64)}


def _is_short(node: onnx.NodeProto, values: Mapping[str, Array]) -> bool:
    """Of a Range, whose size depends on values.

    Raises:
        ShapeError: it counts for too long.
    """
    inputs = [values.get(name) for name in node.input]
    if any(array is None or array.size != 1 for array in inputs):
        return False
    start, limit, delta = (float(array.item()) for array in inputs if array is not None)
    if not delta or not (limit - start) / delta < LONGEST_RANGE:
        counts = f"counts from {start:g} to {limit:g} by {delta:g}"
        raise ShapeError(f"{label(node)} {counts}: more numbers than can be converted", id="shape-too-large")
    return True


def _is_small(node: onnx.NodeProto, types: Mapping[str, onnx.ValueInfoProto], limit: int) -> bool:
    outputs = [types.get(name) for name in node.output if name]
    return all(o is not None and is_static(o) and _size(o) <= limit for o in outputs)


def _size(value: onnx.ValueInfoProto) -> int:
    return math.prod(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _compute(node: onnx.NodeProto, values: Mapping[str, Array], opset: int) -> dict[str, Array]:
    """Outputs by name; nothing where an input is unknown, or the node makes no sense."""
    if not any(node.input) or not all(name in values for name in node.input if name):
        return {}
    results = value_of(as_ir(node), [values.get(name) for name in node.input], opset)
    return dict(zip(filter(None, node.output), results or (), strict=False))
