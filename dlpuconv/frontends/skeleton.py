"""A model without its large weights, for ONNX's checker and shape inference, which copy what they are given."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ModelError
from dlpuconv.formats import onnx_rules
from dlpuconv.formats.onnx_rules import LostError, ModelRefusedError
from dlpuconv.frontends.protos import walk_nodes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np
    import numpy.typing as npt
    import onnx

_OF_INPUTS_TYPE: Final = {"GroupNormalization", "MeanVarianceNormalization"}
_STRANGE: Final = "strangers"


def make_skeleton(model: onnx.ModelProto, small: int) -> onnx.ModelProto:
    """The model with large weights as inputs, and without outputs.

    Args:
        model: not changed.
        small: elements of the largest constant that stays.
    """
    import onnx

    skeleton = onnx.ModelProto(ir_version=model.ir_version)
    skeleton.opset_import.extend(model.opset_import)
    graph = skeleton.graph
    graph.name = "skeleton"
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= small:
            graph.initializer.append(tensor)
        else:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return skeleton


def tame(graph: onnx.GraphProto) -> None:
    """Replace what ONNX's inference does not survive, or cannot tell, by operators of the same type and shape.

    In place. Its data propagation makes all numbers of a Range and a ConstantOfShape, however many there are: a file of
    a hundred bytes would take all memory. `arithmetic.py` makes the short ones. Unique gives the type of a Range and an
    unknown length; Expand of a number gives what ConstantOfShape does. Convolutions get the kernel_shape that their
    weights have. The normalizations of which ONNX has only functions, which it cannot follow, give the type and shape
    of their input.
    """
    import numpy as np
    import onnx

    taken = {name for node in walk_nodes(graph.node) for name in (*node.input, *node.output)}
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    shapes |= {value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim) for value in graph.input}
    free = (name for number in count() if (name := f"filling_{number}") not in taken)
    for node in walk_nodes(graph.node):
        if node.op_type == "Range":
            node.op_type = "Unique"
            del node.input[1:]
        elif node.op_type == "ConstantOfShape":
            kind = node.attribute[0].t.data_type if node.attribute else onnx.TensorProto.FLOAT
            zero = np.zeros((), onnx.helper.tensor_dtype_to_np_dtype(kind))
            filling = onnx.numpy_helper.from_array(zero, next(free))
            graph.initializer.append(filling)
            node.op_type = "Expand"
            node.input.insert(0, filling.name)
            del node.attribute[:]
        elif node.op_type == "EyeLike":
            # The inference of EyeLike does not survive an input of unknown type.
            kind = next((attribute.i for attribute in node.attribute if attribute.name == "dtype"), None)
            node.op_type = "Identity" if kind is None else "Cast"
            del node.attribute[:]
            if kind is not None:
                node.attribute.add(name="to", i=kind, type=2)  # AttributeProto.INT
        elif node.op_type in _OF_INPUTS_TYPE:
            node.op_type = "Identity"
            del node.input[1:], node.attribute[:]
        elif node.op_type in ("Conv", "ConvTranspose"):
            _state_kernel(node, shapes)


def _state_kernel(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Give a convolution a kernel_shape, in place.

    Without one, ONNX reads as many extents of the weights as the input has, beyond their end if need be.
    """
    if not any(attribute.name == "kernel_shape" for attribute in node.attribute):
        node.attribute.add(name="kernel_shape", ints=shapes[node.input[1]][2:], type=7)  # AttributeProto.INTS


def replace_by_values(graph: onnx.GraphProto, found: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Put constants in the place of the operators that make them, in place."""
    import onnx

    for index in range(len(graph.node) - 1, -1, -1):
        outputs = [name for name in graph.node[index].output if name]
        if outputs and all(name in found for name in outputs):
            del graph.node[index]
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in found.items())


def check_nodes(model: onnx.ModelProto, strangers: Collection[str] = ()) -> None:
    """Run ONNX's own checker: numbers of inputs, attributes and their types.

    Args:
        model: not changed.
        strangers: operators that ONNX does not have, and which it therefore does not check.

    Raises:
        ModelError: it complains.
    """
    skeleton = make_skeleton(model, 0)
    for node in walk_nodes(skeleton.graph.node):
        if node.op_type in strangers and not node.domain:
            node.domain = _STRANGE
    if strangers:
        skeleton.opset_import.add(domain=_STRANGE, version=1)
    try:
        onnx_rules.check_model(skeleton)
    except ModelRefusedError as error:
        raise ModelError(f"the model is not valid ONNX: {_first_line(error)}", id="model-invalid") from error
    except LostError as error:
        raise ModelError(f"the model is not valid ONNX: ONNX's own checker {error}", id="model-onnx-crash") from error


def run_inference(skeleton: onnx.ModelProto, *, strict: bool) -> dict[str, onnx.ValueInfoProto]:
    """Declarations of all values that ONNX's shape inference knows, by name.

    Raises:
        ModelError: operators do not fit their inputs, where `strict`; or the inference fails.
    """
    try:
        graph = onnx_rules.infer_shapes(skeleton, strict=strict, values=True).graph
    except ModelRefusedError as error:
        if error.fits_not:
            raise ModelError(_readable(str(error)), id="operands-misfit") from error
        raise ModelError(f"shapes cannot be inferred: {_first_line(error)}", id="model-invalid") from error
    except LostError as error:
        raise ModelError(
            f"shapes cannot be inferred: ONNX's own shape inference {error}", id="model-onnx-crash"
        ) from error
    return {value.name: value for value in (*graph.input, *graph.value_info, *graph.output)}


def _readable(message: str) -> str:
    """ONNX's `[ShapeInferenceError] (op_type:Add, node name: /add): A: ...` for people."""
    message = message.replace("Inference error(s): ", "").replace("[TypeInferenceError]", "")
    lines = [line.strip() for line in message.splitlines() if "(op_type" in line] or [_first_line(message)]
    return "the model does not fit together: " + lines[0].replace("[ShapeInferenceError]", "").strip()


def _first_line(error: object) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason was given")
