"""A float TFLite graph -> a TensorFlow function that computes the same, saved as a SavedModel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dlpuconv_backends.savedmodel.kernels import KERNELS

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv_backends.flatbuffer import Graph, Tensor


class UnknownOperatorsError(Exception):
    """The graph holds operators that have no TensorFlow form here.

    Args:
        kinds: their names.
    """

    def __init__(self, kinds: list[str]) -> None:
        super().__init__(", ".join(kinds))
        self.kinds = kinds


def input_name(position: int) -> str:
    """Name of an input in the SavedModel's signature; any source name can follow from the position."""
    return f"input_{position:03d}"


def output_name(position: int) -> str:
    """Name of an output in the SavedModel's signature."""
    return f"output_{position:03d}"


def save(graph: Graph, folder: Path) -> None:
    """Write a SavedModel with the signature `serving_default`.

    Raises:
        UnknownOperatorsError: lists every operator that has no form.
    """
    unknown = sorted({op.kind for op in graph.operators if op.kind not in KERNELS})
    if unknown:
        raise UnknownOperatorsError(unknown)
    module = tf.Module()
    specs = [tf.TensorSpec(t.shape, t.dtype, name=input_name(i)) for i, t in enumerate(graph.inputs)]

    def compute(*inputs: Any) -> dict[str, Any]:
        outputs = replay(graph, list(inputs))
        # A name of its own keeps an output that is also an input, or listed twice, a value of the signature.
        return {output_name(i): tf.identity(value) for i, value in enumerate(outputs)}

    module.compute = tf.function(compute, input_signature=specs, autograph=False)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.compute.get_concrete_function()})


def replay(graph: Graph, inputs: list[Any]) -> list[Any]:
    """Compute the graph with TensorFlow's operators, eagerly or while a function is traced.

    Args:
        graph: float.
        inputs: in the graph's order, shape and layout.
    """
    values: dict[Tensor, Any] = dict(zip(graph.inputs, inputs, strict=True))

    def read(tensor: Tensor | None) -> Any:
        if tensor is None:
            return None
        return tensor.data if tensor.data is not None else values[tensor]

    for op in graph.operators:
        result = KERNELS[op.kind](op, [read(tensor) for tensor in op.inputs])
        results = result if isinstance(result, (list, tuple)) else [result]
        values.update(zip(op.outputs, results, strict=True))
    return [tf.convert_to_tensor(read(tensor)) for tensor in graph.outputs]
