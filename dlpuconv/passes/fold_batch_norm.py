"""BatchNormalization ∘ Conv -> Conv; Conv ∘ BatchNormalization -> Conv; BatchNormalization -> x * scale + shift.

Needs constants folded: then it does not matter that the parameters hid behind Identity or Constant nodes. Leaves no
BatchNormalization whose parameters are constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes.absorb_affine import absorb
from dlpuconv.passes.affine import ScaleShift, batch_norm
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank

if TYPE_CHECKING:
    import onnx_ir


def fold_backward(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold a BatchNormalization into the linear operators that feed it and nothing else."""
    affine = batch_norm(node)
    if isinstance(affine, str):
        return affine
    x = node.inputs[0]
    return None if x is None else absorb(editor, node, x, affine)


def spell_out(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Make a Mul and an Add of a BatchNormalization that no operator in front of it could take."""
    affine = batch_norm(node)
    if isinstance(affine, str):
        return affine
    dims = rank(node.inputs[0])
    if dims is None or dims < 2:
        return "the rank of its input is unknown or below 2"
    editor.substitute(node, multiply_add(editor, node, affine, dims))
    return FIRED


def multiply_add(editor: Editor, node: onnx_ir.Node, affine: ScaleShift, dims: int) -> onnx_ir.Value:
    """The value x * scale + shift, both along axis 1, where x is the first input of `node`, of rank `dims`."""
    along = (1, -1, *[1] * (dims - 2))
    scale = editor.constant(affine.scale.astype(np.float32).reshape(along), f"{node.name}_scale")
    shift = editor.constant(affine.shift.astype(np.float32).reshape(along), f"{node.name}_shift")
    return editor.add(node, "Add", [editor.add(node, "Mul", [node.inputs[0], scale]), shift])


BACKWARD = Rewrite(
    "fold-batch-norm", "batch normalization folded into the layer in front", ("BatchNormalization",), fold_backward
)
SPELL_OUT = Rewrite(
    "spell-out-batch-norm", "batch normalization rewritten as a Mul and an Add", ("BatchNormalization",), spell_out
)
