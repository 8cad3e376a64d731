"""Local functions are inlined; a model that would grow without bounds is refused first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError
from dlpuconv.formats import onnx_rules
from dlpuconv.formats.onnx_rules import LostError, ModelRefusedError
from dlpuconv.frontends.attributes import screen_attributes
from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.frontends.report import raise_together
from dlpuconv.ir.nodes import free_names, label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import onnx

    type Key = tuple[str, str, str]

MOST_NODES = 50_000
"""Beyond any network for a camera; functions that call functions could make any number."""

MANY_NODES = 2_000
"""From here on onnx does it: onnx_ir keeps metadata, but takes quadratic time to find free names."""

DEEPEST = 100


def inline_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model without local functions.

    Raises:
        ModelError: functions call one another in a circle, or make too many nodes.
    """
    if not model.functions:
        return model
    bodies = {(f.domain, f.name, f.overload): f for f in model.functions}
    sizes: dict[Key, int] = {}
    grown = _grown(model.graph.node, bodies, sizes, ())
    del model.functions[:]
    model.functions.extend(body for key, body in bodies.items() if key in sizes)
    raise_together(
        [ModelError(text, id="graph-inconsistent") for function in model.functions for text in _undefined(function)]
    )
    if not sizes:
        return model
    versions = {imported.domain: imported.version for imported in model.opset_import}
    same = all(versions.get(i.domain, i.version) == i.version for f in model.functions for i in f.opset_import)
    return _inline(model) if same and grown < MANY_NODES else _inline_converted(model)


def _undefined(function: onnx.FunctionProto) -> Iterator[str]:
    known = {*function.input, *(name for node in function.node for name in node.output)}
    for node in function.node:
        for name in free_names(node) - known:
            yield f"in the function {function.name!r}, {label(node)} reads {name!r}, which nothing makes"


def _inline(model: onnx.ModelProto) -> onnx.ModelProto:
    import onnx_ir
    from onnx_ir.passes.common import InlinePass

    try:
        graph = onnx_ir.from_proto(model)
        InlinePass()(graph)
        return onnx_ir.to_proto(graph)
    except (ValueError, TypeError, KeyError, RuntimeError, AttributeError) as error:
        raise ModelError(f"the model's functions cannot be inlined: {error}", id="function-not-inlined") from error


def _inline_converted(model: onnx.ModelProto) -> onnx.ModelProto:
    """By onnx, which also converts functions of another opset than the model's."""
    screen_attributes(model)
    try:
        flat = onnx_rules.inline_functions(model)
    except ModelRefusedError as error:
        raise ModelError(f"the model's functions cannot be inlined: {error}", id="function-not-inlined") from error
    except LostError as error:
        raise ModelError(f"the model's functions cannot be inlined: ONNX {error}", id="function-not-inlined") from error
    if flat.functions:  # onnx leaves alone what it cannot convert
        left = ", ".join(repr(function.name) for function in flat.functions)
        raise ModelError(
            f"the model's functions cannot be inlined: {left} are written for another version of ONNX's operators"
            " (opset) than the model: export it in one version",
            id="function-not-inlined",
        )
    return flat


def _grown(
    nodes: Iterable[onnx.NodeProto],
    bodies: Mapping[Key, onnx.FunctionProto],
    sizes: dict[Key, int],
    calls: tuple[Key, ...],
) -> int:
    """How many nodes these become.

    Args:
        nodes: a body's.
        bodies: of all functions.
        sizes: what is known already, by function; filled.
        calls: the functions that we are in.
    """
    total = 0
    for node in walk_nodes(nodes):
        key = (node.domain, node.op_type, node.overload)
        if key in bodies:
            if key in calls or len(calls) > DEEPEST:
                raise ModelError(f"the function {node.op_type!r} calls itself", id="function-recursive")
            if key not in sizes:
                sizes[key] = _grown(bodies[key].node, bodies, sizes, (*calls, key))
            total += sizes[key]
        total += 1
        if total > MOST_NODES:
            raise ModelError(
                f"the model's functions would grow to more than {MOST_NODES} operators", id="model-too-large"
            )
    return total
