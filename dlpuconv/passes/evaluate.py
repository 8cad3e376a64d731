"""The result of one node whose inputs are constants.

What occurs in shape arithmetic and in front of weights is computed by NumPy; everything else by ONNX Runtime in a
worker, which is only then started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir

from dlpuconv.errors import ModelError
from dlpuconv.isolation import Limits
from dlpuconv.passes import attributes as attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    type Array = npt.NDArray[Any]
    type Kernel = Callable[[onnx_ir.Node, Sequence[Array]], Array | None]


_LIMITS = Limits(memory=1 << 30, seconds=10)


def evaluate(node: onnx_ir.Node, inputs: Sequence[Array | None], opset: int) -> list[Array] | None:
    """The node's outputs, or None if they cannot be computed.

    Args:
        node: of the default domain, without subgraphs.
        inputs: one array for each input; None for an absent one.
        opset: version of the default domain.
    """
    kernel = _KERNELS.get(node.op_type)
    if kernel is not None:
        present = [x for x in inputs if x is not None]
        try:
            result = kernel(node, present) if len(present) == len(inputs) else None
        except (IndexError, KeyError, TypeError, ValueError):
            return None  # the node cannot run on these constants; whoever runs the model says so
        if result is not None:
            return [np.asarray(result)]
    return _by_runtime(node, inputs, opset)


def _cast(node: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    to = onnx_ir.DataType(node.attributes["to"].as_int())
    if to == onnx_ir.DataType.STRING or (x[0].dtype.kind == "f" and not np.isfinite(x[0]).all()):
        return None
    return x[0].astype(to.numpy())


def _gather(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    return np.take(x[0], x[1], axis=attrs.integer(node, "axis", 0))


def _concat(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    return np.concatenate(x, axis=node.attributes["axis"].as_int())


def _axes(node: onnx_ir.Node, x: Sequence[Array]) -> list[int] | None:
    if len(x) > 1:
        return [int(a) for a in x[1].ravel()]
    return attrs.integers(node, "axes")


def _unsqueeze(node: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    axes = _axes(node, x)
    return None if axes is None else np.expand_dims(x[0], tuple(axes))


def _squeeze(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    axes = _axes(node, x)
    return np.squeeze(x[0], None if axes is None else tuple(axes))


def _slice(_: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if len(x) < 3:
        return None
    starts, ends = x[1].ravel(), x[2].ravel()
    axes = x[3].ravel() if len(x) > 3 else range(len(starts))
    steps = x[4].ravel() if len(x) > 4 else [1] * len(starts)
    if any(s <= 0 for s in steps):
        return None
    index = [slice(None)] * x[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[int(axis)] = slice(int(start), int(end), int(step))
    return x[0][tuple(index)]


def _reshape(node: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if len(x) != 2 or attrs.integer(node, "allowzero", 0):
        return None
    shape = [x[0].shape[i] if d == 0 else int(d) for i, d in enumerate(x[1].ravel())]
    return x[0].reshape(shape)


def _transpose(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    perm = attrs.integers(node, "perm")
    return np.transpose(x[0], None if perm is None else tuple(perm))


def _constant_of_shape(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    value = node.attributes.get("value")
    fill = np.zeros(1, np.float32) if value is None else value.as_tensor().numpy()
    return np.full([int(d) for d in x[0].ravel()], fill.reshape(()), fill.dtype)


def _divide(_: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if x[0].dtype.kind == "f":
        return None if (x[1] == 0).any() else np.divide(x[0], x[1])
    # ONNX divides integers towards zero, NumPy towards minus infinity.
    return None if (x[0] < 0).any() or (x[1] <= 0).any() else np.floor_divide(x[0], x[1])


def _expand(_: onnx_ir.Node, x: Sequence[Array]) -> Array:
    shape = np.broadcast_shapes(x[0].shape, tuple(int(d) for d in x[1].ravel()))
    return np.broadcast_to(x[0], shape)


def _range(_: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if x[0].dtype.kind != "i":
        return None
    return np.arange(int(x[0].item()), int(x[1].item()), int(x[2].item()), dtype=x[0].dtype)


_KERNELS: dict[str, Kernel] = {
    "Add": lambda _, x: x[0] + x[1],
    "Sub": lambda _, x: x[0] - x[1],
    "Mul": lambda _, x: x[0] * x[1],
    "Div": _divide,
    "Neg": lambda _, x: -x[0],
    "Equal": lambda _, x: np.equal(x[0], x[1]),
    "Greater": lambda _, x: np.greater(x[0], x[1]),
    "Less": lambda _, x: np.less(x[0], x[1]),
    "Not": lambda _, x: np.logical_not(x[0]),
    "And": lambda _, x: np.logical_and(x[0], x[1]),
    "Or": lambda _, x: np.logical_or(x[0], x[1]),
    "Where": lambda _, x: np.where(x[0], x[1], x[2]),
    "Floor": lambda _, x: np.floor(x[0]),
    "Ceil": lambda _, x: np.ceil(x[0]),
    "Identity": lambda _, x: x[0],
    "Cast": _cast,
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Range": _range,
}


def _by_runtime(node: onnx_ir.Node, inputs: Sequence[Array | None], opset: int) -> list[Array] | None:
    import onnx

    from dlpuconv.formats.ort_runner import EndedError, OrtRunner, RefusedModelError

    proto = onnx_ir.to_proto(node)
    present = {name: x for name, x in zip(proto.input, inputs, strict=True) if x is not None}
    names = [name for name in proto.output if name]
    graph = onnx.helper.make_graph(
        [proto],
        "constant",
        [],
        [onnx.helper.make_empty_tensor_value_info(name) for name in names],
        [onnx.numpy_helper.from_array(x, name) for name, x in present.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)
    try:
        found = OrtRunner(model.SerializeToString(), optimize=False, limits=_LIMITS).run({})
    except RefusedModelError:
        return None
    except EndedError as error:
        raise ModelError(
            f"{node.op_type} {node.name!r} cannot be computed: its constants end the process that does it"
        ) from error
    return [np.asarray(found[name]) for name in names]
