"""A function of TensorFlow's becomes an ONNX model, by tf2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx

from dlpuconv.errors import ModelError, UnsupportedModelError
from dlpuconv.frontends.shapes import bind_inputs, declared_shape
from dlpuconv.frontends.tensorflow.worker import arithmetic, fake_quantization
from dlpuconv.frontends.tensorflow.worker.names import name_like_layers
from dlpuconv.frontends.tensorflow.worker.negative_zeros import merge_zeros
from dlpuconv.frontends.tensorflow.worker.order import put_in_order
from dlpuconv.frontends.tensorflow.worker.uncompiled import tracing_plainly
from dlpuconv.ir.signature import LAYOUT, Layout
from dlpuconv.named_function import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_OPSET = 17
FOREIGN_DOMAIN = "tensorflow"
"""Of operators that ONNX has no form for: whoever reads the model finds them, and may cut them off."""
_LAYERS = frozenset({"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"})
_BEFORE_LAYERS = frozenset({"Cast", "Identity", "Mul", "Add", "Sub", "Div", "Pad"})
"""What a network does to pictures before its first layer: none of it moves axes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionInput:
    """An input.

    Attributes:
        name: as the user knows it.
        shape: None for an extent that is not known, and for a shape of which nothing is.
        dtype: TensorFlow's name, such as `float32`.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What a model computes.

    Attributes:
        inputs: in the user's order.
        outputs: their names, likewise.
        call: takes a tensor for each input and gives one for each output.
    """

    inputs: tuple[FunctionInput, ...]
    outputs: tuple[str, ...]
    call: Callable[[Sequence[Any]], Sequence[Any]]


def to_onnx(function: Function, asked: Mapping[str, tuple[int, ...]]) -> onnx.ModelProto:
    """The ONNX form of a function, with the user's names.

    Args:
        function: to be traced.
        asked: shapes of inputs by name.

    Raises:
        ShapeError: an input has no static shape.
        ModelError: it cannot be traced or converted with these shapes.
        UnsupportedModelError: it takes or gives something else than tensors of numbers.
    """
    import tensorflow as tf
    import tf2onnx.convert
    import tf2onnx.utils

    shapes = static_shapes(function.inputs, asked)
    specs = [
        tf.TensorSpec(shapes[port.name], port.dtype, name=f"dlpuconv_input_{number}")
        for number, port in enumerate(function.inputs)
    ]

    def traced(*tensors: Any) -> Any:
        return tuple(tf.identity(value) for value in function.call(tensors))

    tf2onnx.utils.INTERNAL_NAME = 1  # it counts over all models, and what it counts ends up in names
    handlers = arithmetic.handlers() | fake_quantization.handlers()
    try:
        compiled = tf.function(traced, input_signature=specs, autograph=False)
        with tracing_plainly():
            concrete = compiled.get_concrete_function()
        proto: onnx.ModelProto
        with fake_quantization.kept_of_weights():
            proto, _ = tf2onnx.convert.from_function(
                compiled, input_signature=specs, opset=_OPSET, custom_op_handlers=handlers
            )
    except MemoryError:
        raise
    except Exception as error:  # whatever either library says of a model that it did not make
        raise ModelError(f"tf2onnx cannot convert it: {first_line(error)}", id="tensorflow-not-converted") from error
    proto.producer_version = tf2onnx.__version__  # tf2onnx adds a commit, which an installed one does not know
    _keep_captured(proto, concrete)
    merge_zeros(proto.graph)
    put_in_order(proto.graph)
    _mark_foreign(proto)
    name_like_layers(proto, [port.name for port in function.inputs], function.outputs)
    _declare_layouts(proto.graph)
    return proto


def _declare_layouts(graph: onnx.GraphProto) -> None:
    """Say of inputs of four axes that their channels are last, in place; not of ones that a layer reads as they are.

    ONNX's layers have them on the second axis, so tf2onnx transposes what is channels last in Keras, and nothing else.
    """
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for value in graph.input:
        waiting, met = [value.name], set[str]()
        for name in waiting:
            for node in readers.get(name, ()):
                met.add(node.op_type)
                waiting += [made for made in node.output if node.op_type in _BEFORE_LAYERS and made not in waiting]
        if len(value.type.tensor_type.shape.dim) == len(Layout.NHWC) and not met & _LAYERS:
            value.metadata_props.add(key=LAYOUT, value=Layout.NHWC)


def _keep_captured(proto: onnx.ModelProto, traced: Any) -> None:
    """Make initializers of the constants that layers hold as tensors (a Normalization its mean), in place.

    TensorFlow hands such a constant to the function that was traced as one more input, and tf2onnx leaves it one.
    """
    held = {inside.name: outside for outside, inside in traced.graph.captures}
    for number in reversed(range(len(proto.graph.input))):
        value = proto.graph.input[number]
        if value.name in held:
            proto.graph.initializer.append(onnx.numpy_helper.from_array(held[value.name].numpy(), value.name))
            del proto.graph.input[number]


def static_shapes(inputs: Sequence[FunctionInput], asked: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Shape by input name: the model's own, and where that is not known by the rules that hold for ONNX models.

    What is asked for instead of the model's own is asked of its ONNX form later, as of any other ONNX model.

    Raises:
        ShapeError: one is unknown, impossible, or asked for in another rank; or there is no such input.
        UnsupportedModelError: an input is no tensor of numbers.
    """
    import tensorflow as tf

    graph = onnx.GraphProto()
    for port in inputs:
        kind = tf.as_dtype(port.dtype)
        if not (kind.is_floating or kind.is_integer or kind.is_bool):
            raise UnsupportedModelError(
                f"the input {port.name!r} is a tensor of {kind.name}; only tensors of numbers can be converted",
                id="ports-not-numbers",
            )
        extents = None if port.shape is None else ["" if extent is None else extent for extent in port.shape]
        graph.input.append(onnx.helper.make_tensor_value_info(port.name, onnx.TensorProto.FLOAT, extents))
        if extents is not None:
            for extent, dim in zip(extents, graph.input[-1].type.tensor_type.shape.dim, strict=True):
                if extent == "":
                    dim.Clear()
    bind_inputs(graph, asked)
    bound = {value.name: tuple(map(int, declared_shape(value) or ())) for value in graph.input}
    return {
        port.name: bound[port.name]
        if port.shape is None
        else tuple(own or other for own, other in zip(port.shape, bound[port.name], strict=True))
        for port in inputs
    }


def _mark_foreign(proto: onnx.ModelProto) -> None:
    """Tell operators that tf2onnx left as they are from those of ONNX, in place."""
    for node in proto.graph.node:
        if not node.domain and not onnx.defs.has(node.op_type, _OPSET, ""):
            node.domain = FOREIGN_DOMAIN
    if any(node.domain == FOREIGN_DOMAIN for node in proto.graph.node):
        proto.opset_import.add(domain=FOREIGN_DOMAIN, version=1)
