"""The constants of a quantized graph: scales, zero points and stored codes, with what moves them about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlpuconv.frontends.weights import FLOATS, to_array
from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, IntegerType

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

INT4: Final = IntegerType(4, signed=True)
UINT4: Final = IntegerType(4, signed=False)
INT32: Final = IntegerType(32, signed=True)

CODES: Final = {2: UINT8, 3: INT8, 4: UINT16, 5: INT16, 6: INT32, 21: UINT4, 22: INT4}
"""By TensorProto.DataType, the types of integers that stand for real numbers."""


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

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._codes: dict[str, Codes] = {}

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
