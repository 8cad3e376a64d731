"""Arithmetic of one variable that computes a known function -> that operator (times a factor).

    x * Clip(x + 3, 0, 6) / 6              -> HardSwish(x)       x * HardSigmoid<1/6, 1/2>(x) -> HardSwish(x)
    x / 2 * (1 + Erf(x / Sqrt(2)))         -> Gelu(x)            the same with Tanh -> Gelu<tanh>(x)
    1 / (1 + Exp(-x))                      -> Sigmoid(x)         x / (1 + Exp(-x)) -> x * Sigmoid(x)
    Max(x, a * x)                          -> LeakyRelu<a>(x)    Where(x > 20, x, Softplus(x)) -> Softplus(x)
    x * Tanh(Softplus(x))                  -> Mish(x)

Needs static shapes and constants folded. Exporters spell these functions in many ways. What is recognised is the
function, not the spelling: operators between one value and another that only use scalars are computed on a grid and
compared. x * Sigmoid(x) stays as it is: TFLite has no SiLU. The others are one table look-up in 8 bits; in pieces they
would be quantized four times.
"""

from __future__ import annotations

from functools import cache, reduce
from math import erf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import static_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.passes.editor import Editor

    type Array = npt.NDArray[Any]
    type Candidate = tuple[str, Array, dict[str, Any] | None]
    """Operator, its values on the grid, its attributes."""
    type Function = Callable[[onnx_ir.Node, Sequence[Array | None]], Array]

_MOST = 40
"""Operators of a region; an error function of polynomials has twenty."""
_TOLERANCE = 2e-6
"""Of the function's range on the grid: constants are float32, an error function by a polynomial errs by 1.5e-7."""
_GRID = np.concatenate([[-60.0, -20.0], np.linspace(-12.0, 12.0, 1537), [20.0, 60.0]])
_ENDS = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Where", "Reciprocal")


def recognise(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Look for the known function that ends in this node."""
    region, looked = [node], False
    while len(region) < _MOST:
        read = _read(editor, region)
        if read is None:
            break
        if len(read) == 1 and len(region) > 1 and _branches(region, source := next(iter(read))):
            looked = True
            if _replace(editor, region, source):
                return FIRED
        before = next((v.producer() for v in read if _is_inner(v, region)), None)
        if before is None:
            break
        region.append(before)
    return "it computes no activation function that ONNX has an operator for" if looked else None


def _read(editor: Editor, region: list[onnx_ir.Node]) -> dict[onnx_ir.Value, None] | None:
    """Activations that a region reads and does not make; None if it is more than arithmetic with scalars."""
    made = {node.outputs[0] for node in region}
    read: dict[onnx_ir.Value, None] = {}
    shape = static_shape(region[0].outputs[0])
    for value in (v for node in region for v in node.inputs if v is not None):
        array = editor.array(value)
        if array is None and static_shape(value) != shape:
            return None
        if array is not None and (array.size != 1 or array.dtype.kind != "f"):
            return None
        if array is None and value not in made:
            read[value] = None
    return read


def _is_inner(value: onnx_ir.Value, region: list[onnx_ir.Node]) -> bool:
    """True for what arithmetic makes, and nothing reads but the region."""
    node = value.producer()
    arithmetic = node is not None and node.op_type in _FUNCTIONS and node.domain == "" and node not in region
    return arithmetic and not value.is_graph_output() and all(use.node in region for use in value.uses())


def _branches(region: list[onnx_ir.Node], source: onnx_ir.Value) -> bool:
    """True where more than one path leads through the region, or it ends in a quotient: other chains stay chains."""
    return sum(v is source for n in region for v in n.inputs) > 1 or region[0].op_type in ("Reciprocal", "Div")


def _replace(editor: Editor, region: list[onnx_ir.Node], source: onnx_ir.Value) -> bool:
    node = region[0]
    with np.errstate(all="ignore"):
        values = _compute(editor, node.outputs[0], {source: _GRID})
    found = _known(values)
    if found is None:
        return False
    operator, settings, factor = found
    spelled = operator == "Swish" and any(inner.op_type == "Sigmoid" for inner in region)
    if spelled or (factor != 1.0 and _is_scaled(editor, node)):
        return False
    result = editor.add(node, "Sigmoid" if operator == "Swish" else operator, [source], settings)
    if operator == "Swish":
        result = editor.add(node, "Mul", [source, result])
    if factor != 1.0:
        constant = editor.constant(np.asarray(factor, np.float32), f"{node.name}_factor")
        result = editor.add(node, "Mul", [result, constant])
    editor.substitute(node, result)
    return True


def _known(values: Array) -> tuple[str, dict[str, Any] | None, float] | None:
    """The operator that has these values on the grid, its attributes, and the factor behind it."""
    scale = float(np.max(np.abs(values)))
    if not np.isfinite(scale) or not scale:
        return None
    for operator, reference, settings in _candidates(values):
        factor = float(values @ reference / (reference @ reference))
        if np.max(np.abs(values - factor * reference)) <= _TOLERANCE * scale:
            return operator, settings, 1.0 if abs(factor - 1.0) < _TOLERANCE else factor
    return None


def _is_scaled(editor: Editor, node: onnx_ir.Node) -> bool:
    """True where a factor follows, which may be what is missing."""
    reader = editor.only_reader(node.outputs[0])
    return reader is not None and reader.op_type == "Mul" and any(editor.scalar(v) is not None for v in reader.inputs)


def _compute(editor: Editor, value: onnx_ir.Value, known: dict[onnx_ir.Value, Array]) -> Array:
    if value not in known:
        array = editor.array(value)
        if array is not None:
            known[value] = np.asarray(array, np.float64).reshape(())
        else:
            node = value.producer()
            assert node is not None
            inputs = [None if v is None else _compute(editor, v, known) for v in node.inputs]
            known[value] = _FUNCTIONS[node.op_type](node, inputs)
    return known[value]


def _candidates(values: Array) -> list[Candidate]:
    """What the values may be; a slope is read off them."""
    left, right = float(np.interp(-4.0, _GRID, values)), float(np.interp(4.0, _GRID, values))
    slope = -left / right if right else 1.0
    leaky = ("LeakyRelu", np.where(_GRID > 0.0, _GRID, _GRID * slope), {"alpha": slope})
    return [*_functions(), *([leaky] if 0.0 < slope < 1.0 else [])]


@cache
def _functions() -> tuple[Candidate, ...]:
    """Gelu by tanh: Hendrycks and Gimpel 2016."""
    by_tanh = np.tanh(np.sqrt(2.0 / np.pi) * (_GRID + 0.044715 * _GRID**3))
    return (
        ("Relu", np.maximum(_GRID, 0.0), None),
        ("HardSwish", _GRID * np.clip(_GRID + 3.0, 0.0, 6.0) / 6.0, None),
        ("Gelu", _GRID * (0.5 + 0.5 * _erf(_GRID / sqrt(2.0))), None),
        ("Gelu", _GRID * (0.5 + 0.5 * by_tanh), {"approximate": "tanh"}),
        ("Elu", np.where(_GRID > 0.0, _GRID, np.expm1(np.minimum(_GRID, 0.0))), None),
        ("Softplus", np.logaddexp(_GRID, 0.0), None),
        ("Sigmoid", _sigmoid(_GRID), None),
        ("Mish", _GRID * np.tanh(np.logaddexp(_GRID, 0.0)), None),
        ("Swish", _GRID * _sigmoid(_GRID), None),
    )


def _erf(x: Array) -> Array:
    return np.asarray([erf(one) for one in x.ravel()]).reshape(x.shape)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _clip(_: onnx_ir.Node, x: Sequence[Array | None]) -> Array:
    bounded = np.asarray(x[0])
    for limit, bound in zip((np.maximum, np.minimum), x[1:], strict=False):
        bounded = bounded if bound is None else limit(bounded, bound)
    return np.asarray(bounded)


def _hard_sigmoid(node: onnx_ir.Node, x: Sequence[Array | None]) -> Array:
    line = attrs.number(node, "alpha", 0.2) * np.asarray(x[0]) + attrs.number(node, "beta", 0.5)
    return np.clip(line, 0.0, 1.0)


def _by(function: Callable[..., Any]) -> Function:
    return lambda _, x: np.asarray(function(*x))


_FUNCTIONS: dict[str, Function] = {
    "Abs": _by(np.abs),
    "Add": _by(np.add),
    "Clip": _clip,
    "Div": _by(np.divide),
    "Erf": _by(_erf),
    "Exp": _by(np.exp),
    "Greater": _by(np.greater),
    "GreaterOrEqual": _by(np.greater_equal),
    "HardSigmoid": _hard_sigmoid,
    "Less": _by(np.less),
    "LessOrEqual": _by(np.less_equal),
    "Log": _by(np.log),
    "Max": _by(lambda *x: reduce(np.maximum, x)),
    "Min": _by(lambda *x: reduce(np.minimum, x)),
    "Mul": _by(np.multiply),
    "Neg": _by(np.negative),
    "Pow": _by(np.power),
    "Reciprocal": _by(np.reciprocal),
    "Relu": lambda _, x: np.maximum(np.asarray(x[0]), 0.0),
    "Sigmoid": _by(_sigmoid),
    "Sign": _by(np.sign),
    "Softplus": lambda _, x: np.logaddexp(np.asarray(x[0]), 0.0),
    "Sqrt": _by(np.sqrt),
    "Sub": _by(np.subtract),
    "Tanh": _by(np.tanh),
    "Where": _by(np.where),
}
"""What the operators compute, in float64."""

PASS = Rewrite("recognise-functions", "recognised as one activation function", _ENDS, recognise)
