"""From ranges to the scale of every activation and data constant, under what the nodes ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Range, Scales
from dlpuconv.quantization.scales.choice import centered, covering, holding, range_of
from dlpuconv.quantization.scales.segments import Grouping, group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import Affine
    from dlpuconv.network import Network, Node, Value
    from dlpuconv.scheme import Coding, Scheme

    type Inputs = Mapping[tuple[Node, int], Affine]
    type Ranges = Mapping[Value, Range]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationPlan:
    """The scale of every activation and data constant.

    Attributes:
        scales: by activation.
        constants: of constants that are neither weights nor bias, by node and input index.
        requantized: what a node reads in another scale than it was made in, by node and input index.
        absorbed: clamps that the saturation of their input's codes already does: they are left out.
        measured: activations that share a scale which their values ask for, and nothing prescribes; one entry a scale.
    """

    scales: Mapping[Value, Affine]
    constants: Inputs
    requantized: Inputs
    absorbed: tuple[Node, ...]
    measured: tuple[tuple[Value, ...], ...] = ()

    def read_as(self, node: Node, index: int) -> Affine:
        """The scale of what a node reads at an input, after it was requantized if it was."""
        at = (node, index)
        if at in self.requantized:
            return self.requantized[at]
        return self.constants[at] if at in self.constants else self.scales[node.input(index)]


def plan_activations(
    network: Network, chosen: Ranges, stated: Mapping[Value, Affine], scheme: Scheme
) -> ActivationPlan:
    """Scales under the constraints of the nodes.

    Args:
        network: float.
        chosen: what each activation must hold.
        stated: scales that activations get unless their kernels prescribe others; inputs of the network among them.
        scheme: what the chip wants.
    """
    coding = scheme.activation_codes
    prescribed = {**stated, **prescribed_outputs(network, scheme)}
    keepers = {node for node in network.nodes if _keeps_scale(node)}
    clamps = [node for node in network.nodes if _may_be_absorbed(node, chosen)]
    while True:
        grouping = group(network, chosen, prescribed, keepers.union(clamps), coding)
        scales = {value: g.affine(coding) for value, g in grouping.group.items()}
        absorbed = [node for node in clamps if _is_absorbed(node, scales, network, coding)]
        if absorbed == clamps:
            break
        clamps = absorbed  # a join widened the others' range beyond their bounds: they get a scale of their own
    return ActivationPlan(
        scales=scales,
        constants=_constants(network, scales, chosen, coding),
        requantized={**_requantized(grouping, scales), **_centered(network, scales, coding)},
        absorbed=tuple(absorbed),
        measured=tuple(grouping.free()),
    )


def prescribed_outputs(network: Network, scheme: Scheme) -> dict[Value, Affine]:
    """What kernels prescribe of their outputs, or the chip by their operators."""
    known = {node: node.meaning.fixed or scheme.prescribed.get(node.kind) for node in network.nodes}
    return {node.output: fixed for node, fixed in known.items() if fixed is not None and node.data_outputs}


def _keeps_scale(node: Node) -> bool:
    return bool(node.data_outputs) and node.meaning.scales is Scales.SAME


def _may_be_absorbed(node: Node, chosen: Ranges) -> bool:
    bounds, inputs = node.meaning.clamp, node.data_activations
    if bounds is None or len(inputs) != 1 or inputs[0] not in chosen:
        return False
    return chosen[inputs[0]].union(Range(0.0, 0.0)).within(bounds)  # zero always has a code


def _is_absorbed(node: Node, scales: Mapping[Value, Affine], network: Network, coding: Coding) -> bool:
    """True when no code of the input lies outside the clamp, so that it changes nothing."""
    bounds, inputs = node.meaning.clamp, node.data_activations
    if bounds is None or len(inputs) != 1 or scales.get(inputs[0]) != scales.get(node.output):
        return False
    if node.output in network.outputs and (inputs[0] in network.outputs or inputs[0] in network.inputs):
        return False  # each needs a tensor, and a name, of its own
    affine = scales[inputs[0]]
    return range_of(affine, coding.type).within(bounds, slack=affine.scale / 2)


def _requantized(grouping: Grouping, scales: Mapping[Value, Affine]) -> dict[tuple[Node, int], Affine]:
    return {(node, i): scales[node.output] for node, i in grouping.cut if scales[node.input(i)] != scales[node.output]}


def _centered(network: Network, scales: Mapping[Value, Affine], coding: Coding) -> dict[tuple[Node, int], Affine]:
    """Where a scale that is prescribed has its zero point elsewhere."""
    return {
        (node, index): covering(range_of(scales[value], coding.type), centered(coding))
        for node in network.nodes
        for index in node.meaning.centered
        if (value := node.input(index)) in scales and scales[value].zero_point != coding.middle
    }


def _constants(
    network: Network, scales: Mapping[Value, Affine], chosen: Ranges, coding: Coding
) -> dict[tuple[Node, int], Affine]:
    found = {}
    for node in network.nodes:
        for index, value in node.data_inputs:
            if value.data is None:
                continue
            if _keeps_scale(node):
                found[node, index] = scales[node.output]
            else:
                needed = np.clip(value.data, chosen[value].low, chosen[value].high)
                own = centered(coding) if index in node.meaning.centered else coding
                found[node, index] = holding(needed, own, node.meaning.scale_limit)
    return found
