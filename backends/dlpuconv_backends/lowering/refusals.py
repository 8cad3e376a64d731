"""What onnx2tf or LiteRT would stop at with words of their own, or with none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import UnsupportedModelError, listed

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.plugin.onnx import Model
    from dlpuconv_backends.flatbuffer import Graph, Operator

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_MOVES = ("CAST", "RESHAPE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "GATHER", "SPLIT", "SPLIT_V", "UNPACK", "SQUEEZE")
_SMALL_BYTES = 4


def refuse_computed_weights(model: Model) -> None:
    """Check that the weights and biases of every convolution are constants.

    Raises:
        UnsupportedModelError: names those whose are not.
    """
    found = [
        f"{node.op_type} {node.name!r} ({value.name!r})"
        for node in model.graph.graph
        if node.op_type in _CONVOLUTIONS and (value := _computed(node)) is not None
    ]
    if found:
        raise UnsupportedModelError(
            "convolutions take weights that are constants, but these compute theirs:"
            f" {listed(found, separator='; ')}: end the graph in front of them with --cut-at and compute"
            " the rest on the CPU",
            found,
        )


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
        )


def refuse_small_integers(graph: Graph) -> None:
    """Check that nothing works on integers of 8 or 16 bits: TFLite takes them for quantized, and LiteRT ends.

    Args:
        graph: float, as it was lowered.

    Raises:
        UnsupportedModelError: lists what does.
    """
    found = [f"{op.kind} ({op.source_name!r})" for op in graph.operators if op.kind not in _MOVES and _is_small(op)]
    if found:
        raise UnsupportedModelError(
            "these work on integers of 8 or 16 bits, which TFLite takes for quantized values:"
            f" {listed(found, separator='; ')}: cast them to float32 or int32 in front",
            found,
        )


def _is_small(op: Operator) -> bool:
    return any(t is not None and t.dtype.kind in "iu" and t.dtype.itemsize < _SMALL_BYTES for t in op.inputs)


def _computed(node: onnx_ir.Node) -> onnx_ir.Value | None:
    """The first of weights and bias that is no constant."""
    return next((value for value in node.inputs[1:] if value is not None and not value.is_initializer()), None)
