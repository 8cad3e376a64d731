"""Shape arithmetic: small values that do not depend on the inputs' contents, computed node by node."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from dlpuconv.errors import ShapeError
from dlpuconv.frontends.protos import label
from dlpuconv.frontends.weights import to_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import onnx

    type Array = npt.NDArray[np.generic]

_NOT_CONSTANT: Final = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout",
    "If", "Loop", "Scan",
}  # fmt: skip

_FAILURES: Final = (
    ValueError, TypeError, IndexError, KeyError, AttributeError, RuntimeError, ArithmeticError, MemoryError,
    NotImplementedError,
)  # fmt: skip
"""What ONNX's reference implementation raises on arguments that make no sense."""


LONGEST_RANGE: Final = 2**20
"""Grids of detectors have some ten thousand points."""


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
    compute = _Computer(list(model.opset_import), types, limit)
    for node in model.graph.node:
        if node.domain or node.op_type in _NOT_CONSTANT or all(n in values for n in node.output):
            continue
        match node.op_type:
            case "Shape" | "Size":
                made = _shape_of(node, types)
            case "Range":
                made = _range(node, values)
            case _:
                made = compute(node, values)
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


def _range(node: onnx.NodeProto, values: Mapping[str, Array]) -> dict[str, Array]:
    """Range: start + i * delta for i < max(ceil((limit - start) / delta), 0)."""
    import numpy as np

    inputs = [values.get(name) for name in node.input]
    if any(array is None or array.size != 1 for array in inputs):
        return {}
    start, limit, delta = (np.asarray(array).reshape(()) for array in inputs)
    length = (float(limit) - float(start)) / float(delta) if delta else math.inf
    if not length < LONGEST_RANGE:
        raise ShapeError(f"{label(node)} counts from {start} to {limit} by {delta}: more numbers than can be converted")
    return {node.output[0]: (start + np.arange(max(math.ceil(length), 0)) * delta).astype(start.dtype)}


@dataclass(frozen=True, slots=True)
class _Computer:
    """Runs single nodes in ONNX's reference implementation.

    Attributes:
        opsets: of the model: `Unsqueeze` and others changed their form in between.
        types: what inference knows of the values.
        limit: elements of the largest value that is computed.
    """

    opsets: list[onnx.OperatorSetIdProto]
    types: Mapping[str, onnx.ValueInfoProto]
    limit: int

    def __call__(self, node: onnx.NodeProto, values: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name; nothing where an input is unknown, an output is large, or the node makes no sense."""
        inputs = [name for name in node.input if name]
        outputs = [name for name in node.output if name]
        if not inputs or not all(name in values for name in inputs):
            return {}
        # The size is known before anything is computed, so that nothing large is ever allocated.
        if not all(_is_small(self.types.get(name), self.limit) for name in outputs):
            return {}
        import numpy as np

        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results = self._run(node, {name: values[name] for name in inputs}, outputs)
        except _FAILURES:
            return {}
        return dict(zip(outputs, results, strict=True))

    def _run(self, node: onnx.NodeProto, feeds: Mapping[str, Array], outputs: list[str]) -> list[Array]:
        import onnx
        from onnx.reference import ReferenceEvaluator

        types = {name: onnx.helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in feeds.items()}
        graph = onnx.helper.make_graph(
            [node],
            "node",
            [onnx.helper.make_tensor_value_info(name, types[name], array.shape) for name, array in feeds.items()],
            [self.types[name] for name in outputs],
        )
        model = onnx.helper.make_model(graph, opset_imports=self.opsets)
        return cast("list[Array]", ReferenceEvaluator(model).run(None, dict(feeds)))


def _is_small(value: onnx.ValueInfoProto | None, limit: int) -> bool:
    if value is None or not value.type.tensor_type.HasField("shape"):
        return False
    dims = value.type.tensor_type.shape.dim
    return all(dim.HasField("dim_value") for dim in dims) and math.prod(dim.dim_value for dim in dims) <= limit
