"""Expressions of several nodes -> HardSwish, Gelu, Sigmoid, LeakyRelu, Relu, Clip.

    x * Clip(x + 3, 0, 6) * 1/6 -> HardSwish(x)            x * HardSigmoid<1/6, 1/2>(x) -> HardSwish(x)
    x * 1/2 * (1 + Erf(x * sqrt(1/2))) -> Gelu(x)          the same with Tanh -> Gelu<tanh>(x)
    Reciprocal(1 + Exp(-x)), 1 / (1 + Exp(-x)) -> Sigmoid(x)
    Max(x, 0), Clip(x, 0, ) -> Relu(x)                     Min(Max(x, a), b) -> Clip(x, a, b)
    Where(x > 20, x, Softplus(x)) -> Softplus(x)
    Max(x, x * a), PRelu(x, a) -> LeakyRelu<a>(x)          PRelu(x, [C]) of rank 4 as [C, 1, 1]

x * Sigmoid(x) stays as it is: TFLite has no SiLU. Needs differences, quotients and powers as `canonical_arithmetic`
spells them. HardSwish and Gelu are one table look-up in 8 bits; in pieces they would be quantized four times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.match import Pattern, first_match, op

if TYPE_CHECKING:
    from dlpuconv.passes.editor import Editor

_SHIFTED = op("Clip", op("Add", "x", 3.0), 0.0, 6.0)
HARD_SWISH: tuple[Pattern, ...] = (
    op("Mul", "x", op("Mul", _SHIFTED, 1 / 6)),
    op("Mul", op("Mul", "x", _SHIFTED), 1 / 6),
    op("Mul", op("Mul", "x", 1 / 6), _SHIFTED),
)

_ERF = op("Add", op("Erf", op("Mul", "x", 0.5**0.5)), 1.0)
_ROOT = (2 / np.pi) ** 0.5
_CUBE = (op("Mul", op("Mul", "x", "x"), "x"), op("Mul", "x", op("Mul", "x", "x")))
_SQUARED = op("Add", op("Mul", op("Mul", "x", "x"), 0.044715), 1.0)
_INSIDE = (
    *(op("Mul", op("Add", "x", op("Mul", cube, 0.044715)), _ROOT) for cube in _CUBE),
    *(op("Add", op("Mul", "x", _ROOT), op("Mul", cube, 0.044715 * _ROOT)) for cube in _CUBE),
    op("Mul", op("Mul", "x", _SQUARED), _ROOT),
    op("Mul", op("Mul", "x", _ROOT), _SQUARED),
)


def _halves(one_plus: Pattern) -> tuple[Pattern, ...]:
    """X / 2 * one_plus, in all its orders."""
    return (
        op("Mul", op("Mul", "x", one_plus), 0.5),
        op("Mul", op("Mul", "x", 0.5), one_plus),
        op("Mul", "x", op("Mul", one_plus, 0.5)),
    )


GELU = _halves(_ERF)
GELU_TANH = tuple(form for inside in _INSIDE for form in _halves(op("Add", op("Tanh", inside), 1.0)))
_EXP = op("Add", op("Exp", op("Mul", "x", -1.0)), 1.0)
SIGMOID: tuple[Pattern, ...] = (op("Reciprocal", _EXP), op("Div", 1.0, _EXP))
SWISH: tuple[Pattern, ...] = (op("Div", "x", _EXP),)


def recognise_product(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Mul at the end of HardSwish or Gelu."""
    output = node.outputs[0]
    for patterns, operator, settings in (
        (HARD_SWISH, "HardSwish", {}),
        (GELU, "Gelu", {}),
        (GELU_TANH, "Gelu", {"approximate": "tanh"}),
    ):
        found = first_match(editor, output, patterns)
        if found is not None:
            return _become(editor, node, operator, [found["x"]], settings)
    for gate, x in ((node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])):
        maker = gate.producer() if gate is not None else None
        if maker is None or maker.op_type != "HardSigmoid" or maker.inputs[0] is not x:
            continue
        alpha, beta = attrs.number(maker, "alpha", 0.2), attrs.number(maker, "beta", 0.5)
        if np.isclose(alpha, 1 / 6, rtol=1e-4) and beta == 0.5:
            return _become(editor, node, "HardSwish", [x])
        return f"its HardSigmoid has alpha {alpha:g} and beta {beta:g}, not 1/6 and 1/2"
    return None


def recognise_quotient(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Div or Reciprocal at the end of Sigmoid or x * Sigmoid(x)."""
    found = first_match(editor, node.outputs[0], SIGMOID)
    if found is not None:
        return _become(editor, node, "Sigmoid", [found["x"]])
    found = first_match(editor, node.outputs[0], SWISH)
    if found is None:
        return None
    gate = editor.add(node, "Sigmoid", [found["x"]])
    return _become(editor, node, "Mul", [found["x"], gate])


def recognise_softplus(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Where(x > 20, x, Softplus(x)), PyTorch's, where the two do not differ in float32 from about 15 on."""
    condition, x, soft = (v.producer() if v is not None and i != 1 else v for i, v in enumerate(node.inputs))
    if not isinstance(condition, onnx_ir.Node) or not isinstance(soft, onnx_ir.Node) or soft.op_type != "Softplus":
        return None
    threshold = editor.scalar(condition.inputs[1]) if condition.op_type == "Greater" else None
    if threshold is None or threshold < 15 or condition.inputs[0] is not x or soft.inputs[0] is not x:
        return "it chooses something else than x over a threshold"
    return _become(editor, node, "Softplus", [soft.inputs[0]])


def recognise_bounds(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Max, Min or Clip -> Relu, LeakyRelu or one Clip."""
    bounds = _bounds(editor, node)
    if bounds is None:
        return _leaky(editor, node) if node.op_type == "Max" else None
    x, low, high = bounds
    before = x.producer()
    inner = _bounds(editor, before) if before is not None and before.op_type in ("Max", "Min", "Clip", "Relu") else None
    if inner is not None and editor.only_reader(x) is not None:
        # Clip(Clip(x, a, b), c, d) is bounded by c and d after a and b, hence the nesting.
        x, low, high = inner[0], min(max(inner[1], low), high), min(max(inner[2], low), high)
    elif node.op_type == "Relu" or (node.op_type == "Clip" and not (low == 0 and high == np.inf)):
        return None
    if low == 0 and high == np.inf:
        return _become(editor, node, "Relu", [x])
    limits = [
        None if np.isinf(v) else editor.constant(np.asarray(v, np.float32), f"{node.name}_bound") for v in (low, high)
    ]
    return _become(editor, node, "Clip", [x, *limits])


def _bounds(editor: Editor, node: onnx_ir.Node) -> tuple[onnx_ir.Value, float, float] | None:
    """The activation and the bounds of a Max, Min, Clip or Relu by constants; infinite where there is none."""
    dtype = node.outputs[0].dtype
    x = node.inputs[0]
    if dtype is None or not dtype.is_floating_point() or x is None:
        return None
    if node.op_type == "Relu":
        return x, 0.0, np.inf
    if node.op_type == "Clip":
        given = [v for v in node.inputs[1:3] if v is not None]
        if any(editor.scalar(v) is None for v in given):
            return None
        low = editor.scalar(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] is not None else None
        high = editor.scalar(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else None
        return x, -np.inf if low is None else low, np.inf if high is None else high
    if len(node.inputs) != 2:
        return None
    for constant, other in ((1, 0), (0, 1)):
        bound, value = editor.scalar(node.inputs[constant]), node.inputs[other]
        if bound is not None and value is not None and value.shape == node.outputs[0].shape:
            return (value, bound, np.inf) if node.op_type == "Max" else (value, -np.inf, bound)
    return None


def _leaky(editor: Editor, node: onnx_ir.Node) -> Outcome:
    for x, scaled in ((0, 1), (1, 0)) if len(node.inputs) == 2 else ():
        maker = node.inputs[scaled].producer() if node.inputs[scaled] is not None else None  # type: ignore[union-attr]
        if maker is None or maker.op_type != "Mul" or node.inputs[x] not in maker.inputs:
            continue
        slope = next((s for v in maker.inputs if (s := editor.scalar(v)) is not None), None)
        if slope is not None and 0 <= slope <= 1:
            return _become(editor, node, "LeakyRelu", [node.inputs[x]], {"alpha": slope})
    return None


def spell_slope(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """PRelu of one slope -> LeakyRelu; of one slope a channel -> slopes of shape [C, 1, ...]."""
    slope, x = editor.array(node.inputs[1]), node.inputs[0]
    if slope is None or x is None or x.shape is None:
        return "its slope is not constant"
    if slope.size == 1:
        return _become(editor, node, "LeakyRelu", [x], {"alpha": float(slope.reshape(()))})
    if (slope == slope.flat[0]).all():
        return _become(editor, node, "LeakyRelu", [x], {"alpha": float(slope.flat[0])})
    trimmed = slope.reshape(slope.shape[next(i for i, d in enumerate(slope.shape) if d != 1) :])
    if trimmed.shape == slope.shape:
        return None
    node.replace_input_with(1, editor.constant(trimmed, f"{node.name}_slope"))
    return FIRED


def _become(
    editor: Editor,
    node: onnx_ir.Node,
    operator: str,
    inputs: list[onnx_ir.Value | None],
    settings: dict[str, Any] | None = None,
) -> Outcome:
    editor.substitute(node, editor.add(node, operator, inputs, settings))
    return FIRED


PRODUCTS = Rewrite("recognise-products", "recognised as HardSwish or Gelu", ("Mul",), recognise_product)
QUOTIENTS = Rewrite("recognise-quotients", "recognised as Sigmoid", ("Div", "Reciprocal"), recognise_quotient)
SOFTPLUS = Rewrite("recognise-softplus", "recognised as Softplus", ("Where",), recognise_softplus)
BOUNDS = Rewrite(
    "recognise-bounds", "recognised as one Relu, LeakyRelu or Clip", ("Max", "Min", "Clip", "Relu"), recognise_bounds
)
SLOPES = Rewrite("spell-slopes", "slopes of PRelu written one a channel", ("PRelu",), spell_slope)
