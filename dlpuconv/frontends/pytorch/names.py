"""Names of a model's inputs and outputs, in the graph that torch's exporter made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UsageError
from dlpuconv.frontends.pytorch.outputs import output_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import onnx_ir

    from dlpuconv.frontends.options import SourceOptions


def name_ports(made: Any, options: SourceOptions) -> None:
    """Name inputs as the user says, or else as the arguments, and outputs as the user says, or else by their keys.

    Args:
        made: the `torch.onnx.ONNXProgram`, whose graph is changed in place.
        options: the user's names; none for those of the program.

    Raises:
        UsageError: the user gives too many names, too few, or one twice.
    """
    graph, program = made.model.graph, made.exported_program
    inputs, outputs = names_of_ports(_of_arguments(program, graph.inputs), _of_keys(program, graph.outputs), options)
    _rename(graph, [*zip(graph.inputs, inputs, strict=True), *zip(graph.outputs, outputs, strict=True)])


def names_of_ports(
    inputs: Sequence[str], outputs: Sequence[str], options: SourceOptions
) -> tuple[list[str], list[str]]:
    """Names as the user says, or else the module's own, where an output is not called as an input is.

    Args:
        inputs: names of the module's own.
        outputs: likewise.
        options: the user's.

    Raises:
        UsageError: the user gives too many names, too few, or one twice.
    """
    named = _checked("input", options.input_names, inputs)
    wanted = _checked("output", options.output_names, outputs)
    if both := {*options.input_names} & {*options.output_names}:
        raise UsageError(
            f"input_names and output_names both hold {sorted(both)[0]!r}: no two values share a name",
            id="pytorch-names",
        )
    if not options.output_names:  # an argument keeps its name
        wanted = [f"{name}_output" if name in named else name for name in wanted]
    return named, wanted


def _checked(kind: str, names: Sequence[str], own: Sequence[str]) -> list[str]:
    if not names:
        return list(own)
    if len(names) != len(own):
        plural = "" if len(own) == 1 else "s"
        raise UsageError(
            f"{kind}_names has length {len(names)}, but the model has {len(own)} {kind}{plural} ({', '.join(own)})",
            id="pytorch-names",
        )
    if len(set(names)) < len(names) or not all(names):
        raise UsageError(
            f"{kind}_names holds an empty name or one twice: {', '.join(map(repr, names))}", id="pytorch-names"
        )
    return list(names)


def _of_arguments(program: Any, values: Sequence[onnx_ir.Value]) -> list[str]:
    """The names of `forward`'s arguments, which the exporter alters where one is returned as it is."""
    names = [name for name in program.graph_signature.user_inputs if isinstance(name, str)]
    return names if len(names) == len(values) else [str(value.name) for value in values]


def _of_keys(program: Any, values: Sequence[onnx_ir.Value]) -> list[str]:
    """The keys of each output, or the exporter's own name where it has none, and where two would be the same."""
    own = [str(value.name) for value in values]
    user = [spec.arg for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    tensors = [number for number, argument in enumerate(user) if not hasattr(argument, "value")]
    spec = program.call_spec.out_spec
    if len(tensors) != len(values) or spec.num_leaves != len(user):
        return own
    named = {number: name for name, number in output_names(spec.unflatten(range(len(user)))) if name}
    keys = {place: named[number] for place, number in enumerate(tensors) if number in named}
    names = [keys.get(number, name) for number, name in enumerate(own)]
    return names if len(set(names)) == len(names) else own


def _rename(graph: onnx_ir.Graph, wanted: Iterable[tuple[onnx_ir.Value, str]]) -> None:
    """Give values their names; another value that bears one of them gets a new one."""
    wanted = [(value, name) for value, name in wanted if value.name != name]
    names = {name for _, name in wanted}
    taken = {value.name for value in _values(graph)} | names
    for value in [value for value in _values(graph) if value.name in names]:
        number = 1
        while (free := f"{value.name}_{number}") in taken:
            number += 1
        taken.add(free)
        value.name = free
    for value, name in wanted:
        value.name = name


def _values(graph: onnx_ir.Graph) -> list[onnx_ir.Value]:
    """All values of the graph and of those within it, each once."""
    found = [*graph.inputs, *graph.initializers.values()]
    found += [value for node in graph.all_nodes() for value in (*node.outputs, *node.inputs) if value is not None]
    return list({id(value): value for value in found}.values())
