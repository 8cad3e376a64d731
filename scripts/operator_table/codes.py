"""What the codes of a quantized model stand for: such a model becomes one of numbers, and is compared as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from dlpuconv.ir import Model
    from scripts.operator_table.examples import Example

    type Array = npt.NDArray[Any]

_NODES = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Of one tensor; scales and zero points broadcast against it.

    Attributes:
        steps: real value of one code.
        zeros: codes of 0.0.
        lowest: of all codes.
        highest: of all codes.
    """

    steps: Array
    zeros: Array
    lowest: int
    highest: int

    def numbers(self, codes: Array | int) -> Array:
        """The numbers that codes stand for."""
        return (np.asarray(codes).astype(np.float64) - self.zeros) * self.steps

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The numbers that the codes end at."""
        return self.numbers(self.lowest), self.numbers(self.highest)


def read_codes(example: Example, name: str, source: Model) -> Codes:
    """Of a value of a model: what the converter read of it, or what the model's own node says where that is more.

    Raises:
        ValueError: nothing says it.
    """
    stated = source.scales.activations.get(name)
    if stated is not None:
        affine, high = stated.affine, 2 ** (stated.codes.bits - stated.codes.signed)
        zeros = np.asarray(affine.zero_points[0], np.float64)
        return Codes(np.asarray(affine.scales[0]), zeros, -high if stated.codes.signed else 0, high - 1)
    node = next(
        (n for n in example.proto.graph.node if n.op_type in _NODES and name in (n.input[0], n.output[0])), None
    )
    if node is None:
        raise ValueError(f"nothing says what the codes of {name!r} stand for")
    value = example.inputs.get(name, example.outputs.get(name))
    assert value is not None
    bits = int(value.dtype.name.removeprefix("u").removeprefix("int"))
    high = 2**bits if value.dtype.name.startswith("u") else 2 ** (bits - 1)
    low = 0 if value.dtype.name.startswith("u") else -high
    return Codes(_operand(example, node, 1), _operand(example, node, 2), low, high - 1)


def _operand(example: Example, node: onnx.NodeProto, position: int) -> Array:
    """A scale or zero point as it broadcasts against the tensor."""
    from onnx import numpy_helper

    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in example.proto.graph.initializer}
    rank = max(value.ndim for value in example.outputs.values())
    if len(node.input) <= position:
        return np.zeros(())
    values = held[node.input[position]].astype(np.float64)
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    axis = options.get("axis", 1)
    if options.get("block_size"):
        return np.repeat(values, options["block_size"], axis)
    if values.size == 1:
        return values.reshape(())
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)
