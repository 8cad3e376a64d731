"""The result of one node whose inputs are constants.

What occurs in shape arithmetic and in front of weights is computed by NumPy; everything else by ONNX Runtime in a
worker, which is only then started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir

from dlpuconv.errors import ModelError
from dlpuconv.formats.onnx_kernels import KERNELS
from dlpuconv.isolation import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.formats.onnx_kernels import Array

_LIMITS = Limits(memory=1 << 30, seconds=10)


def evaluate(node: onnx_ir.Node, inputs: Sequence[Array | None], opset: int) -> list[Array] | None:
    """The node's outputs, or None if they cannot be computed.

    Args:
        node: of the default domain, without subgraphs.
        inputs: one array for each input; None for an absent one.
        opset: version of the default domain.
    """
    kernel = KERNELS.get(node.op_type)
    if kernel is not None:
        present = [x for x in inputs if x is not None]
        try:
            with np.errstate(all="ignore"):
                result = kernel(node, present) if len(present) == len(inputs) else None
        except (ArithmeticError, IndexError, KeyError, MemoryError, TypeError, ValueError):
            return None  # the node cannot run on these constants; whoever runs the model says so
        if result is not None:
            return [np.asarray(result)]
    return _by_runtime(node, inputs, opset)


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
            f"{node.op_type} {node.name!r} cannot be computed from its constants: the process that did it ended",
            id="constants-not-computable",
        ) from error
    return [np.asarray(found[name]) for name in names]
