"""The content of a `.tflite` file becomes a private ModelProto, and a Source that says whence."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ArtifactError, ModelError
from dlpuconv.formats.files import read_start
from dlpuconv.formats.kinds import TFLITE
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.frontends.onnx_file import Acquired, content_of
from dlpuconv.ir import Original, Source

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.frontends.tflite.graph import NodeGraph

_IDENTIFIER: Final = b"TFL3"
_HEADER: Final = 8
_CONTROL: Final = {"IF", "WHILE", "CALL", "CALL_ONCE"}
_RECURRENT: Final = {
    "LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "SVDF",
}  # fmt: skip


def holds_tflite(content: bytes) -> bool:
    """Whether these are the first bytes of a TFLite file."""
    return content[4:8] == _IDENTIFIER


def is_tflite(path: Path) -> bool:
    """Whether the file is a TFLite file by its content or its name."""
    try:
        return path.suffix == TFLITE.suffix or holds_tflite(read_start(path, _HEADER))
    except ArtifactError:
        return False


def from_path(path: Path, name: str | None = None) -> Acquired:
    """The model in a file, which is only read.

    Raises:
        ModelError: there is no such file, or see `from_content`.
        UnsupportedModelError: see `from_content`.
    """
    return from_content(content_of(path), name, path)


def from_content(content: bytes, name: str | None = None, path: Path | None = None) -> Acquired:
    """The model in a file.

    Args:
        content: of the file.
        name: stem for file names.
        path: of the file, as the user named it.

    Raises:
        ModelError: the file is damaged, or keeps weights elsewhere.
        UnsupportedModelError: it holds tensors of a type that nothing can be computed with.
    """
    from dlpuconv.frontends.tflite.codes import stated_values
    from dlpuconv.frontends.tflite.pairs import put_pairs

    try:
        view = parse_tflite(content)
    except ArtifactError as error:
        raise ModelError(f"{path or 'the model given as bytes'}: {error}", id="tflite-unreadable") from error
    source = Source(
        name=name or (path.stem if path else "") or "model",
        sha256=hashlib.sha256(content).hexdigest(),
        path=str(path) if path else None,
    )
    graph = _read(view)
    original = Original(
        content=content,
        inputs=tuple(graph.names[index] for index in view.inputs),
        tensors={name: index for index, name in enumerate(graph.names)},
    )
    proto = graph.to_proto()
    put_pairs(proto.graph, stated_values(graph, view), graph.fresh)
    return Acquired(proto=proto, source=source, original=original)


def _read(view: FileView) -> NodeGraph:
    from dlpuconv.frontends.tflite import graph as graphs
    from dlpuconv.frontends.tflite.codes import computes_with_codes, in_real_numbers
    from dlpuconv.frontends.tflite.dilated import join_dilated
    from dlpuconv.frontends.tflite.step import Step
    from dlpuconv.frontends.tflite.table import READERS

    joined = join_dilated(view)
    graph = graphs.NodeGraph(in_real_numbers(joined))
    for layer in joined.layers:
        reader = READERS.get(layer.op) if layer.outputs and not layer.custom else None
        if reader is None or computes_with_codes(layer, view):
            graph.leave(layer, _why_unread(layer))
            continue
        try:
            reader(Step(graph, layer))
        except graphs.UnreadError as error:
            graph.leave(layer, str(error))
    return graph


def _why_unread(layer: LayerView) -> str:
    if layer.custom:
        return "an operator that is not one of TensorFlow Lite's own cannot be converted"
    if layer.op == "CAST":
        return "it takes the integers that stand for real numbers for numbers of their own, which cannot be converted"
    if layer.op in _CONTROL:
        return "control flow cannot be converted; where a recurrent layer of Keras made it, its .keras file can be"
    if layer.op in _RECURRENT:
        return (
            "of recurrent operators only UNIDIRECTIONAL_SEQUENCE_LSTM can be converted; where a layer of Keras made it,"
            " its .keras file can be"
        )
    return "there is no conversion for this operator"
