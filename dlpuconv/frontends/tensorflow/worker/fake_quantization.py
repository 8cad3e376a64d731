"""TensorFlow's fake quantization, by which trained networks state ranges, in ONNX's operators; for the worker alone.

weights -> DequantizeLinear(codes)        x -> DequantizeLinear(QuantizeLinear(x))
x -> DequantizeLinear(QuantizeLinear(Clip(x))), where it has fewer codes than its type

What the ends of a range become is told at
https://www.tensorflow.org/api_docs/python/tf/quantization/fake_quant_with_min_max_vars: zero is always a code.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    type Reals = npt.NDArray[np.float32]
    type Codes = npt.NDArray[np.signedinteger[Any]]

_ARGUMENTS = "FakeQuantWithMinMaxArgs"
_OPERATORS = (_ARGUMENTS, "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
_USUAL_BITS = 8
_CHANNELS = {"axis": -1}
_WIDE_DOMAIN = "com.microsoft"
"""Of operators for 16 bits, which ONNX itself has in later opsets only."""


@dataclass(frozen=True, slots=True)
class _Codes:
    """The codes of a range, less the middle one of their type: TensorFlow's begin at 0.

    Attributes:
        lowest: the first code.
        highest: the last one.
        scales: scalar, or [channels].
        zero_points: likewise, of the type: int8, or int16 for more than 8 bits.
    """

    lowest: int
    highest: int
    scales: Reals
    zero_points: Codes

    @classmethod
    def of(cls, low: Reals, high: Reals, bits: int, *, narrow: bool) -> _Codes:
        """Those that TensorFlow makes of the ends of a range; nothing but zero is near zero in all of them."""
        first, last = int(narrow), (1 << bits) - 1
        scales = np.maximum((high - low) / np.float32(last - first), np.finfo(np.float32).tiny)
        kind: type[np.signedinteger[Any]] = np.int8 if bits <= _USUAL_BITS else np.int16
        middle = -int(np.iinfo(kind).min)
        points = np.clip(np.floor(first - low / scales + 0.5), first, last) - middle
        return cls(first - middle, last - middle, scales, points.astype(kind))

    @property
    def are_all(self) -> bool:
        """Whether they are all that the type has."""
        limits = np.iinfo(self.zero_points.dtype)
        return (self.lowest, self.highest) == (limits.min, limits.max)

    def ends(self) -> tuple[Reals, Reals]:
        """What the first and the last code stand for."""
        points = self.zero_points.astype(np.float32)
        return (self.lowest - points) * self.scales, (self.highest - points) * self.scales

    def encode(self, values: Reals) -> Codes:
        """Channels are the last axis."""
        codes = np.rint(values / self.scales) + self.zero_points
        encoded: Codes = np.clip(codes, self.lowest, self.highest).astype(self.zero_points.dtype)
        return encoded


def handlers() -> dict[str, tuple[Callable[..., None], list[Any]]]:
    """By operator, as tf2onnx takes them (`custom_op_handlers`)."""
    return {operator: (_spell, []) for operator in _OPERATORS}


@contextmanager
def kept_of_weights() -> Iterator[None]:
    """Within it, tf2onnx does not compute what fake quantization makes of constants, which would lose their scales."""
    import tf2onnx.tfonnx

    original = tf2onnx.tfonnx.compute_const_folding_using_tf

    def without(graph: Any, *arguments: Any) -> Any:
        return original(_Foldable(graph), *arguments)

    tf2onnx.tfonnx.compute_const_folding_using_tf = without
    try:
        yield
    finally:
        tf2onnx.tfonnx.compute_const_folding_using_tf = original


@dataclass(frozen=True, slots=True)
class _Foldable:
    """A graph of TensorFlow's without its fake quantization, as tf2onnx looks for constants in it."""

    graph: Any

    def get_operations(self) -> list[Any]:
        return [operation for operation in self.graph.get_operations() if operation.type not in _OPERATORS]


def _spell(graph: Any, node: Any, _name: str, _arguments: list[Any]) -> None:
    """Put ONNX's operators in the place of a node of tf2onnx's graph; what has no form of ONNX's stays."""
    codes, read, name, result = _codes(node), node.inputs[0], node.name, node.output[0]
    if codes is None:
        return
    shape, data_type = graph.get_shape(result), graph.get_dtype(result)
    graph.remove_node(name)

    def constant(what: str, values: Any) -> str:
        made: str = graph.make_const(f"{name}/{what}", np.asarray(values)).output[0]
        return made

    def behind(operator: str, operands: list[str], of: int = data_type, **said: Any) -> str:
        made: str = graph.make_node(operator, operands, shapes=[shape], dtypes=[of], **said).output[0]
        return made

    wide = codes.zero_points.dtype == np.int16
    kind, domain = (TensorProto.INT16, _WIDE_DOMAIN) if wide else (TensorProto.INT8, "")
    affine = [constant("scale", codes.scales), constant("zero_point", codes.zero_points)]
    if read.is_const():
        value = constant("codes", codes.encode(read.get_tensor_value(as_list=False)))
    else:
        value = read.output[0]
        if not codes.are_all:
            ends = [constant(what, end) for what, end in zip(("lowest", "highest"), codes.ends(), strict=True)]
            value = behind("Clip", [value, *ends], name=f"{name}/Clip")
        value = behind("QuantizeLinear", [value, *affine], kind, name=f"{name}/Quantize", attr=_CHANNELS, domain=domain)
    value = behind("DequantizeLinear", [value, *affine], name=f"{name}/Dequantize", attr=_CHANNELS, domain=domain)
    # tf2onnx's convolutions would take what they read themselves for one of its own pairs.
    behind("Identity", [value], name=name, outputs=[result])


def _codes(node: Any) -> _Codes | None:
    """The codes of a node's range; None where it is computed."""
    bits, ends = node.get_attr_value("num_bits", _USUAL_BITS), node.inputs[1:]
    if not all(end.is_const() for end in ends):
        return None
    if node.type == _ARGUMENTS:
        told = [node.get_attr_value(end) for end in ("min", "max")]
    else:
        told = [end.get_tensor_value(as_list=False) for end in ends]
    low, high = (np.asarray(end, np.float32) for end in told)
    return _Codes.of(low, high, bits, narrow=bool(node.get_attr_value("narrow_range", 0)))
