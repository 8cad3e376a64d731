"""Checks of tensors: a known type, as many bytes as the shape asks for, no NaN, infinity only as a bound or mask."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import DlpuconvError, ModelError, UnsupportedModelError
from dlpuconv.frontends.masks import is_mask, readers_by_name
from dlpuconv.frontends.protos import all_nodes, all_tensors, walk_graphs
from dlpuconv.frontends.report import raise_together

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    import onnx

BITS_BELOW_A_BYTE: Final = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}
"""Bits of an element by TensorProto.DataType, for types that are packed: UINT4, INT4, FLOAT4E2M1, UINT2, INT2."""

SMALL: Final = frozenset((*BITS_BELOW_A_BYTE, 17, 18, 19, 20, 24))
"""TensorProto.DataType of these and of the floats of 8 bits."""

FLOATS: Final = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}
"""TensorProto.DataType of the floats that are read."""

INTEGERS: Final = {
    2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 12: "uint32", 13: "uint64",
}  # fmt: skip
"""TensorProto.DataType of the integers that are read."""

PACKED: Final = {21: "uint4", 22: "int4"}
"""TensorProto.DataType of the integers of which two share a byte: they are read where they stand for real numbers."""

_TYPED_FIELD: Final = {
    1: "float_data", 2: "int32_data", 3: "int32_data", 4: "int32_data", 5: "int32_data", 6: "int32_data",
    7: "int64_data", 9: "int32_data", 10: "int32_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data",
    16: "int32_data", 21: "int32_data", 22: "int32_data",
}  # fmt: skip

_FIELDS: Final = (*dict.fromkeys(_TYPED_FIELD.values()), "string_data")

_MOST_AXES: Final = 32  # what every NumPy can shape; the product of more extents has no end
_BOUNDS: Final = {
    "Clip": {1, 2}, "Pad": {2}, "Max": set(range(64)), "Min": set(range(64)), "Where": {1, 2}, "Less": {0, 1},
    "Greater": {0, 1}, "LessOrEqual": {0, 1}, "GreaterOrEqual": {0, 1}, "Equal": {0, 1}, "IsInf": {0},
}  # fmt: skip
"""By operator, the inputs where infinity is a bound or a mask and not a weight."""


def type_name(data_type: int) -> str:
    """ONNX's name of an element type, such as `FLOAT8E4M3FN`; for people."""
    import onnx

    try:
        return str(onnx.TensorProto.DataType.Name(data_type))
    except ValueError:
        return f"number {data_type}"


def screen_tensors(model: onnx.ModelProto) -> None:
    """Check every tensor of the model; nothing is allocated that the file does not hold.

    Raises:
        ModelError: a tensor has no such type, not as many bytes as its shape asks for, or holds NaN or infinity.
        UnsupportedModelError: a tensor has a type that no conversion exists for.
    """
    problems: list[DlpuconvError] = []
    for name, tensor in all_tensors(model):
        problem = _type_problem(name, tensor) or _size_problem(name, tensor)
        if problem:
            problems.append(problem)
    raise_together(problems)
    raise_together([ModelError(text, id="weights-not-finite") for text in _values_problems(model)])


def screen_packed(model: onnx.ModelProto) -> None:
    """Check that no integers of 4 bits are left once a quantized model was read: nothing else knows them.

    Raises:
        UnsupportedModelError: some are.
    """
    left = [(name, tensor) for name, tensor in all_tensors(model) if tensor.data_type in PACKED]
    raise_together(
        [
            UnsupportedModelError(
                f"the tensor {name!r} is {type_name(tensor.data_type)}, and only a DequantizeLinear can read that",
                id="quantization-unreadable",
            )
            for name, tensor in left
        ]
    )


def to_array(tensor: onnx.TensorProto) -> npt.NDArray[np.generic]:
    """The tensor's values.

    Raises:
        ModelError: they do not fit the tensor's type.
    """
    import onnx

    try:
        return onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelError(f"the values of {tensor.name!r} cannot be read: {error}", id="tensor-size") from error


def _type_problem(name: str, tensor: onnx.TensorProto) -> DlpuconvError | None:
    kind = tensor.data_type
    if kind in FLOATS or kind in INTEGERS or kind in PACKED:
        return None
    if kind in SMALL:
        return UnsupportedModelError(
            f"the tensor {name!r} is {type_name(kind)}; of quantized models those with integers of 4, 8 or 16 bits can"
            " be read: convert the model that it was made from",
            id="tensor-type-unsupported",
        )
    if kind in (8, 14, 15):
        return UnsupportedModelError(
            f"the tensor {name!r} holds {type_name(kind)} values; only numbers can be converted",
            id="tensor-type-unsupported",
        )
    return ModelError(f"the tensor {name!r} has the unknown data type {kind}", id="tensor-type-unknown")


def shape_problem(name: str, tensor: onnx.TensorProto) -> ModelError | None:
    """What is wrong with the shape that a tensor claims, whatever it holds."""
    if len(tensor.dims) > _MOST_AXES:
        return ModelError(
            f"the tensor {name!r} has {len(tensor.dims)} axes; {_MOST_AXES} are the most that can be read",
            id="tensor-shape",
        )
    if any(extent < 0 for extent in tensor.dims):
        return ModelError(f"the tensor {name!r} has the impossible shape {list(tensor.dims)}", id="tensor-shape")
    return None


def _size_problem(name: str, tensor: onnx.TensorProto) -> ModelError | None:
    if problem := shape_problem(name, tensor):
        return problem
    shape = list(tensor.dims)
    elements = math.prod(shape)
    wanted = (elements + 1) // 2 if tensor.data_type in PACKED else elements
    proper = "raw_data" if tensor.HasField("raw_data") else _TYPED_FIELD[tensor.data_type]
    if strange := [field for field in _FIELDS if field != proper and len(getattr(tensor, field))]:
        return ModelError(
            f"the tensor {name!r} is {type_name(tensor.data_type)}, and holds values of another type as well,"
            f" in {', '.join(strange)}",
            id="tensor-size",
        )
    if tensor.HasField("raw_data"):
        width = 8 if tensor.data_type in (7, 11, 13) else 4 if tensor.data_type in (1, 6, 12) else 2
        width = 1 if tensor.data_type in (2, 3, 9, *PACKED) else width
        found, rest = divmod(len(tensor.raw_data), width)
        found += bool(rest)
    else:
        found = len(getattr(tensor, proper))
    if found == wanted:
        return None
    what = "bytes" if tensor.data_type in PACKED else "values"
    return ModelError(
        f"the tensor {name!r} of shape {shape} needs {wanted} {what}, and {found} are there", id="tensor-size"
    )


def _values_problems(model: onnx.ModelProto) -> Iterator[str]:
    import numpy as np

    bounds = _used_as_bounds(model)
    readers = readers_by_name(model)
    idle = _constants(model) - readers.keys()  # as where an operator was written out that has no use for one of them
    for name, tensor in all_tensors(model):
        if tensor.data_type not in FLOATS or name in idle:
            continue
        values = to_array(tensor)
        if np.isfinite(values).all():
            continue
        if np.isnan(values).any():
            yield f"the weights {name!r} hold NaN in {int(np.isnan(values).sum())} of {values.size} places"
        elif name not in bounds and ((values == np.inf).any() or not is_mask(name, readers)):
            yield f"the weights {name!r} hold infinity in {int(np.isinf(values).sum())} of {values.size} places"


def _constants(model: onnx.ModelProto) -> set[str]:
    """Names of all weights, and of what Constant nodes hold."""
    names = {tensor.name for graph in walk_graphs(model.graph) for tensor in graph.initializer}
    return names | {node.output[0] for node in all_nodes(model) if node.op_type == "Constant" and node.output}


def _used_as_bounds(model: onnx.ModelProto) -> set[str]:
    """Values that are only read where infinity has a meaning, such as the upper limit of a Clip."""
    good: set[str] = set()
    bad: set[str] = set()
    for node in all_nodes(model):
        slots = _BOUNDS.get(node.op_type, set())
        for slot, name in enumerate(node.input):
            (good if slot in slots else bad).add(name)
    return good - bad
