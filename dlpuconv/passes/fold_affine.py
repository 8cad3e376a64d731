"""(Mul | Add) by constants ∘ linear -> linear; Conv or Gemm ∘ (Mul | Add) by constants -> Conv or Gemm.

Also Mul ∘ Mul -> Mul, Add ∘ Add -> Add, Mul ∘ Add -> Add ∘ Mul. Needs quotients and differences spelled as Mul and Add
(see `canonical_arithmetic`), and explicit padding. Any factor or summand that is one number, or one number a channel,
is folded. Behind: a linear operator is a Conv, ConvTranspose or Gemm with constant weights, and the map also goes back
through what it commutes with: Concat on channels, Add, Resize. In front: all readers must be linear, and a summand is
folded only where no reader pads, because padding adds zeros after it; but then x * a + b in front of padding Convs
becomes x + b / a, with `a` in the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.absorb_affine import absorb
from dlpuconv.passes.affine import ScaleShift
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir


def as_affine(editor: Editor, node: onnx_ir.Node) -> tuple[onnx_ir.Value, ScaleShift] | str | None:
    """The activation that a Mul or Add changes, and its factors, [C] along axis 1 or [1]; else a reason or None."""
    for constant, other in ((1, 0), (0, 1)):
        array = editor.array(node.inputs[constant])
        x = node.inputs[other]
        if array is None or x is None or array.dtype.kind != "f":
            continue
        dims = rank(x)
        if dims is None or static_shape(x) != static_shape(node.outputs[0]):
            return "the constant broadcasts the activation"
        factors = along_channels(array, dims)
        if factors is None:
            return "the constant has not one value per channel"
        if node.op_type == "Mul":
            return x, ScaleShift(factors, np.zeros(1))
        return x, ScaleShift(np.ones(1), factors)
    return None


def along_channels(array: npt.NDArray[Any], dims: int) -> npt.NDArray[np.float64] | None:
    """A constant that broadcasts over rank `dims`, as [C] along axis 1 or as [1]; None if it varies elsewhere."""
    if array.size == 1:
        return array.astype(np.float64).ravel()
    full = (1,) * (dims - array.ndim) + array.shape
    if len(full) != dims or dims < 2 or any(d != 1 for i, d in enumerate(full) if i != 1):
        return None
    return array.astype(np.float64).ravel()


def fold_behind(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold a Mul or Add by constants into the linear operators that feed it and nothing else."""
    found = as_affine(editor, node)
    if found is None or isinstance(found, str):
        return found
    return absorb(editor, node, *found)


def merge(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Merge with the Mul or Add in front, and let a factor pass a summand to reach the operator in front."""
    found = as_affine(editor, node)
    if found is None or isinstance(found, str):
        return found
    x, affine = found
    before = x.producer()
    if before is None or before.op_type not in ("Mul", "Add") or editor.only_reader(x) is None:
        return None
    inner = as_affine(editor, before)
    if inner is None or isinstance(inner, str):
        return inner
    source, first = inner
    dims = rank(source) or 0
    if before.op_type == node.op_type == "Mul":
        result = affine_node(editor, node, "Mul", source, first.scale * affine.scale, dims)
    elif before.op_type == node.op_type == "Add":
        result = affine_node(editor, node, "Add", source, first.shift + affine.shift, dims)
    elif node.op_type == "Mul":
        scaled = affine_node(editor, node, "Mul", source, affine.scale, dims)
        result = affine_node(editor, node, "Add", scaled, first.shift * affine.scale, dims)
    else:
        return None
    editor.substitute(node, result)
    return FIRED


def affine_node(
    editor: Editor, node: onnx_ir.Node, operator: str, x: onnx_ir.Value, factors: npt.NDArray[np.float64], dims: int
) -> onnx_ir.Value:
    """X * factors or x + factors; the factors [C] along axis 1 of x, whose rank is `dims`, or [1]."""
    shape = (1, -1, *[1] * (dims - 2)) if factors.size > 1 else ()
    return editor.add(
        node, operator, [x, editor.constant(factors.astype(np.float32).reshape(shape), f"{node.name}_factor")]
    )


def fold_in_front(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold a Mul or Add by constants into the linear operators that read it."""
    found = as_affine(editor, node)
    if found is None or isinstance(found, str):
        return found
    x, affine = found
    output = node.outputs[0]
    uses = list(output.uses())
    if not uses or any(use.node.op_type not in ("Conv", "Gemm") or use.idx != 0 for use in uses):
        return None
    if output.is_graph_output():
        return f"{output.name} is an output of the graph"
    readers = [use.node for use in uses]
    for reader in readers:
        reason = _refuse(editor, reader)
        if reason:
            return reason
    if affine.shift.any() and any(attrs.pads(reader) for reader in readers):
        return _scale_alone(editor, node, affine, readers)
    for reader in readers:
        _fold(editor, reader, affine)
        reader.replace_input_with(0, x)
    editor.remove_unused(node)
    return FIRED


def _refuse(editor: Editor, node: onnx_ir.Node) -> str:
    given = node.inputs[2] if len(node.inputs) > 2 else None
    if editor.array(node.inputs[1]) is None or (given is not None and editor.array(given) is None):
        return f"the weights of {node.name} are not constant"
    plain = not attrs.integer(node, "transA", 0) and all(attrs.number(node, a, 1.0) == 1.0 for a in ("alpha", "beta"))
    return "" if node.op_type == "Conv" or plain else f"{node.name} is not a plain matrix product"


def _scale_alone(editor: Editor, node: onnx_ir.Node, affine: ScaleShift, readers: list[onnx_ir.Node]) -> Outcome:
    """Conv(x * a + b) -> Conv'(x + b / a), where `node` adds b."""
    scaled = next((v for v in node.inputs if editor.array(v) is None), None)
    before = scaled.producer() if scaled is not None else None
    if scaled is None or before is None or before.op_type != "Mul" or editor.only_reader(scaled) is None:
        return "a layer behind pads with zeros, which the Add does not change"
    found = as_affine(editor, before)
    if found is None or isinstance(found, str) or found[1].scale.size > 1 or abs(found[1].scale[0]) < 1e-6:
        return "a layer behind pads with zeros, and the factor in front is not one constant to divide by"
    x, inner = found
    output = affine_node(editor, node, "Add", x, affine.shift / inner.scale, rank(x) or 0)
    if inner.scale[0] > 0:
        editor.renamed[str(node.outputs[0].name)] = str(output.name)
        editor.scaled[str(node.outputs[0].name)] = float(1 / inner.scale[0])
    for reader in readers:
        _fold(editor, reader, ScaleShift(inner.scale, np.zeros(1)))
        reader.replace_input_with(0, output)
    editor.remove_unused(node)
    return FIRED


def _fold(editor: Editor, node: onnx_ir.Node, affine: ScaleShift) -> None:
    weight = editor.array(node.inputs[1])
    bias = editor.array(node.inputs[2]) if len(node.inputs) > 2 else None
    assert weight is not None
    if affine.scale.size == 1:
        editor.multiplied(node, affine.scale)
    elif node.op_type == "Conv" and weight.shape[1] == 1:  # an output channel reads one channel
        editor.multiplied(node, np.repeat(affine.scale, len(weight) // affine.scale.size))
    folded, added = _through(node, weight, affine)
    if affine.shift.any():
        total = (added if bias is None else added + bias.astype(np.float64)).astype(weight.dtype)
        if len(node.inputs) < 3:
            node.resize_inputs(3)
        node.replace_input_with(2, editor.constant(total, f"{node.name}_bias"))
    node.replace_input_with(1, editor.constant(folded, f"{node.name}_weight"))


def _through(
    node: onnx_ir.Node, weight: npt.NDArray[Any], affine: ScaleShift
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Weight for the unscaled input, and what the summand adds to the bias, [C_out]."""
    wide = weight.astype(np.float64)
    if node.op_type == "Gemm":
        transposed = attrs.integer(node, "transB", 0)
        rows = wide if transposed else wide.T  # [N, K]
        scale, shift = (np.broadcast_to(v, rows.shape[1:]) for v in (affine.scale, affine.shift))
        folded = rows * scale
        return (folded if transposed else folded.T).astype(weight.dtype), rows @ shift
    groups = attrs.integer(node, "group", 1)
    channels = weight.shape[1] * groups
    scale, shift = (np.broadcast_to(v, (channels,)).reshape(groups, 1, -1) for v in (affine.scale, affine.shift))
    grouped = wide.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
    added = (grouped.sum(-1) * shift).sum(-1).ravel()
    return (grouped * scale[..., None]).reshape(weight.shape).astype(weight.dtype), added


BEHIND = Rewrite("fold-affine-behind", "Mul or Add folded into the layer in front", ("Mul", "Add"), fold_behind)
MERGE = Rewrite("merge-affine", "Muls and Adds merged", ("Mul", "Add"), merge)
IN_FRONT = Rewrite("fold-affine-in-front", "Mul or Add folded into the layer behind", ("Mul", "Add"), fold_in_front)
