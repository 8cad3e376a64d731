"""DynamicQuantizeLinear, an integer product, its two scales -> DequantizeLinear of the weights, the float product.

    q, s, z = DynamicQuantizeLinear(x);  Cast(MatMulInteger(q, w, z, w_z)) * (s * w_s)   ->   x * (w - w_z) * w_s

What ONNX Runtime's `quantize_dynamic` makes, with ConvInteger as well. Such models state their weights' scales only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from dlpuconv.frontends.quantized.constants import GraphConstants

DYNAMIC: Final = "DynamicQuantizeLinear"
_PRODUCTS: Final = {"MatMulInteger": ("MatMul", -1), "ConvInteger": ("Conv", 0)}
"""The float operator of each, and the axis of its weights that its results lie along."""
_WEIGHTS, _ZERO_POINT = 1, 3
_OUTPUTS = 3


def dynamic_products(graph: onnx.GraphProto, constants: GraphConstants) -> dict[str, tuple[onnx.NodeProto, ...]]:
    """By the real numbers that an integer product ends in, the nodes that make them of the real input.

    Args:
        graph: not changed; what these nodes leave unread is dead.
        constants: of the graph.
    """
    makers = {name: node for node in graph.node for name in node.output}
    found: dict[str, tuple[onnx.NodeProto, ...]] = {}
    for node in graph.node:
        if node.op_type == "Mul" and len(node.input) == 2 and not node.domain:
            for total, factor in (node.input, reversed(node.input)):
                if (parts := _spelled(total, factor, node.output[0], makers, constants)) is not None:
                    found[node.output[0]] = parts
    return found


def _spelled(
    total: str, factor: str, made: str, makers: Mapping[str, onnx.NodeProto], constants: GraphConstants
) -> tuple[onnx.NodeProto, ...] | None:
    """The two nodes, where `total` is a cast product and `factor` its scale; else None."""
    import onnx

    cast, scale = makers.get(total), makers.get(factor)
    product = makers.get((*cast.input, "")[0]) if cast is not None and cast.op_type == "Cast" else None
    if product is None or product.op_type not in _PRODUCTS or len(product.input) <= _WEIGHTS:
        return None
    if scale is None or scale.op_type != "Mul":
        return None
    quantizer = makers.get(product.input[0])
    if (
        quantizer is None
        or quantizer.op_type != DYNAMIC
        or len(quantizer.output) < _OUTPUTS
        or constants.codes(product.input[_WEIGHTS]) is None
    ):
        return None
    of_weights = [name for name in scale.input if name != quantizer.output[1]]
    if len(of_weights) != 1 or constants.reals(of_weights[0]) is None:
        return None
    operator, axis = _PRODUCTS[product.op_type]
    zero_point = product.input[_ZERO_POINT] if len(product.input) > _ZERO_POINT else ""
    read = [product.input[_WEIGHTS], of_weights[0], *filter(None, [zero_point])]
    real = f"{made}_weights"
    layer = onnx.helper.make_node(operator, [(*quantizer.input, "")[0], real], [made], name=product.name)
    layer.attribute.extend(product.attribute)
    layer.metadata_props.extend(product.metadata_props)
    return onnx.helper.make_node("DequantizeLinear", read, [real], axis=axis), layer


def told_of_products(count: int) -> str:
    """The sentence for users."""
    who = f"{count} layers quantize what they read" if count > 1 else "one layer quantizes what it reads"
    return f"{who} at run time: those scales are fitted anew"
