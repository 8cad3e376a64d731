"""The ONNX graph under construction, whose values have two forms: channels last, and channels first where needed.

TFLite has the channels of a value of four axes on the last one, ONNX's layers have them on the second. A value that a
layer makes is at home there; what only passes values on (an activation, an addition, a concatenation) stays where its
operands are, so that a network is one region of channels first, as exporters of ONNX make them. The form that the file
has is always there under the tensor's own name; what nothing reads is removed like any dead operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends.tflite.names import DOMAIN, REASON, Names
from dlpuconv.ir.signature import LAYOUT, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.formats.view import FileView, LayerView

    type Array = npt.NDArray[Any]

OPSET: Final = 20
TO_FIRST: Final = (0, 3, 1, 2)
TO_LAST: Final = (0, 2, 3, 1)


class UnreadError(Exception):
    """An operator has no reader, or none for what it is used for; `str` says why, after its name."""


class NodeGraph:
    """Values of the ONNX graph by the index of the tensor that they are."""

    def __init__(self, view: FileView) -> None:
        self.view = view
        self._all = Names()
        self.names = self._all.of_tensors(view)
        self._arrays = {tensor.index: tensor.data for tensor in view.tensors if tensor.data is not None}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, Array] = {}
        self._forms: dict[tuple[int, tuple[int, ...]], str] = {}
        self._first: set[int] = set()
        self._flowing = {*view.inputs, *(index for layer in view.layers for index in layer.outputs)}

    def array(self, index: int) -> Array | None:
        """The values of a constant as the file has them; None of what is computed.

        Raises:
            UnreadError: they are stored in a form that is not read.
        """
        tensor = self.view.tensors[index]
        if index not in self._arrays and tensor.constant:
            raise UnreadError(f"its constant {self.names[index]!r} is stored sparse or in a type that numpy lacks")
        if index not in self._arrays and min(tensor.shape, default=1) == 0:
            self._arrays[index] = np.zeros(tensor.shape, tensor.dtype)
        return self._arrays.get(index)

    def know(self, index: int, array: Array) -> None:
        """Take a tensor for a constant, although an operator makes it."""
        self._arrays[index] = array

    def is_first(self, index: int) -> bool:
        """Whether a value is at home with channels first."""
        return index in self._first

    def rank(self, index: int) -> int:
        """Number of axes of a tensor."""
        return len(self.view.tensors[index].shape)

    def last(self, index: int) -> str:
        """A value as the file has it."""
        name, array = self.names[index], self.array(index)
        if array is not None and name not in self._constants:
            self._constants[name] = array
        return name

    def first(self, index: int) -> str:
        """A value of four axes with channels first."""
        return self.permuted(index, TO_FIRST)

    def permuted(self, index: int, permutation: tuple[int, ...]) -> str:
        """A value with its axes in another order."""
        if (index, permutation) not in self._forms:
            array = self.array(index)
            stem = f"{self.names[index]}/{'nchw' if permutation == TO_FIRST else 'permuted'}"
            self._forms[index, permutation] = (
                self.constant(np.ascontiguousarray(array.transpose(permutation)), stem)
                if array is not None
                else self.node("Transpose", [self.last(index)], self.fresh(stem), perm=permutation)
            )
        return self._forms[index, permutation]

    def made(self, index: int, *, first: bool) -> str:
        """The name that a tensor's value must be given, by whoever makes it, before anything else is made."""
        if not first:
            return self.names[index]
        self._first.add(index)
        name = self.fresh(f"{self.names[index]}/nchw")
        self._forms[index, TO_FIRST] = name
        return name

    def settle(self, index: int) -> None:
        """Make the form that the file has of a value that was made with channels first."""
        if index in self._first:
            name = self.names[index]
            self.node("Transpose", [self._forms[index, TO_FIRST]], name, name=f"{name}/nhwc", perm=TO_LAST)

    def home(self, index: int) -> str:
        """The name of a value in the layout in which it was made."""
        return self._forms[index, TO_FIRST] if index in self._first else self.names[index]

    def forms(self, index: int) -> dict[str, tuple[int, ...]]:
        """The names under which a value is there, each with the order of its axes."""
        found = {name: permutation for (known, permutation), name in self._forms.items() if known == index}
        return {self.names[index]: tuple(range(self.rank(index))), **found}

    def fresh(self, stem: str) -> str:
        """A name for a further value."""
        return self._all.unique(stem)

    def constant(self, array: Array, stem: str) -> str:
        """A new constant."""
        name = self.fresh(stem)
        self._constants[name] = array
        return name

    def node(self, kind: str, inputs: Sequence[str], *outputs: str, name: str = "", **attributes: Any) -> str:
        """A new operator; its first output."""
        self._nodes.append(onnx.helper.make_node(kind, inputs, outputs, name or outputs[0], **attributes))
        return outputs[0]

    def leave(self, layer: LayerView, reason: str) -> None:
        """Put an operator that has no reader into the graph as it is, without the states that it keeps."""
        inputs = [self.last(index) if index in self._arrays or index in self._flowing else "" for index in layer.inputs]
        outputs = [self.names[index] for index in layer.outputs]
        name = outputs[0] if outputs else ""
        node = onnx.helper.make_node(_identifier(layer.op), inputs, outputs, name, domain=DOMAIN)
        node.attribute.add(name=REASON, s=reason.encode(), type=onnx.AttributeProto.STRING)
        self._nodes.append(node)

    def to_proto(self) -> onnx.ModelProto:
        """The model.

        Raises:
            UnsupportedModelError: an input or output is of a type that ONNX's tensors do not have.
        """
        inputs = [self._declared(index) for index in self.view.inputs]
        for value in inputs:
            if len(value.type.tensor_type.shape.dim) == len(Layout.NHWC):
                value.metadata_props.add(key=LAYOUT, value=Layout.NHWC)
        outputs = [self._declared(index) for index in self.view.outputs]
        for index in self.view.outputs:
            self.last(index)
        constants = [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in self._constants.items()]
        graph = onnx.helper.make_graph(self._nodes, "tflite", inputs, outputs, constants)
        known = set(self._constants)
        left = [index for layer in self.view.layers for index in layer.outputs if self.names[index] not in known]
        graph.value_info.extend(self._declared(index) for index in left if index not in self.view.outputs)
        imports = [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid(DOMAIN, 1)]
        return onnx.helper.make_model(graph, opset_imports=imports, ir_version=9)

    def _declared(self, index: int) -> onnx.ValueInfoProto:
        tensor = self.view.tensors[index]
        shape = [f"{self.names[index]}_{axis}" if e < 0 else e for axis, e in enumerate(tensor.shape)]
        return onnx.helper.make_tensor_value_info(self.names[index], element_type(tensor.dtype), shape)


def element_type(dtype: str) -> int:
    """ONNX's number of a type.

    Raises:
        UnsupportedModelError: it has none.
    """
    try:
        return int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
    except (TypeError, ValueError, KeyError):
        raise UnsupportedModelError(
            f"the file has tensors of type {dtype}, for which there is no conversion", id="tensor-type-unsupported"
        ) from None


def _identifier(op: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in op) or "CUSTOM"
