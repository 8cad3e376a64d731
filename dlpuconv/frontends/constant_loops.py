"""Loops and sequences that depend on constants alone are computed: they are an exporter's way to write a constant.

PyTorch's exporter spells `as_strided`, which global pooling of channels-last networks becomes, as a Loop over the axes
of a constant shape that gathers indices in a sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends.cut import remove_dead
from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.ir.nodes import free_names
from dlpuconv.ir.operators import CONTROL_FLOW, RANDOM, SEQUENCES
from dlpuconv.isolation import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import onnx

_LIMITS: Final = Limits(memory=1 << 30, seconds=10)
_NOT_STRAIGHT: Final = (CONTROL_FLOW - {"If"}) | SEQUENCES


def compute_constant_loops(model: onnx.ModelProto) -> None:
    """Replace what comes of such loops by constants, in place; what cannot be computed stays.

    Args:
        model: nodes in running order, constants as initializers, no local functions.
    """
    graph = model.graph
    if not any(node.op_type in _NOT_STRAIGHT for node in graph.node):
        return
    constant = constant_nodes(graph)
    wanted = _needed(graph, constant)
    if not wanted:
        return
    try:
        found = computed(model, constant, wanted)
    except ArtifactError:
        return  # whoever checks the operators names them
    _replace(graph, found)


def constant_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Nodes that depend on no input of the graph, in order."""
    known = {tensor.name for tensor in graph.initializer} - {value.name for value in graph.input}
    found = []
    for node in graph.node:
        if free_names(node) <= known and not _is_random(node):
            known.update(node.output)
            found.append(node)
    return found


def _is_random(node: onnx.NodeProto) -> bool:
    return any(inner.op_type in RANDOM for inner in walk_nodes([node]))


def _needed(graph: onnx.GraphProto, constant: Sequence[onnx.NodeProto]) -> list[str]:
    """Values that come of constant loops and sequences and that other nodes read, or the user."""
    inside = {id(node) for node in constant}
    read = {value.name for value in graph.output}
    for node in graph.node:
        if id(node) not in inside:
            read |= free_names(node)
    reached: set[str] = set()
    for node in constant:
        if node.op_type in _NOT_STRAIGHT or free_names(node) & reached:
            reached.update(name for name in node.output if name)
    return sorted(reached & read)


def computed(
    model: onnx.ModelProto, constant: Sequence[onnx.NodeProto], wanted: Sequence[str]
) -> Mapping[str, npt.NDArray[np.generic]]:
    """Run the constant part of a model, which may never end, elsewhere.

    Raises:
        ArtifactError: it does not end in time, takes too much memory, or cannot be run.
    """
    import onnx

    part = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    part.graph.name = "constants"
    part.graph.node.extend(constant)
    read = set().union(*map(free_names, constant))
    part.graph.initializer.extend(tensor for tensor in model.graph.initializer if tensor.name in read)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    remove_dead(part.graph)
    return OrtRunner(part.SerializeToString(), optimize=False, limits=_LIMITS).run({})


def _replace(graph: onnx.GraphProto, found: Mapping[str, npt.NDArray[np.generic]]) -> None:
    import onnx

    for node in graph.node:
        for index, name in enumerate(node.output):
            if name in found:
                node.output[index] = ""
    graph.initializer.extend(onnx.numpy_helper.from_array(values, name) for name, values in found.items())
    remove_dead(graph)
