"""Gates of a recipe as layers of a captured module: y = x g(x) reads x in g through a depthwise layer.

The layer has the weights that the recipe's gate has before it is scaled, so that the module computes what it did; the
rest of the recipe finds the gate separate, and scales it as any other layer. A hard swish becomes t Relu6(6 t + 3) of
t = x / 6, as in the file; the layer that makes x makes t.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final

import torch

from dlpuconv.qat.depthwise import insert_depthwise, is_map
from dlpuconv.qat.folding import LAYERS
from dlpuconv.qat.layers import bias_of, parameter_beside, tensor_of, weight_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.network import Node, Value
    from dlpuconv.qat.start import Start
    from dlpuconv.quantization.sites import Gate

_ATEN = torch.ops.aten
_SIXTH: Final = 1 / 6
_CLOSED: Final = -3.0
"""A gate of one node is a hard swish, which can tell no values below this apart."""
_CURVES: Final = (_ATEN.sigmoid.default, _ATEN.tanh.default, _ATEN.relu.default, _ATEN.relu6.default)
_SUMS: Final = (_ATEN.add.Tensor, _ATEN.add.Scalar, operator.add)


def insert_gates(model: torch.fx.GraphModule, start: Start) -> tuple[dict[Gate, torch.fx.Node], tuple[str, ...]]:
    """Separate the recipe's gates in a module.

    Args:
        model: captured; it is changed.
        start: what it was captured for.

    Returns:
        By gate, the node that makes its product now; and a sentence for each that the module has no place for.
    """
    nodes = {node.name: node for node in model.graph.nodes}
    products = {y.name: (y, x) for y, x in start.network.gates().items()}
    makers = start.network.producers()
    found: dict[Gate, torch.fx.Node] = {}
    told = []
    for gate in start.gates:
        y, x = products[gate.site]
        product, gated = _node(y, nodes), _node(x, nodes)
        made = None
        if product is not None and gated is not None and is_map(gated, x):
            made = _separated(makers[y], product, gated, model)
        if made is None:
            told.append(f"the gate {gate.site!r} is left out: the module has no place for it")
        else:
            found[gate] = made
    return found, tuple(told)


def _node(value: Value, nodes: Mapping[str, torch.fx.Node]) -> torch.fx.Node | None:
    """The last one of the module's nodes that the value stands for."""
    named = [nodes[name] for name in (value.name, *value.source_names) if name in nodes]
    return named[-1] if named else None


def _separated(
    maker: Node, product: torch.fx.Node, x: torch.fx.Node, model: torch.fx.GraphModule
) -> torch.fx.Node | None:
    """The product with a layer in front of its gate; None where it cannot be, and nothing is changed then."""
    if product.meta["val"].shape != x.meta["val"].shape:
        return None
    if not maker.meaning.product:
        return _hard_swish(product, x, model) if maker.meaning.sees.low == _CLOSED else None
    first = [user for user in x.users if user is not product and product in _behind(user)]
    if product.target is not _ATEN.mul.Tensor or x not in product.args or len(first) != 1:
        return None
    (reader,) = first
    if reader.target in _CURVES:
        layer = insert_depthwise(model, x, f"{reader.name}_gate", 1.0, 0.0, reader)
        reader.replace_input_with(x, layer)
        return product
    if reader.target in _SUMS and isinstance(reader.args[1], int | float) and not reader.kwargs:
        layer = insert_depthwise(model, x, f"{reader.name}_gate", 1.0, float(reader.args[1]), reader)
        reader.replace_all_uses_with(layer)
        return product
    return None


def _hard_swish(product: torch.fx.Node, x: torch.fx.Node, model: torch.fx.GraphModule) -> torch.fx.Node | None:
    """See the first lines of this file."""
    alone = x.target in LAYERS and all(product in _behind(user) or user is product for user in x.users)
    if not alone or any(each.op != "get_attr" for each in x.args[1:3]):
        return None
    for constant in (weight_of(x), bias_of(x)):
        assert constant is not None
        name = str(constant.target).rpartition(".")[2]
        sixth = tensor_of(model, constant).detach() * _SIXTH
        own = parameter_beside(constant, name, sixth, model, x)
        own.meta = dict(constant.meta)
        x.replace_input_with(constant, own)
    layer = insert_depthwise(model, x, f"{product.name}_gate", 6.0, 3.0, product)
    with model.graph.inserting_before(product):
        gate = model.graph.call_function(_ATEN.relu6.default, (layer,))
        made = model.graph.call_function(_ATEN.mul.Tensor, (x, gate))
    made.meta = dict(product.meta)
    product.replace_all_uses_with(made)
    return made


def _behind(node: torch.fx.Node) -> set[torch.fx.Node]:
    """All nodes that depend on a node's output."""
    seen: set[torch.fx.Node] = set()
    waiting = [node]
    while waiting:
        new = set(waiting.pop().users) - seen
        seen |= new
        waiting += new
    return seen
