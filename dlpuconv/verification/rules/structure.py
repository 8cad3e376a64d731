"""Rules about the graph: one, static, of batch 1, of builtin ops."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.formats.kinds import TFLITE
from dlpuconv.ir.signature import IMAGE_CHANNELS
from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv.verification.rules.graph import POST_PROCESS, activations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.formats.view import FileView
    from dlpuconv.verification.rule import Context

_SOURCE = "Axis: supported frameworks; optimization tips of each chip"
_rule = partial(Rule, severity=Severity.FAIL, source=_SOURCE)
_FLEX = "Flex"
_RECURRENT = frozenset({
    "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN",
    "BIDIRECTIONAL_SEQUENCE_RNN",
})  # fmt: skip


def is_tflite(view: FileView, _: Context) -> Iterator[Hit]:
    """Cameras read nothing else."""
    if view.kind is not TFLITE:
        yield Hit(f"the file is of the format {view.format}")


def one_subgraph(view: FileView, _: Context) -> Iterator[Hit]:
    """Control flow lives in further subgraphs."""
    if view.subgraphs != 1:
        yield Hit(f"it has {view.subgraphs}")


def has_layers(view: FileView, _: Context) -> Iterator[Hit]:
    """A graph that only hands its input on is no network."""
    if not view.layers or not view.outputs or not view.inputs:
        yield Hit(f"{len(view.inputs)} inputs, {len(view.layers)} layers, {len(view.outputs)} outputs")


def static_shapes(view: FileView, _: Context) -> Iterator[Hit]:
    """Chips compile for one shape."""
    for tensor in activations(view):
        if any(extent < 1 for extent in tensor.shape):
            yield Hit(f"the shape is {list(tensor.shape)}", tensor.name)


def batch_of_one(view: FileView, context: Context) -> Iterator[Hit]:
    """Only of pictures, and of what may be maps in a file that nobody told of: elsewhere axis 0 need not be a batch.

    The first axis of a recurrent state is its layers', that of a table its rows'.
    """
    for index in view.inputs:
        shape = view.tensors[index].shape
        if len(shape) < len("NHWC") or shape[0] <= 1:
            continue
        if context.inputs is None or shape[1] in IMAGE_CHANNELS or shape[-1] in IMAGE_CHANNELS:
            yield Hit(f"the batch is {shape[0]}", view.tensors[index].name)


def custom_ops(known: Mapping[str, str]) -> Rule:
    """A rule that fails ops with a kernel of their own, except TensorFlow's (`no_flex_op`).

    Args:
        known: custom ops that only warn, and what is to be said of them.
    """

    def check(view: FileView, _: Context) -> Iterator[Hit]:
        for layer in view.layers:
            if not layer.custom or layer.op.startswith(_FLEX):
                continue
            if layer.op in known:
                yield Hit(f"{layer.op}: {known[layer.op]}", layer.name, Severity.WARN)
            else:
                yield Hit(f"the custom op {layer.op!r}", layer.name)

    return _rule(
        id="TFL-CUSTOM",
        sentence="There must be no custom op.",
        check=check,
        fix="Cut the model in front of it (--cut-at) and compute the rest in the application.",
    )


def no_flex_op(view: FileView, _: Context) -> Iterator[Hit]:
    """TensorFlow kernels need a runtime that cameras do not have."""
    for layer in view.layers:
        if layer.custom and layer.op.startswith(_FLEX):
            yield Hit(f"{layer.op} needs TensorFlow's own kernels", layer.name)


def no_recurrence(view: FileView, _: Context) -> Iterator[Hit]:
    """Their integer forms keep 16-bit states."""
    for layer in view.layers:
        if layer.op in _RECURRENT:
            yield Hit(f"{layer.op} keeps its state in 16 bits", layer.name)


STRUCTURE_RULES: tuple[Rule, ...] = (
    _rule(
        id="TFL-FORMAT",
        sentence="The file must be a TensorFlow Lite file.",
        source="Axis: supported frameworks (no camera runs ONNX or PyTorch files)",
        check=is_tflite,
        fix="Convert the model for this chip (--target).",
        decisive=True,
    ),
    _rule(
        id="TFL-SUBGRAPHS",
        sentence="The file must hold exactly one graph.",
        check=one_subgraph,
        fix="Remove IF, WHILE and other control flow before conversion, or cut the model in front of it (--cut-at).",
    ),
    _rule(
        id="TFL-EMPTY",
        sentence="The graph must have inputs, layers and outputs.",
        check=has_layers,
        fix="Convert the model again: this file holds no network.",
    ),
    _rule(
        id="TFL-SHAPE",
        sentence="Every shape must be static, with all extents above zero.",
        check=static_shapes,
        fix="State the input's shape: --input-shape NAME=1,3,224,224.",
    ),
    _rule(
        id="TFL-BATCH",
        sentence="The batch must be 1.",
        source="Axis: ARTPEC-9 optimization tips; larod's inputs are single frames",
        check=batch_of_one,
        fix="Convert with --input-shape NAME=1,...",
    ),
    custom_ops({POST_PROCESS: "runs on the CPU"}),
    _rule(
        id="TFL-FLEX",
        sentence="There must be no TensorFlow (Flex) op.",
        check=no_flex_op,
        fix="Convert without SELECT_TF_OPS; replace the op, or cut the model in front of it (--cut-at).",
    ),
    _rule(
        id="TFL-LSTM",
        sentence="There must be no recurrent op.",
        source="TensorFlow Lite 8-bit quantization specification: the cell state of LSTM is int16",
        check=no_recurrence,
        fix="Unroll the recurrence before conversion, or cut the model in front of it (--cut-at).",
    ),
)
