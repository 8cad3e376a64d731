"""Small constructors of TFLite operators, for rewrites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence


def transpose(source: Tensor, permutation: Sequence[int], result: Tensor | None = None) -> Operator:
    """Result = numpy.transpose(source, permutation).

    Args:
        source: any rank.
        permutation: axis i of the result is axis permutation[i] of the source.
        result: the tensor to make; a new one when it is None.
    """
    if result is None:
        shape = tuple(source.shape[axis] for axis in permutation)
        result = Tensor(f"{source.name}/transposed", shape, source.dtype, source_names=source.source_names)
    order = Tensor.constant(f"{result.name}/permutation", np.array(permutation, np.int32))
    return Operator("TRANSPOSE", [source, order], [result], schema.TransposeOptionsT())


def reshape(source: Tensor, shape: Sequence[int], result: Tensor | None = None) -> Operator:
    """Result = source with another shape, same elements in row-major order."""
    if result is None:
        result = Tensor(f"{source.name}/reshaped", tuple(shape), source.dtype, source_names=source.source_names)
    options = schema.ReshapeOptionsT()
    options.newShape = np.array(shape, np.int32)
    return Operator("RESHAPE", [source, Tensor.constant(f"{result.name}/shape", options.newShape)], [result], options)
