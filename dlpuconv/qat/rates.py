"""Learning rates that mean the same in every layer: how far a step may move a weight, in steps of its scale."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize

if TYPE_CHECKING:
    from dlpuconv.qat.prepared import PreparedModule

_CODES = 127
"""A parameter without a scale is taken for as fine as codes would be that hold its largest value."""


def in_steps(prepared: PreparedModule, rate: float) -> list[dict[str, Any]]:
    """Groups of parameters for an optimizer that normalizes gradients, as Adam does.

    Equalized layers differ in the size of their weights by a factor of a thousand: one rate in real units would leave
    some as they are and ruin others. A parameter of zeros has the rate in the middle of the others'.

    Args:
        prepared: whose parameters are trained.
        rate: in steps of each layer's weights.
    """
    scales = {}
    for node in prepared.graph.graph.nodes:
        part = prepared.graph.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(part, PerTensorOrPerChannelFakeQuantize) and part.is_of_weights:
            scales[str(node.args[0].target)] = float(part.scale.mean())
    trained = {name: values for name, values in prepared.graph.named_parameters() if values.requires_grad}
    sizes = {name: scales.get(name, float(values.detach().abs().max()) / _CODES) for name, values in trained.items()}
    usual = median([size for size in sizes.values() if size] or [1 / _CODES])  # what is all zeros tells nothing
    return [{"params": [values], "lr": rate * (sizes[name] or usual)} for name, values in trained.items()]
