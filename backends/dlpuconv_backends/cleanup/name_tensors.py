"""Names: of the source model where a value has one, unique, and the same in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv_backends.flatbuffer.graph import Graph, Tensor

_ROLES = {
    "CONV_2D": {1: "weights", 2: "bias"},
    "DEPTHWISE_CONV_2D": {1: "weights", 2: "bias"},
    "FULLY_CONNECTED": {1: "weights", 2: "bias"},
    "TRANSPOSE_CONV": {0: "output_shape", 1: "weights", 3: "bias"},
    "PRELU": {1: "alpha"},
    "RESHAPE": {1: "shape"},
    "PAD": {1: "paddings"},
    "TRANSPOSE": {1: "permutation"},
}


def name_tensors(graph: Graph, outputs: Sequence[str]) -> None:
    """Name everything in place.

    Args:
        graph: its inputs have their names already.
        outputs: names of its outputs, in order.
    """
    taken: set[str] = set()
    for tensor, name in (*((t, t.name) for t in graph.inputs), *zip(graph.outputs, outputs, strict=True)):
        tensor.name = name
        taken.add(name)
    ends = {*graph.inputs, *graph.outputs}
    for op in graph.operators:
        for index, tensor in enumerate(op.outputs):
            if tensor not in ends:
                usual = (
                    tensor.source_names[-1] if tensor.source_names else f"{op.source_name or op.kind.lower()}/{index}"
                )
                _name(tensor, usual, taken)
    seen: set[Tensor] = set()
    for op in graph.operators:
        for index, operand in enumerate(op.inputs):
            if operand is not None and operand.is_constant and operand not in seen:
                role = _ROLES.get(op.kind, {}).get(index, f"operand{index}")
                _name(operand, f"{op.output.name}/{role}", taken)
                seen.add(operand)


def _name(tensor: Tensor, usual: str, taken: set[str]) -> None:
    name, number = usual, 1
    while name in taken:
        number += 1
        name = f"{usual}#{number}"
    tensor.name = name
    taken.add(name)
