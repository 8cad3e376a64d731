"""A module as a graph of the operators that its ONNX form has, batch normalizations folded."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.utils._pytree import tree_map

from dlpuconv.frontends.options import SourceOptions
from dlpuconv.frontends.pytorch.arguments import arguments_of, on_cpu
from dlpuconv.frontends.pytorch.exporter import exporting, onnx_program
from dlpuconv.frontends.pytorch.outputs import exportable_output
from dlpuconv.frontends.pytorch.replica import own_tensors, replica, unwrapped
from dlpuconv.qat.folding import fold_batch_norms, give_biases

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx


_SPELLED: Final = {torch.ops.aten.silu.default: lambda x: x * torch.sigmoid(x)}
"""Operators that ONNX has none for, as its exporter spells them: the file rounds the values in between too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A module's graph beside its ONNX form.

    Attributes:
        kind: what the user's module is called.
        graph_module: each value of the ONNX form that it has bears the name of the node that makes it here.
        proto: the ONNX form.
        positional: arguments that it was captured with.
        named: further ones by name.
        outputs: what a float model's outputs are called.
    """

    kind: str
    graph_module: torch.fx.GraphModule
    proto: onnx.ModelProto
    positional: tuple[Any, ...]
    named: Mapping[str, Any]
    outputs: tuple[str, ...]


def capture(module: torch.nn.Module, example_inputs: object) -> Captured:
    """Capture a module in evaluation mode; it is only read, and shares no tensor with what comes of it.

    Args:
        module: the user's.
        example_inputs: see `frontends.load`.

    Raises:
        UsageError: there are no example inputs, or they do not fit.
        ModelError: the module cannot be exported.
    """
    positional, named = on_cpu(arguments_of(unwrapped(module), example_inputs))
    ours = own_tensors(replica(unwrapped(module)), "cpu")
    ours.register_forward_hook(exportable_output)
    kind = type(module).__name__
    with exporting(f"torch.export cannot capture {kind} for several samples at once"):
        folded = _exported(ours, positional, named).module(check_guards=False)
        fold_batch_norms(folded)
        give_biases(folded)
    return _captured(folded, positional, named, kind)


def captured_again(captured: Captured) -> Captured:
    """Capture a graph that was changed since: its nodes and its ONNX form bear new names."""
    model = captured.graph_module
    return replace(_captured(model, captured.positional, captured.named, captured.kind), outputs=captured.outputs)


def _captured(model: torch.nn.Module, positional: tuple[Any, ...], named: Mapping[str, Any], kind: str) -> Captured:
    with exporting(f"torch.export cannot capture {kind} for several samples at once"):
        program = _exported(model, positional, named).run_decompositions(_SPELLED)
    made = onnx_program(program, (), {}, SourceOptions(), kind)
    graph_module = made.exported_program.module(check_guards=False)
    _own(graph_module)
    outputs = tuple(str(value.name) for value in made.model.graph.outputs)
    return Captured(
        kind=kind,
        graph_module=graph_module,
        proto=_named_as(made, graph_module),
        positional=positional,
        named=named,
        outputs=outputs,
    )


def _exported(module: torch.nn.Module, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The exported program, for any number of samples as far as the module's code allows.

    torch takes a length of 1 for one that never changes, so that it is shown two samples.
    """
    two = tree_map(lambda x: torch.cat([x, x]) if _has_batch(x) else x, (positional, dict(named)))
    free = tree_map(lambda x: {0: torch.export.Dim.AUTO} if _has_batch(x) else None, two)
    arguments = dict(zip(inspect.signature(module.forward).parameters, free[0], strict=False))
    return torch.export.export(module, two[0], two[1], dynamic_shapes={**arguments, **free[1]})


def _has_batch(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() > 0


def _own(model: torch.fx.GraphModule) -> None:
    """Give a graph parameters of its own, and none that it does not read."""
    model.graph.eliminate_dead_code()
    read = {str(node.target) for node in model.graph.nodes if node.op == "get_attr"}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        where, _, last = name.rpartition(".")
        holder = model.get_submodule(where)
        if name not in read:
            delattr(holder, last)
        elif isinstance(tensor, torch.nn.Parameter):
            setattr(holder, last, torch.nn.Parameter(tensor.detach().clone(), tensor.requires_grad))
        else:
            holder.register_buffer(last, tensor.detach().clone())
    model.recompile()


def _named_as(made: Any, model: torch.fx.GraphModule) -> onnx.ModelProto:
    """The ONNX form, whose inputs and outputs bear the names of the nodes too."""
    ins = [node.name for node in model.graph.nodes if node.op == "placeholder"]
    (result,) = (node for node in model.graph.nodes if node.op == "output")
    outs = [node.name for node in result.all_input_nodes]
    graph = made.model.graph
    for values, names in ((graph.inputs, ins), (graph.outputs, outs)):
        if len(values) == len(names):  # otherwise an input is left out, or is an output too
            for value, name in zip(values, names, strict=True):
                value.name = name
    proto: onnx.ModelProto = made.model_proto
    return proto
