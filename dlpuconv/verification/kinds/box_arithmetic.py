"""Recognizes arithmetic that turns what a network says of each place into boxes: anchors, grids, strides.

Boxes are four numbers for each place, computed element by element from what the network gives and from constants that
differ from place to place: the places themselves, or the boxes that are expected there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.kinds.operands import extents, is_constant

if TYPE_CHECKING:
    import onnx_ir

_ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})
_ELEMENTWISE = _ARITHMETIC | {"Pow", "Exp", "Sigmoid", "Relu", "Clip"}
_MOVES = frozenset({"Concat", "Reshape", "Transpose", "Slice", "Split", "Squeeze", "Unsqueeze", "Identity", "Cast"})
_MOST = 64
"""Values that are looked at: the arithmetic of boxes is shorter, and a stranger's graph may be as wide as he likes."""
_FEWEST_PLACES = 3
_COLUMNS = 4


def decodes_boxes(value: onnx_ir.Value) -> bool:
    """Whether a value of four columns, or two corners that were joined, is computed like that."""
    shape, node = extents(value), value.producer()
    return (
        shape is not None
        and node is not None
        and node.op_type in _ARITHMETIC | {"Concat"}
        and _COLUMNS in shape[1:]
        and _depends_on_place(value)
    )


def is_half_a_box(value: onnx_ir.Value) -> bool:
    """Whether a value of two columns, such as centres or extents, is."""
    shape, node = extents(value), value.producer()
    return (
        shape is not None
        and node is not None
        and node.op_type in _ARITHMETIC
        and 2 in (shape[-1], *shape[1:2])
        and _depends_on_place(value)
    )


def _depends_on_place(value: onnx_ir.Value) -> bool:
    """Whether element-wise arithmetic behind a value reads a constant that differs from place to place."""
    waiting = [value]
    seen: set[onnx_ir.Value] = set()
    while waiting and len(seen) < _MOST:
        current = waiting.pop()
        node = current.producer()
        if current in seen or node is None or node.op_type not in _ELEMENTWISE | _MOVES:
            continue
        seen.add(current)
        operands = [operand for operand in node.inputs if operand is not None]
        constants = [operand for operand in operands if is_constant(operand)]
        if node.op_type in _ARITHMETIC and len(constants) == 1 and _places(constants[0], current) >= _FEWEST_PLACES:
            return True
        read = operands if node.op_type in _ARITHMETIC | {"Concat"} else operands[:1]
        waiting += [operand for operand in read if operand not in constants]
    return False


def _places(constant: onnx_ir.Value, value: onnx_ir.Value) -> int:
    """How many places a constant tells apart: of all axes but that of the columns, and one of channels only."""
    shape, whole = extents(constant), extents(value)
    if shape is None or whole is None:
        return 0
    aligned = (1,) * (len(whole) - len(shape)) + shape
    told = [axis for axis, extent in enumerate(aligned) if extent > 1 and axis > 0]
    if len(whole) == 4 and told == [1] and max(whole[2:]) > 1:
        return 0  # a factor for each channel
    places = [aligned[axis] for axis in told if aligned[axis] not in (2, _COLUMNS)]
    return max(places, default=0)
