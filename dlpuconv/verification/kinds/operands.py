"""What an operator says in its attributes and operands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir

_MOST = 256
"""Values that are looked at behind one: a stranger's graph may be as deep and as wide as he likes."""
_BOUNDING = frozenset({"Clip", "Max", "Add", "Expand", "Unsqueeze", "Identity"})
_SUMS = frozenset({"ReduceSum", "ReduceSumSquare", "ReduceL2"})


def extents(value: onnx_ir.Value) -> tuple[int, ...] | None:
    """A static shape; None where it is not known."""
    if value.shape is None or not value.shape.is_static():
        return None
    return tuple(value.shape.numpy())


def dims(value: onnx_ir.Value) -> tuple[int | None, ...]:
    """Its extents, None where one is not known; nothing where not even their number is."""
    if value.shape is None:
        return ()
    return tuple(extent if isinstance(extent, int) else None for extent in value.shape)


def is_constant(value: onnx_ir.Value) -> bool:
    """Whether a value is the same for every picture: no input of the network is behind it."""
    waiting = [value]
    seen: set[onnx_ir.Value] = set()
    while waiting:
        current = waiting.pop()
        node = current.producer()
        if current.is_graph_input() or len(seen) > _MOST:
            return False
        if current in seen or node is None or node.op_type in ("Constant", "Shape"):
            continue
        seen.add(current)
        waiting += [operand for operand in node.inputs if operand is not None]
    return True


def integer(node: onnx_ir.Node, name: str, default: int) -> int:
    """An integer attribute."""
    attribute = node.attributes.get(name)
    return default if attribute is None else int(attribute.as_int())


def same_exponential(node: onnx_ir.Node) -> int | None:
    """Axis of a Softmax that is spelled out as exp(x) / sum(exp(x)); None where a quotient is something else."""
    above, below = node.inputs[0], node.inputs[1]
    total = below.producer() if below is not None else None
    if above is None or total is None or total.op_type != "ReduceSum" or total.inputs[0] is not above:
        return None
    maker, shape, summed = above.producer(), extents(above), extents(below) if below is not None else None
    if maker is None or maker.op_type != "Exp" or shape is None or summed is None or len(shape) != len(summed):
        return None
    axes = [axis for axis, (whole, kept) in enumerate(zip(shape, summed, strict=True)) if whole != kept]
    return axes[0] if len(axes) == 1 else None


def is_square_root_of_squares(node: onnx_ir.Node) -> bool:
    """Whether a quotient, or a product with a reciprocal, divides a value by its own length."""
    inputs = [value for value in node.inputs if value is not None]
    if len(inputs) != 2:
        return False
    sides = [(inputs[0], inputs[1])] if node.op_type == "Div" else [(inputs[0], inputs[1]), (inputs[1], inputs[0])]
    return any(_is_length(divisor, of, inverse=node.op_type == "Mul") for of, divisor in sides)


def _is_length(value: onnx_ir.Value, of: onnx_ir.Value, *, inverse: bool) -> bool:
    """Whether a value is the root of the sum of another's squares, or its inverse; small additions do not matter."""
    seen, current = set[str](), value
    for _ in range(8):
        node = current.producer()
        if node is None or not node.inputs:
            return False
        seen.add(node.op_type)
        if node.op_type in _SUMS:
            break
        if node.op_type not in _BOUNDING | {"Sqrt", "Reciprocal", "Pow", "Div"}:
            return False
        source = [v for v in node.inputs if v is not None and v.producer() is not None and v.const_value is None]
        if not source:
            return False
        current = source[0]
    else:
        return False
    rooted = node.op_type == "ReduceL2" or "Sqrt" in seen or "Pow" in seen
    inverted = bool(seen & {"Reciprocal", "Div"}) or not inverse
    return rooted and inverted and _sums_squares(node, of)


def _sums_squares(node: onnx_ir.Node, of: onnx_ir.Value) -> bool:
    summed = node.inputs[0]
    if node.op_type != "ReduceSum":
        return summed is of
    square = summed.producer() if summed is not None else None
    if square is None or square.op_type not in ("Mul", "Pow", "Abs"):
        return False
    return square.inputs[0] is of or (square.inputs[0] is not None and _absolute_of(square.inputs[0], of))


def _absolute_of(value: onnx_ir.Value, of: onnx_ir.Value) -> bool:
    node = value.producer()
    return node is not None and node.op_type == "Abs" and node.inputs[0] is of
