"""LpPool(x) -> (n * AveragePool(|x| ** p)) ** (1 / p), with n values in a window.

Needs explicit pads. Source: https://onnx.ai/onnx/operators/onnx__LpPool.html.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor

_GEOMETRY = ("kernel_shape", "strides", "pads")


def respell(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one LpPool."""
    kernel = attrs.integers(node, "kernel_shape")
    if kernel is None or not all(name in node.attributes for name in _GEOMETRY):
        return "its pads are unknown"
    if set(attrs.integers(node, "dilations") or [1]) != {1} or attrs.integer(node, "ceil_mode", 0):
        return "it is dilated, or its last windows reach beyond the input"
    power = attrs.integer(node, "p", 2)
    if power < 1:
        return "its power is not a positive number"
    exponents = [editor.constant(np.asarray(p, np.float32), f"{node.name}_power") for p in (power, 1 / power)]
    magnitude = editor.add(node, "Abs", [node.inputs[0]])
    raised = editor.add(node, "Pow", [magnitude, exponents[0]])
    settings = {name: node.attributes[name] for name in _GEOMETRY}
    mean = editor.add(node, "AveragePool", [raised], {**settings, "count_include_pad": 1})
    count = editor.constant(np.asarray(prod(kernel), np.float32), f"{node.name}_count")
    total = editor.add(node, "Mul", [mean, count])
    editor.substitute(node, editor.add(node, "Pow", [total, exponents[1]]))
    return FIRED


PASS = Rewrite("spell-lp-pool", "rewritten as an AveragePool of powers", ("LpPool",), respell)
