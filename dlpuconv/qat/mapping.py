"""From the float network of the target's file back to the nodes of a captured module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir.affine import Affine
from dlpuconv.network import Range, Scales
from dlpuconv.qat.layers import constants_of, tensor_of
from dlpuconv.qat.places import ActivationPlace, ConstantPlace, QuantizedPlaces, WeightPlace
from dlpuconv.quantization.scales.choice import covering
from dlpuconv.quantization.scales.plan import prescribed_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from dlpuconv.network import Node, Value
    from dlpuconv.qat.equivalents import Equivalent
    from dlpuconv.qat.start import Start
    from dlpuconv.quantization.quantize import Quantized

_EXACT = 0.01
"""The tolerance for equality, in steps of the scale."""
_SAME = 1e-6
"""How far constants may be from those of the file, which are the same numbers."""


def find_places(start: Start, equivalents: Mapping[Node, Equivalent], model: torch.fx.GraphModule) -> QuantizedPlaces:
    """Where in a module the tensors are that the file quantizes.

    Args:
        start: the float network under its recipe.
        equivalents: layers of that network that the module has.
        model: captured.
    """
    quantized = start.quantized
    names = _names(quantized, model)
    groups = _groups(quantized)
    first = _firsts(groups, names, model)
    prescribed = prescribed_outputs(quantized.network, start.scheme)
    activations = [
        ActivationPlace(
            node=name,
            group=first[groups[value]],
            affine=quantized.plan.scales[value],
            prescribed=value in prescribed,
        )
        for value, found in names.items()
        for name in found
    ]
    weights = [
        WeightPlace(node=found.node.name, affine=Affine.along(found.axis, quantized.layers[node].affine.scales))
        for node, found in equivalents.items()
    ]
    constants = {(node, index): _constant(node, index, start, model) for node, index in _rounded(quantized)}
    unheld = dict.fromkeys(node for (node, _), place in constants.items() if place is None)
    missing = {groups[value]: value for value in quantized.plan.scales if groups[value] not in first}
    lost = [node for node in quantized.layers if node not in equivalents]
    return QuantizedPlaces(
        activations=tuple(_in_order(activations, model)),
        weights=tuple(_in_order(weights, model)),
        constants=tuple(_in_order([place for place in constants.values() if place], model)),
        unmapped=(
            *(f"the module has no value like {value.name!r} of the file" for value in missing.values()),
            *(f"the module has no layer like {quantized.names[node].title!r} of the file" for node in lost),
            *(f"only the file rounds the constants of {quantized.names[node].title!r}" for node in unheld),
        ),
    )


def _names(quantized: Quantized, model: torch.fx.GraphModule) -> dict[Value, list[str]]:
    """The nodes that make each activation with a scale."""
    known = {node.name for node in model.graph.nodes if node.op in ("placeholder", "call_function")}
    stands_for = {value: dict.fromkeys((*value.source_names, value.name)) for value in quantized.plan.scales}
    return {value: [name for name in names if name in known] for value, names in stands_for.items()}


def _groups(quantized: Quantized) -> dict[Value, Value]:
    """One activation for all whose scale is the same because a node moves the codes of one to the other."""
    plan, leader = quantized.plan, {value: value for value in quantized.plan.scales}

    def leading(value: Value) -> Value:
        while leader[value] is not value:
            value = leader[value]
        return value

    for node in quantized.network.nodes:
        if node.meaning.scales is not Scales.SAME and node not in plan.absorbed:
            continue
        read = [v for i, v in node.data_inputs if not v.is_constant and (node, i) not in plan.requantized]
        tied = [v for v in (*read, *node.data_outputs) if v in leader]
        for value in tied[1:]:
            if plan.scales[value] == plan.scales[tied[0]]:
                leader[leading(value)] = leading(tied[0])
    return {value: leading(value) for value in leader}


def _firsts(
    groups: Mapping[Value, Value], names: Mapping[Value, Sequence[str]], model: torch.fx.GraphModule
) -> dict[Value, str]:
    """The first node of each group that has one: torchao wants others to refer to what comes before them."""
    order = {node.name: at for at, node in enumerate(model.graph.nodes)}
    found: dict[Value, str] = {}
    for value, group in groups.items():
        for name in names[value]:
            found[group] = min(found.get(group, name), name, key=order.__getitem__)
    return found


def _rounded(quantized: Quantized) -> list[tuple[Node, int]]:
    """Constants beside activations that have no exact codes."""
    codes = quantized.scheme.activation_codes.type
    return [
        (node, index)
        for (node, index), affine in quantized.plan.constants.items()
        if (data := node.input(index).data) is not None
        and not np.allclose(affine.decode(affine.encode(data, codes)), data, rtol=0, atol=_EXACT * affine.scale)
    ]


def _constant(node: Node, index: int, start: Start, model: torch.fx.GraphModule) -> ConstantPlace | None:
    """The module's constant that has the values of the file's, where the scale follows from these alone."""
    affine, data = start.quantized.plan.constants[node, index], node.input(index).data
    assert data is not None
    own = affine == covering(Range(float(data.min()), float(data.max())), start.scheme.activation_codes)
    at = [each for each in model.graph.nodes if own and each.name == start.values.get(node.source_name)]
    for reader, constant in [(each, constant) for each in at for constant in constants_of(each)]:
        values = tensor_of(model, constant).detach().cpu().numpy()
        if values.size == data.size and np.allclose(np.sort(values, None), np.sort(data, None), rtol=0, atol=_SAME):
            return ConstantPlace(node=reader.name, constant=constant.name, affine=affine)
    return None


def _in_order[T: (ActivationPlace, WeightPlace, ConstantPlace)](
    places: Sequence[T], model: torch.fx.GraphModule
) -> list[T]:
    order = {node.name: at for at, node in enumerate(model.graph.nodes)}
    return sorted(places, key=lambda place: order[place.node])
