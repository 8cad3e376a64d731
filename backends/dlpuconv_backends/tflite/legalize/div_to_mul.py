"""DIV(a, c) -> MUL(a, 1/c), DIV(a, SQRT(v)) -> MUL(a, RSQRT(v)), DIV(a, b) -> MUL(MUL(a, r), r) with r = RSQRT(b).

The int8 kernel of DIV aborts the process on a divisor whose code is the zero point, and every int8 range holds zero.
The int8 RSQRT of zero is its largest code. The last form is for positive divisors; calibration shows a negative one
as a square root that is not a number, and the model is refused then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.flatbuffer import Tensor
from dlpuconv_backends.flatbuffer.edit import fused_activation, like, mul, replace_each, scalar_value, unary

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph, Operator


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every float DIV; the names of those."""
    producers = graph.producers()
    roots: dict[Tensor, Tensor] = {}  # one RSQRT for all divisions by the same tensor

    def product(op: Operator) -> list[Operator] | None:
        if op.output.dtype.kind != "f":
            return None
        a, b = op.input(0), op.input(1)
        activation = fused_activation(op)
        if b.data is not None:
            return _by_constant(op, a, b)
        producer = producers.get(b)
        under_root = producer.input(0) if producer is not None and producer.kind == "SQRT" else None
        radicand = b if under_root is None else under_root
        new: list[Operator] = []
        if radicand not in roots:
            roots[radicand] = op.output if _is_reciprocal(op, under_root) else like(radicand, "rsqrt")
            new.append(unary("RSQRT", radicand, roots[radicand], op.source_name))
        root = roots[radicand]
        if root is op.output:  # 1 / SQRT(v) is the RSQRT itself
            return new
        if under_root is not None:
            return [*new, mul(a, root, op.output, op.source_name, activation)]
        half = like(op.output, "half")
        return [*new, mul(a, root, half, op.source_name), mul(half, root, op.output, op.source_name, activation)]

    done = replace_each(graph, "DIV", product)
    if done:
        graph.drop_dead()  # the SQRTs
    return done


def _is_reciprocal(op: Operator, under_root: Tensor | None) -> bool:
    same_shape = op.input(1).shape == op.output.shape
    return under_root is not None and same_shape and scalar_value(op.input(0)) == 1.0 and not fused_activation(op)


def _by_constant(op: Operator, a: Tensor, b: Tensor) -> list[Operator] | None:
    if b.data is None or not (b.data != 0).all():
        return None
    reciprocal = Tensor.constant(f"{b.name}_reciprocal", (1.0 / b.data.astype(np.float64)).astype(np.float32))
    return [mul(a, reciprocal, op.output, op.source_name, fused_activation(op))]
