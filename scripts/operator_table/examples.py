"""ONNX's own models of its operators, with the values that they take and give: they come with its distribution."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnx.backend.test
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    type Arrays = Mapping[str, npt.NDArray[Any]]

FOLDER: Final = Path(onnx.backend.test.__file__).parent / "data" / "node"

GENERATORS: Final = frozenset(
    {
        "BlackmanWindow", "Constant", "ConstantOfShape", "EyeLike", "HammingWindow", "HannWindow", "MelWeightMatrix",
        "Range",
    }
)  # fmt: skip
"""Operators that make values of nothing but sizes: a network has all that they read as constants."""


_FUNCTION = re.compile(r"(\w+?)_test_")


class Binding(StrEnum):
    """Which inputs of a model are constants: a model gives them all as inputs, and networks hold weights."""

    NONE = "none"
    INTEGERS = "integers"
    """All but the first input that are no floats: axes, shapes, pads, positions."""
    REST = "rest"
    """All but the first input."""
    ALL = "all"
    """All; what the operator makes is added to zeros, which are the network's input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One model.

    Attributes:
        name: of its folder, without `test_`.
        proto: as ONNX has it, or with inputs as constants.
        inputs: what it takes, by name; empty where it takes more than tensors.
        outputs: what it has to give, by name.
        constant: inputs that became constants, by position.
    """

    name: str
    proto: onnx.ModelProto
    inputs: Arrays
    outputs: Arrays
    constant: tuple[int, ...] = ()

    @property
    def operator(self) -> str:
        """The operator that the model is about, with the domain in front of it unless that is ONNX's own."""
        nodes = self.proto.graph.node
        made = (_FUNCTION.match(name) for node in nodes for name in node.output)  # by a function that was written out
        function = next((found.group(1) for found in made if found), None)
        if function:
            return function
        about = self.name.replace("_", "")
        named = [node for node in nodes if about.startswith(node.op_type.lower())]
        node = max(named, key=lambda node: len(node.op_type), default=nodes[0])
        return f"{node.domain}.{node.op_type}" if node.domain else node.op_type

    @property
    def is_plain(self) -> bool:
        """Whether it takes and gives tensors of numbers only."""
        values = (*self.proto.graph.input, *self.proto.graph.output)
        tensors = [value.type.tensor_type.elem_type for value in values if value.type.HasField("tensor_type")]
        return len(tensors) == len(values) and TensorProto.STRING not in tensors

    def bound(self, binding: Binding) -> Example | None:
        """The model with inputs as constants; None where that is no other model, or none at all."""
        if binding is Binding.NONE:
            return self
        if not self.is_plain or (binding is Binding.ALL) != (self.operator in GENERATORS):
            return None
        first = 0 if binding is Binding.ALL else 1
        chosen = [
            position
            for position, value in enumerate(self.inputs.values())
            if position >= first and (binding is not Binding.INTEGERS or not _is_float(value))
        ]
        if not chosen and binding is not Binding.ALL:
            return None
        made = _with_constants(self, chosen)
        return _in_a_network(made) if binding is Binding.ALL else made


def examples(names: str = "*") -> Iterator[Example]:
    """ONNX's models in the order of their names.

    Args:
        names: a pattern for what follows `test_`.
    """
    for folder in sorted(FOLDER.glob(f"test_{names}")):
        yield _read(folder)


def names() -> tuple[str, ...]:
    """Of all models."""
    return tuple(sorted(folder.name.removeprefix("test_") for folder in FOLDER.iterdir()))


def _read(folder: Path) -> Example:
    proto = onnx.load(folder / "model.onnx")
    example = Example(name=folder.name.removeprefix("test_"), proto=proto, inputs={}, outputs={})
    if not example.is_plain:
        return example
    held = {tensor.name for tensor in proto.graph.initializer}
    given = [value.name for value in proto.graph.input if value.name not in held]
    made = [value.name for value in proto.graph.output]
    data = folder / "test_data_set_0"
    return replace(example, inputs=_values(data, "input", given), outputs=_values(data, "output", made))


def _values(data: Path, what: str, names: list[str]) -> Arrays:
    return {
        name: numpy_helper.to_array(onnx.load_tensor(data / f"{what}_{position}.pb"))
        for position, name in enumerate(names)
    }


def _is_float(value: npt.NDArray[Any]) -> bool:
    return value.dtype.kind == "f" or value.dtype.name == "bfloat16"


def _with_constants(example: Example, chosen: list[int]) -> Example:
    proto = onnx.ModelProto()
    proto.CopyFrom(example.proto)
    graph, names = proto.graph, list(example.inputs)
    bound = {names[position] for position in chosen}
    graph.initializer.extend(numpy_helper.from_array(example.inputs[name], name) for name in names if name in bound)
    left = [value for value in graph.input if value.name not in bound]
    del graph.input[:]
    graph.input.extend(left)
    proto.ir_version = max(proto.ir_version, 4)  # from here on, a constant need not be an input
    given = {name: value for name, value in example.inputs.items() if name not in bound}
    return replace(example, proto=proto, inputs=given, constant=tuple(chosen))


def _in_a_network(example: Example) -> Example:
    """Add what the operator makes to zeros, which are the network's input: y -> y + zeros."""
    proto = example.proto if example.constant else _with_constants(example, []).proto
    graph = proto.graph
    inputs = {}
    for output in graph.output:
        zeros = np.zeros_like(example.outputs[output.name])
        inner, given = f"{output.name}/made", f"{output.name}/zeros"
        for node in graph.node:
            node.output[:] = [inner if name == output.name else name for name in node.output]
        graph.node.append(helper.make_node("Or" if zeros.dtype == bool else "Add", [inner, given], [output.name]))
        data_type = output.type.tensor_type.elem_type
        graph.input.append(helper.make_tensor_value_info(given, data_type, zeros.shape))
        inputs[given] = zeros
    return replace(example, proto=proto, inputs=inputs)
