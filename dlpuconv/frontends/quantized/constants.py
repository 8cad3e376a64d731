"""The constants of a quantized graph: scales, zero points and stored codes, with what moves them about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx

from dlpuconv.formats.onnx_values import evaluate
from dlpuconv.frontends.protos import as_ir
from dlpuconv.frontends.weights import FLOATS, to_array
from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, IntegerType

if TYPE_CHECKING:
    import numpy.typing as npt

INT4: Final = IntegerType(4, signed=True)
UINT4: Final = IntegerType(4, signed=False)
INT32: Final = IntegerType(32, signed=True)

CODES: Final = {2: UINT8, 3: INT8, 4: UINT16, 5: INT16, 6: INT32, 21: UINT4, 22: INT4}
"""By TensorProto.DataType, the types of integers that stand for real numbers."""

_REARRANGES: Final = {"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast"}
_SMALL: Final = 1 << 14
"""Elements of a scale that may be computed: it has one for each channel."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The integers of a constant.

    Attributes:
        values: unpacked; of a type in which the difference of two does not overflow.
        type: the type that the model keeps them in.
    """

    values: npt.NDArray[np.signedinteger[Any]]
    type: IntegerType


class GraphConstants:
    """What is known of a graph's values without running it."""

    def __init__(self, graph: onnx.GraphProto, opset: int) -> None:
        self._opset = opset
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._codes: dict[str, Codes] = {}
        self._quantized = {name for node in graph.node if node.op_type == "QuantizeLinear" for name in node.input[:1]}

    def __contains__(self, name: str) -> bool:
        """Whether the value is a constant."""
        return name in self._tensors or name in self._codes

    def reals(self, name: str) -> npt.NDArray[np.float32] | None:
        """The values of a constant of real numbers, else None."""
        tensor = self._tensors.get(name)
        return to_array(tensor).astype(np.float32) if tensor is not None and tensor.data_type in FLOATS else None

    def codes(self, name: str) -> Codes | None:
        """The integers of a constant that may be codes, else None."""
        tensor = self._tensors.get(name)
        if name in self._codes or tensor is None or tensor.data_type not in CODES:
            return self._codes.get(name)
        kind = CODES[tensor.data_type]
        return Codes(to_array(tensor).astype(np.int64 if kind == INT32 else np.int32), kind)

    def array(self, name: str) -> npt.NDArray[Any] | None:
        """The values of a constant as they are stored, else None."""
        return to_array(self._tensors[name]) if name in self._tensors else None

    def holds_codes(self, name: str) -> bool:
        """Whether the constant is one of codes for sure: integers that nothing counts with."""
        tensor = self._tensors.get(name)
        return name in self._codes or (tensor is not None and CODES.get(tensor.data_type, INT32) != INT32)

    def add(self, tensor: onnx.TensorProto) -> None:
        """A new initializer of the graph."""
        self._tensors[tensor.name] = tensor

    def hold(self, name: str, codes: Codes) -> None:
        """A value that turned out to be constant."""
        self._codes[name] = codes

    def follow(self, node: onnx.NodeProto) -> None:
        """Take note of stored codes in another shape, of scales and zero points, and of what is quantized next."""
        if not rearranges(node):
            return
        codes = self.codes(node.input[0]) if self.holds_codes(node.input[0]) else None
        first = self.array(node.input[0]) if codes is None else codes.values
        others = [self.array(name) for name in node.input[1:]]
        wanted = codes is not None or node.output[0] in self._quantized or (first is not None and first.size <= _SMALL)
        if first is None or not wanted or any(each is None for each in others):
            return
        found = evaluate(as_ir(node), [first, *others], self._opset)
        if not found:
            return
        if codes is None or node.op_type == "Cast":
            self.add(onnx.numpy_helper.from_array(found[0], node.output[0]))
        else:
            self.hold(node.output[0], replace(codes, values=found[0]))


def rearranges(node: onnx.NodeProto) -> bool:
    """Whether what the node makes of a constant is that constant still, in another shape, order of axes or type."""
    return not node.domain and node.op_type in _REARRANGES and bool(node.input)
