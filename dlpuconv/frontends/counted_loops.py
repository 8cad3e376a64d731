"""Loop(a number of steps that constants tell) -> its body, once for each step, one behind the other.

TensorFlow writes a recurrent layer so, and tf2onnx passes it on where it does not know the layer. How often the body
runs is counted by running what the condition depends on, and nothing else of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx

from dlpuconv.errors import ArtifactError
from dlpuconv.frontends.constant_loops import computed, constant_nodes
from dlpuconv.frontends.cut import remove_dead
from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.frontends.renaming import all_names, fresh, rename
from dlpuconv.ir.nodes import free_names, subgraphs
from dlpuconv.ir.operators import RANDOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

LONGEST: Final = 128
"""Steps, as of recurrent layers: beyond this the graph is no longer one that a camera runs."""
_MOST_NODES: Final = 1 << 14
"""Over all loops."""
_MOST_BYTES: Final = 1 << 28
"""Of what the nodes of a body hold, over all steps of a loop; initializers are shared."""
_MOST_LOOPS: Final = 64
_FIRST_CARRIED: Final = 2
"""Of a body's inputs, behind the number of the step and the condition."""
_AXES_ARE_INPUTS: Final = 13
_COUNTED: Final = "counted"


def unroll_counted_loops(model: onnx.ModelProto) -> None:
    """Write such loops out, in place; others stay.

    Args:
        model: nodes in running order, constants as initializers, no local functions.
    """
    graph = model.graph
    loops = [index for index, node in enumerate(graph.node) if node.op_type == "Loop"]
    if not 0 < len(loops) <= _MOST_LOOPS:
        return
    taken, room = all_names(graph), _MOST_NODES
    for index in reversed(loops):
        node = graph.node[index]
        times = _times(model, node)
        if not 0 < times <= LONGEST:
            continue
        body = next(subgraphs(node)).node
        if times * len(body) > room or times * sum(each.ByteSize() for each in body) > _MOST_BYTES:
            continue
        room -= times * len(body)
        loop = type(node).FromString(node.SerializeToString())
        rest = [type(later).FromString(later.SerializeToString()) for later in graph.node[index + 1 :]]
        del graph.node[index:]
        graph.node.extend([*_written_out(model, loop, times, taken), *rest])
    remove_dead(graph)


def _times(model: onnx.ModelProto, loop: onnx.NodeProto) -> int:
    """How often the body runs, or more than `LONGEST`; 0 where constants do not tell."""
    constant = constant_nodes(model.graph)
    known = {tensor.name for tensor in model.graph.initializer} - {value.name for value in model.graph.input}
    known.update(name for node in constant for name in node.output)
    counter = _counter(loop)
    if counter is None or not free_names(counter) <= known or _is_random(counter):
        return 0
    limit = onnx.numpy_helper.from_array(np.array(LONGEST + 1), f"{_COUNTED}/limit")
    bound = onnx.NodeProto(op_type="Constant", output=[f"{_COUNTED}/limit"])
    bound.attribute.add(name="value", t=limit, type=onnx.AttributeProto.TENSOR)
    most = onnx.NodeProto(op_type="Min", input=[name for name in (loop.input[0], bound.output[0]) if name])
    most.output.append(f"{_COUNTED}/most")
    counter.input[0] = most.output[0]
    try:
        found = computed(model, [*constant, bound, most, counter], [_COUNTED])
    except ArtifactError:
        return 0
    return len(found[_COUNTED])


def _counter(loop: onnx.NodeProto) -> onnx.NodeProto | None:
    """The loop with what its condition depends on alone, which gives the numbers of its steps; None if damaged."""
    body = next(subgraphs(loop), onnx.GraphProto())
    inputs, outputs = [value.name for value in body.input], [value.name for value in body.output]
    if len(inputs) != len(loop.input) or len(outputs) < len(inputs) - 1 or len(inputs) < _FIRST_CARRIED:
        return None
    needed, waiting = set[str](), [outputs[0]]
    makers = {name: node for node in body.node for name in node.output if name}
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        if name in makers:
            waiting += free_names(makers[name])
        elif name in inputs[_FIRST_CARRIED:]:
            waiting.append(outputs[inputs.index(name) - 1])  # what it is in the next step
    carried = [n for n in range(_FIRST_CARRIED, len(inputs)) if inputs[n] in needed]
    kept = onnx.GraphProto(name=_COUNTED, initializer=body.initializer)
    kept.input.extend(body.input[n] for n in (0, 1, *carried))
    kept.node.extend(node for node in body.node if needed.intersection(node.output))
    kept.node.add(op_type="Identity", input=[inputs[0]], output=[f"{_COUNTED}/step"])
    kept.output.extend(onnx.ValueInfoProto(name=outputs[n]) for n in (0, *(n - 1 for n in carried)))
    kept.output.add(name=f"{_COUNTED}/step")
    counter = onnx.NodeProto(op_type="Loop", input=[loop.input[n] for n in (0, 1, *carried)])
    counter.output.extend([*[f"{_COUNTED}/{n}" for n in carried], _COUNTED])
    counter.attribute.add(name="body", g=kept, type=onnx.AttributeProto.GRAPH)
    return counter


def _is_random(node: onnx.NodeProto) -> bool:
    return any(inner.op_type in RANDOM for inner in walk_nodes([node]))


def _written_out(model: onnx.ModelProto, loop: onnx.NodeProto, times: int, taken: set[str]) -> Iterator[onnx.NodeProto]:
    """The body's nodes for every step, and what the loop gives."""
    body = next(subgraphs(loop))
    carried, shared = list(loop.input[_FIRST_CARRIED:]), dict[str, str]()
    for tensor in body.initializer:
        shared[tensor.name] = fresh(tensor.name, taken)
        model.graph.initializer.add().CopyFrom(tensor)
        model.graph.initializer[-1].name = shared[tensor.name]
    stacked: list[list[str]] = [[] for _ in body.output[1 + len(carried) :]]
    goes_on = _constant(model, "goes_on", np.array(True), taken)
    for step in range(times):
        given = [_constant(model, f"step/{step}", np.array(step), taken), goes_on, *carried]
        names = {**shared, **dict(zip((value.name for value in body.input), given, strict=True))}
        names |= {name: fresh(name, taken) for node in body.node for name in node.output if name}
        for node in body.node:
            copy = type(node).FromString(node.SerializeToString())
            rename(copy, names)
            copy.name = f"{node.name}/{step}" if node.name else ""
            yield copy
        made = [names.get(value.name, value.name) for value in body.output[1:]]
        carried = made[: len(carried)]
        for column, name in zip(stacked, made[len(carried) :], strict=True):
            column.append(name)
    for name, outer in zip(carried, loop.output, strict=False):
        yield onnx.NodeProto(op_type="Identity", input=[name], output=[outer or fresh(name, taken)])
    for column, outer in zip(stacked, loop.output[len(carried) :], strict=False):
        if outer:
            yield from _stacked(model, column, outer, taken)


def _stacked(model: onnx.ModelProto, column: list[str], outer: str, taken: set[str]) -> Iterator[onnx.NodeProto]:
    """What the steps give, along a new first axis."""
    rows = [fresh(name, taken) for name in column]
    version = next((each.version for each in model.opset_import if not each.domain), 0)
    axes = _constant(model, "axes", np.array([0]), taken) if version >= _AXES_ARE_INPUTS else ""
    for name, row in zip(column, rows, strict=True):
        node = onnx.NodeProto(op_type="Unsqueeze", input=[name, *filter(None, [axes])], output=[row])
        if not axes:
            node.attribute.add(name="axes", ints=[0], type=onnx.AttributeProto.INTS)
        yield node
    joined = onnx.NodeProto(op_type="Concat", input=rows, output=[outer])
    joined.attribute.add(name="axis", i=0, type=onnx.AttributeProto.INT)
    yield joined


def _constant(model: onnx.ModelProto, name: str, values: npt.NDArray[Any], taken: set[str]) -> str:
    name = fresh(name, taken)
    model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return name
