"""What onnx2tf or LiteRT would stop at with words of their own, or with none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import UnsupportedModelError, listed
from dlpuconv_backends.lowering.culprits import UnableError, name_of

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.plugin.onnx import Model
    from dlpuconv_backends.flatbuffer import Graph, Operator

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_MOVES = ("CAST", "RESHAPE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "GATHER", "SPLIT", "SPLIT_V", "UNPACK", "SQUEEZE")
_TYPES = frozenset(
    ("FLOAT", "FLOAT16", "DOUBLE", "INT64", "INT32", "INT16", "INT8", "UINT32", "UINT8", "BOOL")
)  # those that both onnx2tf and our codec know
_SMALL_BYTES = 4


def refuse_types(model: Model) -> None:
    """Check that all values have types that are written into TFLite files.

    Raises:
        UnableError: names what reads or makes others.
    """
    found = [node for node in model.graph.graph if any(map(_is_foreign, (*node.inputs, *node.outputs)))]
    if found:
        why = "cannot be written into a TFLite file, which has no such types of values"
        raise UnableError(map(name_of, found), why, id="operator-value-types")


def refuse_computed_weights(model: Model) -> None:
    """Check that the weights and biases of every convolution are constants.

    Raises:
        UnableError: names those whose are not.
    """
    computed = [node for node in model.graph.graph if node.op_type in _CONVOLUTIONS and _computes_weights(node)]
    if computed:
        why = "cannot compute weights or biases: these have to be constants"
        raise UnableError(map(name_of, computed), why, id="operator-weights-computed")


def refuse_idle_outputs(model: Model) -> None:
    """Check that no output is an input: a file's tensor is one or the other.

    Raises:
        UnsupportedModelError: names those that are.
    """
    given = {spec.name for spec in model.signature.inputs}
    found = [spec.name for spec in model.signature.outputs if spec.name in given]
    if found:
        raise UnsupportedModelError(
            f"the model gives inputs back as outputs, which no TFLite file does: {listed(map(repr, found))}: name only"
            " the others with --cut-at",
            found,
            id="output-is-input",
        )


def refuse_small_integers(graph: Graph) -> None:
    """Check that nothing works on integers of 8 or 16 bits: TFLite takes them for quantized, and LiteRT ends.

    Args:
        graph: float, as it was lowered.

    Raises:
        UnableError: names what does.
    """
    found = [op.source_name for op in graph.operators if op.kind not in _MOVES and _is_small(op)]
    if found:
        why = "cannot work on integers of 8 or 16 bits, which TFLite takes for quantized values"
        raise UnableError(found, why, id="operator-value-types")


def _is_foreign(value: onnx_ir.Value | None) -> bool:
    return value is not None and value.dtype is not None and value.dtype.name not in _TYPES


def _is_small(op: Operator) -> bool:
    return any(t is not None and t.dtype.kind in "iu" and t.dtype.itemsize < _SMALL_BYTES for t in op.inputs)


def _computes_weights(node: onnx_ir.Node) -> bool:
    return any(value is not None and not value.is_initializer() for value in node.inputs[1:])
