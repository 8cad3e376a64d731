"""Conv ∘ ... ∘ Gather(channels) -> Conv' ∘ ...; Gather(channels) ∘ ... ∘ Conv -> ... ∘ Conv'.

Needs channel shuffles spelled as Gather along axis 1 (see `recognise_channel_gather`). The order of channels is
carried along by all operators that treat each channel alone, and ends in the weights of a Conv or Gemm that mixes
them. A selection of channels is folded forward only where it costs at most twice the multiplications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.channel_order import Reordering
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.merge_transposes import UNARY

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.channel_order import Order


def channel_index(editor: Editor, node: onnx_ir.Node) -> Order | None:
    """Which channel of the input each channel of a Gather along axis 1 is, [C_out] in 0..C_in - 1."""
    shape, index = static_shape(node.inputs[0]), editor.array(node.inputs[1])
    if shape is None or index is None or index.ndim != 1 or len(shape) != 4 or attrs.integer(node, "axis", 0) != 1:
        return None
    return np.asarray(index % shape[1], np.int64)


def absorb_forward(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Let what reads the Gather read its input, with weights in the input's order."""
    order = channel_index(editor, node)
    shape = static_shape(node.inputs[0])
    if order is None or shape is None:
        return None
    reordering = Reordering(editor, node.outputs[0], order, shape[1])
    following = False
    for reader in list(editor.graph):
        following = following or reader is node
        if not following or reader is node:
            continue
        reason = reordering.carry(reader)
        if reason:
            return reason
    return reordering.apply(node) or FIRED


def absorb_backward(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Let the Conv in front make its channels in the order, or the selection, that the Gather picks."""
    order = channel_index(editor, node)
    if order is None:
        return None
    x = node.inputs[0]
    passed: list[onnx_ir.Node] = []
    while x is not None:
        if editor.only_reader(x) is None:
            return f"other operators read {x.name}, too"
        maker = x.producer()
        if maker is None:
            return f"{x.name} is an input of the graph"
        if maker.op_type == "Conv" and attrs.integer(maker, "group", 1) == 1:
            return _make_in_order(editor, node, maker, passed, order)
        if maker.op_type not in UNARY | {"MaxPool", "AveragePool"} and not _scalar_slope(editor, maker):
            return f"{maker.op_type} makes {x.name}, which does not pass the order on"
        passed.append(maker)
        x = maker.inputs[0]
    return None


def _scalar_slope(editor: Editor, node: onnx_ir.Node) -> bool:
    return node.op_type == "PRelu" and editor.scalar(node.inputs[1]) is not None


def _make_in_order(
    editor: Editor, node: onnx_ir.Node, conv: onnx_ir.Node, passed: list[onnx_ir.Node], order: Order
) -> Outcome:
    weight = editor.array(conv.inputs[1])
    given = conv.inputs[2] if len(conv.inputs) > 2 else None
    bias = editor.array(given)
    if weight is None or (given is not None and bias is None):
        return f"the weights of {conv.name} are not constant"
    if len(order) > weight.shape[0]:
        return f"it repeats channels of {conv.name}"
    conv.replace_input_with(1, editor.constant(weight[order], f"{conv.name}_weight"))
    if bias is not None:
        conv.replace_input_with(2, editor.constant(bias[order], f"{conv.name}_bias"))
    editor.reordered(conv, order)
    for changed in (conv, *passed):
        output = changed.outputs[0]
        editor.rename(output, editor.unique(f"{output.name}_reordered"))
        _set_channels(output, len(order))
    source = node.inputs[0]
    assert source is not None
    editor.replace(node.outputs[0], source, adopt_name=True)
    return FIRED


def _set_channels(value: onnx_ir.Value, channels: int) -> None:
    shape: Any = static_shape(value)
    value.shape = type(value.shape)([shape[0], channels, *shape[2:]]) if shape is not None else None  # type: ignore[misc]


FORWARD = Rewrite(
    "absorb-channel-gather-forward", "channel order folded into the layers behind", ("Gather",), absorb_forward
)
BACKWARD = Rewrite(
    "absorb-channel-gather-backward", "channel order folded into the layer in front", ("Gather",), absorb_backward
)
