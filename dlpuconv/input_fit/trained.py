"""Whether a network's biases come from batch normalizations, as far as its structure tells.

Those of networks without any (VGG, SqueezeNet, super-resolution) may be as small as they like beside what they are
added to, so that nothing follows from their size. Depthwise convolutions, ReLU6, SiLU and HardSwish, and residual
networks that grow coarser came with batch normalization, and are hardly trained without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.ir import Model

_OTHER_NORMALIZATIONS = frozenset({
    "GroupNormalization", "InstanceNormalization", "LRN", "LayerNormalization", "LpNormalization",
    "MeanVarianceNormalization", "RMSNormalization", "ReduceL2", "Sqrt",
})  # fmt: skip
"""Layers behind which the size of what is in front does not matter; Sqrt is in those that are written out."""
_UPSCALING = "DepthToSpace"


def biases_were_normalized(source: Model, normal: Model) -> bool:
    """Whether the size of a folded batch normalization's output can be expected of the biases.

    Args:
        source: as it was read.
        normal: the same in normal form.
    """
    if any(node.op_type in _OTHER_NORMALIZATIONS for node in source.graph.graph):
        return False
    nodes = list(normal.graph.graph)
    if any(node.op_type == _UPSCALING for node in nodes):
        return False
    coarser = any(max(_ints(node, "strides"), default=1) > 1 for node in nodes)
    return any(_is_depthwise(n) or _is_relu6(n) or _is_gated(n) or (coarser and _is_residual(n)) for n in nodes)


def _is_depthwise(node: onnx_ir.Node) -> bool:
    """One input channel for each kernel, and several of them."""
    shape = node.inputs[1].shape if node.op_type == "Conv" and node.inputs[1] is not None else None
    group = node.attributes.get("group")
    return shape is not None and shape[1] == 1 and group is not None and group.as_int() > 1


def _is_relu6(node: onnx_ir.Node) -> bool:
    bounds = [value.const_value for value in node.inputs[1:] if value is not None and value.const_value is not None]
    return node.op_type == "Clip" and [b.numpy().item() for b in bounds] == [0.0, 6.0]


def _is_gated(node: onnx_ir.Node) -> bool:
    if node.op_type in ("HardSwish", "Swish"):
        return True
    makers = [value.producer() for value in node.inputs if value is not None]
    gates = [maker for maker in makers if maker is not None and maker.op_type in ("HardSigmoid", "Sigmoid")]
    return node.op_type == "Mul" and any(gate.inputs[0] in node.inputs for gate in gates)


def _is_residual(node: onnx_ir.Node) -> bool:
    computed = [value for value in node.inputs if value is not None and value.producer() is not None]
    return node.op_type == "Add" and len(computed) > 1


def _ints(node: onnx_ir.Node, name: str) -> tuple[int, ...]:
    found = node.attributes.get(name)
    return () if found is None or node.op_type != "Conv" else tuple(found.as_ints())
