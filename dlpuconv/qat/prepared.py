"""What `prepare` gives: a module like any other, which knows how to become a quantized model."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, override

import torch
from torch.fx.node import map_aggregate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from dlpuconv.frontends.options import SourceOptions
    from dlpuconv.qat.learned import Learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How a module was prepared.

    Attributes:
        name: what the user's module is called.
        target: whose numbers it has.
        positional: arguments that it was captured with.
        named: further ones by name.
        outputs: what the float model's outputs are called.
        unmapped: what the file will quantize and this module does not, and what of the recipe was left out.
        learned: what the recipe has learned of rounding and biases, by the name of the graph's parameter.
    """

    name: str
    target: str
    positional: tuple[Any, ...]
    named: Mapping[str, Any]
    outputs: tuple[str, ...]
    unmapped: tuple[str, ...]
    learned: Mapping[str, Learned]


class PreparedModule(torch.nn.Module):  # type: ignore[misc] # torch is not followed
    """A module that simulates the target's integer file in floats, and can be trained.

    In training mode, the ranges of activations follow the values that occur, until `freeze_ranges`.

    Attributes:
        graph: the captured module with fake quantization in it.
        preparation: how it was prepared.
    """

    def __init__(self, graph: torch.fx.GraphModule, preparation: Preparation) -> None:
        super().__init__()
        self.graph, self.preparation = graph, preparation

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Tensors that the file will quantize but this module does not, and parts of the recipe that were left out."""
        return self.preparation.unmapped

    @override
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Called like the user's module."""
        return self.graph(*args, **kwargs)

    @override
    def train(self, mode: bool = True) -> Self:
        """Set whether ranges follow the values; nothing else differs, as the module was captured in evaluation mode."""
        for part in self.modules():
            part.training = mode  # graphs of torchao refuse to be told
        return self

    @override
    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        """Move to another device, with the tensors that `forward` makes there itself."""
        super()._apply(fn, recurse)
        _make_tensors_on(self.graph, next(self.graph.buffers()).device)
        return self

    def quantized_onnx(self, options: SourceOptions) -> onnx.ModelProto:
        """The model with quantized weights, and with QuantizeLinear and DequantizeLinear around activations.

        Args:
            options: the user's names of inputs and outputs.
        """
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

        from dlpuconv.frontends.pytorch.exporter import exported, exporting
        from dlpuconv.qat.constants import leave_constants

        told = self.preparation
        with exporting(f"torchao cannot convert {told.name}"):
            graph = copy.deepcopy(self).cpu().graph
            leave_constants(graph)
            graph = convert_pt2e(graph)
        names = replace(options, output_names=options.output_names or told.outputs)
        return exported(graph, told.positional, told.named, names, told.name)


def _make_tensors_on(graph: torch.fx.GraphModule, device: torch.device) -> None:
    """Change where a graph makes tensors, such as positions: its operators name the device that it was captured on."""
    for node in graph.graph.nodes:
        node.args, node.kwargs = map_aggregate(
            (node.args, node.kwargs), lambda value: device if isinstance(value, torch.device) else value
        )
    graph.recompile()
