"""Checks of integer attributes, since ONNX's shape inference divides by them and allocates as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ModelError
from dlpuconv.frontends.protos import all_nodes, walk_nodes
from dlpuconv.frontends.report import raise_together
from dlpuconv.ir.nodes import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

LARGEST: Final = 2**31 - 1

_POSITIVE: Final = {
    "strides", "dilations", "kernel_shape", "group", "blocksize", "block_size", "num_groups", "num_outputs",
    "hidden_size", "q_num_heads", "kv_num_heads",
}  # fmt: skip
"""Sizes and divisors. An inference that divides by zero ends the process: nothing can be caught then."""

_UNBOUNDED: Final = {"Slice", "Constant"}
"""Before opset 10 a Slice's `ends` says "to the end" by the largest 64-bit number."""


def screen_attributes(model: onnx.ModelProto) -> None:
    """Check the integer attributes of all operators, those of functions included.

    Raises:
        ModelError: lists those with impossible values.
    """
    raise_together([ModelError(text, id="attribute-invalid") for node in all_nodes(model) for text in _problems(node)])


def screen_references(graph: onnx.GraphProto) -> None:
    """Check that no attribute of the main graph takes its value from a function's: there is none around it.

    Raises:
        ModelError: lists those that do.
    """
    found = [
        f"{label(node)} takes {attribute.name} from an attribute of its function, and is in none"
        for node in walk_nodes(graph.node)
        for attribute in node.attribute
        if attribute.ref_attr_name
    ]
    raise_together([ModelError(text, id="attribute-invalid") for text in found])


def _problems(node: onnx.NodeProto) -> Iterator[str]:
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            continue
        positive = attribute.name in _POSITIVE and (attribute.ints or attribute.type == 2)  # AttributeProto.INT
        lowest = 1 if positive else -LARGEST
        wrong = [number for number in (attribute.ints or [attribute.i]) if not lowest <= number <= LARGEST]
        if wrong and node.op_type not in _UNBOUNDED:
            yield f"{label(node)} has {attribute.name} {list(attribute.ints) or attribute.i}, which is impossible"
        if attribute.name == "num_outputs" and attribute.i != len(node.output):
            yield f"{label(node)} has num_outputs {attribute.i} and {len(node.output)} outputs"
