"""Static shapes of all values, by ONNX's shape inference on a model without its large weights.

Where a shape depends on arithmetic that the inference does not follow, `arithmetic.py` does it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ShapeError, UnsupportedModelError
from dlpuconv.formats import onnx_shapes
from dlpuconv.frontends.arithmetic import evaluate, small_constants
from dlpuconv.frontends.shapes import shown
from dlpuconv.frontends.skeleton import make_skeleton, replace_by_values, run_inference, tame
from dlpuconv.ir.nodes import free_names, label
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import onnx

SMALL = 4096
"""Elements of a constant that shapes may be computed from."""

LARGEST = 2**29
"""Elements of the largest value: 2 GiB in float32, beyond what a camera or a flatbuffer holds."""

_BY_VALUES: Final = {"Compress", "NonMaxSuppression", "NonZero", "Unique"}
"""How many elements these make depends on what they read: that a later TopK makes a fixed number of them is no help."""

ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Inferred:
    """What is known of a model's values.

    Attributes:
        types: the declaration of every value that the inference knows, by name.
        constants: small values that do not depend on the inputs, by name: initializers, and what was computed on the
            way where that was necessary.
    """

    types: Mapping[str, onnx.ValueInfoProto] = field(repr=False)
    constants: Mapping[str, npt.NDArray[np.generic]]

    @property
    def booleans(self) -> dict[str, bool | None]:
        """By name, the constants that are a single boolean."""
        return {name: bool(a.reshape(())) for name, a in self.constants.items() if a.dtype == bool and a.size == 1}

    def is_complete(self, graph: onnx.GraphProto) -> bool:
        """True when every operator's outputs have static shapes."""
        return all(_known(name, self.types) for node in graph.node for name in node.output)


def infer(model: onnx.ModelProto, *, strict: bool = True) -> Inferred:
    """Infer the types and shapes of a model with static inputs; the model is not changed.

    Args:
        model: without functions.
        strict: refuse a model whose operators do not fit their inputs; else their outputs stay unknown.

    Raises:
        ModelError: operators do not fit their inputs.
        ShapeError: a value has no elements, or more than any memory holds.
    """
    constants = small_constants(model.graph, SMALL)
    skeleton = make_skeleton(model, SMALL)
    tame(skeleton.graph)
    types = run_inference(skeleton, strict=strict)
    asks = any(node.op_type in ("If", "Dropout") for node in model.graph.node)
    for _ in range(ROUNDS):
        _check_sizes(types)
        if not asks and Inferred(types, constants).is_complete(model.graph):
            break
        found = evaluate(model, types, constants, SMALL)
        if not found:
            break
        constants |= found
        replace_by_values(skeleton.graph, found)
        types |= run_inference(skeleton, strict=strict)
    return Inferred(types, constants)


def check_values(model: onnx.ModelProto, inferred: Inferred) -> None:
    """See that every output has a static shape, and that nothing computed from the inputs is empty.

    Raises:
        UnsupportedModelError: a shape depends on values.
        ShapeError: a value has no elements.
    """
    outputs = [output.name for output in model.graph.output]
    empty = dict(_empty_values(model.graph, inferred))
    unknown = [name for name in outputs if not _known(name, inferred.types)]
    counted = [name for node in model.graph.node if node.op_type in _BY_VALUES for name in node.output]
    inside = empty or not all(_known(name, inferred.types) for name in counted)
    losing = list(_losing(model, inferred, outputs)) if unknown or inside else []
    if unknown or losing:
        raise UnsupportedModelError(
            _why_unknown(unknown, losing, inferred),
            refused=[*(name for node in losing for name in node.output if name), *empty],
            id="shape-depends-on-values",
        )
    if empty:
        raise ShapeError(listed(empty.values(), separator="; "), empty.values(), id="shape-empty")


def _why_unknown(outputs: Sequence[str], losing: Sequence[onnx.NodeProto], inferred: Inferred) -> str:
    """The sentence for shapes that depend on values.

    Args:
        outputs: of unknown shape; there may be unknown shapes inside only.
        losing: the operators behind which shapes are unknown.
        inferred: the shapes that are known.
    """
    which = f"of the output{'s' * (len(outputs) > 1)} {listed(map(repr, outputs), 3)}" if outputs else "of a value"
    known = inferred.types
    shapes = [", ".join(shown(extents(known[name])) for name in node.input if name in known) for node in losing]
    read = [f"{label(node)} reads ({shape})" for node, shape in zip(losing, shapes, strict=True)]
    reason = f": it depends on the values that {listed(read, 3)}" if read else ""
    return f"the shape {which} is only known when the model runs{reason}"


def _empty_values(graph: onnx.GraphProto, inferred: Inferred) -> Iterator[tuple[str, str]]:
    """Values that depend on the inputs (on more than their shapes) and have no elements, with sentences."""
    flowing = {value.name for value in graph.input}
    read = {name for node in graph.node for name in free_names(node)} | {value.name for value in graph.output}
    for node in graph.node:
        if node.op_type in ("Shape", "Size") or not flowing & set(node.input):
            continue
        flowing |= set(node.output) - set(inferred.constants)
        for name in node.output:
            if (
                name in read
                and name in inferred.types
                and is_static(inferred.types[name])
                and 0 in extents(inferred.types[name])
            ):
                shape = list(extents(inferred.types[name]))
                yield name, f"the value {name!r} of shape {shape}, which {label(node)} makes, has no elements"


def _known(name: str, types: Mapping[str, onnx.ValueInfoProto]) -> bool:
    return not name or (name in types and is_static(types[name]))


def is_static(value: onnx.ValueInfoProto) -> bool:
    """True when the type, the rank and every extent are known."""
    return value.type.tensor_type.elem_type != 0 and onnx_shapes.is_static(value)


def extents(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The static shape of a value for which `is_static` holds."""
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _check_sizes(types: Mapping[str, onnx.ValueInfoProto]) -> None:
    for value in types.values():
        known = [dim.dim_value for dim in value.type.tensor_type.shape.dim if dim.HasField("dim_value")]
        if math.prod(known) > LARGEST:
            raise ShapeError(
                f"the value {value.name!r} has more than {LARGEST} elements, more than any camera's memory holds: its"
                f" shape is [{listed(map(str, known))}]",
                id="shape-too-large",
            )
        if any(extent < 0 for extent in known):
            raise ShapeError(
                f"the value {value.name!r} has the impossible shape [{listed(map(str, known))}]", id="shape-impossible"
            )


def _losing(model: onnx.ModelProto, inferred: Inferred, outputs: Iterable[str]) -> Iterator[onnx.NodeProto]:
    """The operators that outputs depend on, whose inputs have static shapes and whose own outputs have none."""
    constants = {tensor.name for tensor in model.graph.initializer}
    wanted, needed = set(outputs), []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            wanted |= free_names(node)
            needed.append(node)
    for node in reversed(needed):
        fed = all(name in constants or _known(name, inferred.types) for name in node.input)
        if fed and not all(_known(name, inferred.types) for name in node.output):
            yield node
