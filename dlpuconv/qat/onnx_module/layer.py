"""A node of an ONNX graph as a PyTorch module that holds the node's constants."""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING, Any, override

import numpy as np
import torch

from dlpuconv.qat.onnx_module.facts import constant
from dlpuconv.qat.onnx_module.operators import OPERATORS, arranged

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir

    type Tensor = Any


class OnnxLayer(torch.nn.Module):  # type: ignore[misc] # torch's types are not followed
    """One operator. What a training changes of its constants are parameters, the others buffers.

    Attributes:
        op_type: the ONNX operator.
        node: name of the ONNX node.
        reads: the inputs of the node that `forward` takes, by their number.
        initializers: what the graph calls the constants, by the attribute that holds each.
    """

    def __init__(self, node: onnx_ir.Node, shared: dict[str, list[Tensor]]) -> None:
        """Take over what a node says.

        Args:
            node: of the normal form.
            shared: tensors that other layers hold, by initializer, to be held together; the layer adds its own.

        Raises:
            NotInTorchError: torch has no function for it.
        """
        super().__init__()
        operator = OPERATORS[node.op_type]
        self.op_type, self.node = node.op_type, node.name or ""
        self.reads: list[int] = []
        self.initializers: dict[str, str] = {}
        self._function = operator.make(node)
        self._operands: list[str | None] = []
        for index, value in enumerate(node.inputs[: operator.operands]):
            array = constant(node, index)
            if value is None or array is None:
                self.reads += [] if value is None else [index]
                self._operands.append(None if value is None else "")
                continue
            attribute = identifier(value.name or "constant", dir(self))
            self.initializers[attribute] = value.name or ""
            self._operands.append(attribute)
            held = _held(arranged(node, index, array), shared.setdefault(value.name or "", []), operator.weights)
            (self.register_parameter if isinstance(held, torch.nn.Parameter) else self.register_buffer)(attribute, held)

    @override
    def forward(self, *inputs: Tensor) -> Tensor:
        """What the operator makes of the inputs that it reads."""
        given = iter(inputs)
        return self._function(
            *(None if name is None else getattr(self, name) if name else next(given) for name in self._operands)
        )

    @override
    def extra_repr(self) -> str:
        """The operator and its constants, for `print(module)`."""
        return ", ".join((self.op_type, *self.initializers.values()))


def identifier(name: str, taken: Collection[str]) -> str:
    """A name of ONNX's as Python writes attributes; with a number behind it where that is taken."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "value"
    plain = f"n{plain}" if plain[0].isdigit() else plain
    found, number = plain, 0
    while found in taken or keyword.iskeyword(found) or hasattr(torch.nn.Module, found):
        number += 1
        found = f"{plain}_{number}"
    return found


def _held(array: np.ndarray[Any, Any], shared: list[Tensor], trained: bool) -> Tensor:
    """A tensor of these values: one that another layer holds, where there is one."""
    values = torch.from_numpy(np.array(array))  # a copy: training writes into it
    if trained and values.is_floating_point():
        values = torch.nn.Parameter(values)
    found = next(
        (t for t in shared if type(t) is type(values) and t.shape == values.shape and torch.equal(t, values)), None
    )
    if found is None:
        shared.append(values)
    return values if found is None else found
