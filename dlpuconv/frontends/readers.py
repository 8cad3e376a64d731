"""Who reads which source: a table, tried in order. Another kind of source is another line of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import onnx
import onnx_ir

from dlpuconv.errors import UsageError
from dlpuconv.frontends import foreign_formats, onnx_file, pytorch, tensorflow, tflite

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.options import SourceOptions

FACTORY = "--model and --allow-pickle are for files of torch.save: {} is none, or not a whole one"
EXAMPLES = "example_inputs are for PyTorch modules, and {} is none"
NAMES = "input_names and output_names are for PyTorch models; the values of any other model have names"
SIGNATURE = "--signature chooses between the functions of a SavedModel, and {} is none"
"""What not every source has a use for; who gives it nevertheless is told so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequest:
    """What a user says about a source.

    Attributes:
        options: shapes, and what some sources need; see `SourceOptions`.
        example_inputs: arguments of a PyTorch module's `forward`; None for none.
        name: stem for file names; None for the source's own.
    """

    options: SourceOptions
    example_inputs: object = None
    name: str | None = None

    @property
    def particulars(self) -> frozenset[str]:
        """What of it is not for every source."""
        given = {
            FACTORY: bool(self.options.factory or self.options.allow_pickle),
            EXAMPLES: self.example_inputs is not None,
            NAMES: bool(self.options.input_names or self.options.output_names),
            SIGNATURE: bool(self.options.signature),
        }
        return frozenset(what for what, is_given in given.items() if is_given)


@dataclass(frozen=True, slots=True)
class SourceReader:
    """One kind of source.

    Attributes:
        knows: whether a source is of this kind.
        read: makes a model of it, ours to edit.
        takes: which of `FACTORY`, `EXAMPLES`, `NAMES` and `SIGNATURE` it has a use for.
    """

    knows: Callable[[object], bool]
    read: Callable[[Any, SourceRequest], Acquired]
    takes: frozenset[str] = field(default=frozenset())


def _is_path(source: object) -> bool:
    return isinstance(source, str | Path)


def _is_content(source: object) -> TypeGuard[bytes | bytearray | memoryview]:
    return isinstance(source, bytes | bytearray | memoryview)


def _file(knows: Callable[[Path], bool]) -> Callable[[object], bool]:
    """The function `knows` for any object: False for one that is no path."""
    return lambda source: isinstance(source, str | Path) and knows(Path(source))


READERS = (
    SourceReader(
        pytorch.is_source,
        lambda source, asked: pytorch.export(source, asked.example_inputs, asked.options, asked.name),
        frozenset({EXAMPLES, NAMES}),
    ),
    SourceReader(
        _file(pytorch.is_program_file),
        lambda path, asked: pytorch.read_program(Path(path), asked.options, asked.name),
        frozenset({NAMES}),
    ),
    SourceReader(
        _file(pytorch.is_checkpoint),
        lambda path, asked: pytorch.read_checkpoint(Path(path), asked.options, asked.name),
        frozenset({FACTORY, NAMES}),
    ),
    SourceReader(
        tensorflow.is_keras_object,
        lambda model, asked: tensorflow.read_keras_object(model, asked.options, asked.name),
    ),
    SourceReader(
        _file(tensorflow.is_keras_file),
        lambda path, asked: tensorflow.read_keras(Path(path), asked.options, asked.name),
    ),
    SourceReader(
        _file(tensorflow.is_saved_model),
        lambda path, asked: tensorflow.read_saved_model(Path(path), asked.options, asked.name),
        frozenset({SIGNATURE}),
    ),
    SourceReader(_file(tflite.is_tflite), lambda path, asked: tflite.from_path(Path(path), asked.name)),
    SourceReader(
        lambda source: _is_content(source) and tflite.holds_tflite(bytes(source[:8])),
        lambda content, asked: tflite.from_content(bytes(content), asked.name),
    ),
    SourceReader(_file(foreign_formats.is_foreign), lambda path, _: foreign_formats.refuse(Path(path))),
    SourceReader(_is_path, lambda path, asked: onnx_file.from_path(Path(path), asked.name)),
    SourceReader(
        _is_content,
        lambda content, asked: onnx_file.from_bytes(bytes(content), asked.name),
    ),
    SourceReader(
        lambda source: isinstance(source, onnx.ModelProto),
        lambda proto, asked: onnx_file.from_proto(proto, asked.name),
    ),
    SourceReader(
        lambda source: isinstance(source, onnx_ir.Model),
        lambda model, asked: onnx_file.from_graph(model, asked.name),
    ),
)


def becomes_onnx(path: Path) -> bool:
    """Whether a path is of a model that is of no format of files for chips: its ONNX form tells what it holds.

    Of a format that is not read, `load` tells how to get to one that is.
    """
    kinds = pytorch.is_program_file, tensorflow.is_keras_file, tensorflow.is_saved_model, foreign_formats.is_foreign
    return any(is_one(path) for is_one in kinds)


def acquire(source: object, asked: SourceRequest) -> Acquired:
    """A model as it was read, ours to edit.

    Raises:
        DlpuconvError: see `load`.
    """
    for reader in READERS:
        if reader.knows(source):
            for useless in sorted(asked.particulars - reader.takes):
                raise UsageError(
                    useless.format(source if _is_path(source) else "the model"), id="option-not-for-source"
                )
            return reader.read(source, asked)
    hint = "; give the torch.nn.Module that computes it" if callable(source) else ""
    raise UsageError(
        f"a model is a path, bytes, onnx.ModelProto, onnx_ir.Model, keras.Model, torch.nn.Module or ExportedProgram,"
        f" not {type(source).__name__}{hint}",
        id="argument-type",
    )
