"""`.tflite` -> `FileView`: a reader of its own that trusts nothing in the file, whoever wrote it.

LiteRT ends the process on some broken files; what this reader refuses never gets there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError
from dlpuconv.formats import tflite_schema as schema
from dlpuconv.formats.files import read_file
from dlpuconv.formats.flatbuffer_table import Table, TableSource
from dlpuconv.formats.kinds import TFLITE
from dlpuconv.formats.tflite_tensors import Buffers, read_tensor
from dlpuconv.formats.view import FileView, LayerView
from dlpuconv.ir.layer_names import LayerNames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv.formats.view import Option, TensorView

_LARGEST_FILE = (1 << 31) - 1  # a flatbuffer's references are signed 32-bit
_MOST_ENDS = 1024
_SHORT_TEXT = 256


def read_tflite(path: Path) -> FileView:
    """Read a `.tflite` file; constants are views on the file's bytes, nothing is copied.

    Raises:
        ArtifactError: the file cannot be read, is no TFLite file, is damaged, or keeps weights elsewhere.
    """
    content = read_file(path, _LARGEST_FILE)
    try:
        return parse_tflite(content)
    except ArtifactError as error:
        raise ArtifactError(f"{path.name}: {error}", id=error.id) from error


def parse_tflite(content: bytes) -> FileView:
    """Like `read_tflite`, of bytes.

    Raises:
        ArtifactError: no TFLite file, damaged, or with weights elsewhere.
    """
    if content[4:8] != schema.IDENTIFIER:
        raise ArtifactError("not a TFLite file: the identifier TFL3 is missing", id="artifact-not-tflite")
    root = TableSource(memoryview(content)).root()
    graphs = root.tables(schema.ModelField.SUBGRAPHS)
    if not graphs:
        raise ArtifactError("the file holds no graph", id="artifact-damaged")
    buffers = Buffers(root)
    codes = [_operator_code(code) for code in root.tables(schema.ModelField.OPERATOR_CODES)]
    tensors = tuple(read_tensor(i, t, buffers) for i, t in enumerate(graphs[0].tables(schema.GraphField.TENSORS)))
    count = len(tensors)
    layers = tuple(
        _layer(i, operator, codes, tensors) for i, operator in enumerate(graphs[0].tables(schema.GraphField.OPERATORS))
    )
    inputs = _ends(graphs[0].integers(schema.GraphField.INPUTS), count)
    _screen_order(layers, inputs)
    return FileView(
        format=TFLITE.name,
        tensors=tensors,
        layers=layers,
        inputs=inputs,
        outputs=_ends(graphs[0].integers(schema.GraphField.OUTPUTS), count),
        subgraphs=len(graphs),
        metadata=_metadata(root, buffers),
    )


def _operator_code(table: Table) -> tuple[str, int, bool]:
    """Name, version, and whether it is a custom op."""
    code = max(
        table.integer(schema.CodeField.DEPRECATED_BUILTIN_CODE, "i8"),
        table.integer(schema.CodeField.BUILTIN_CODE, "i32"),
    )
    version = table.integer(schema.CodeField.VERSION, "i32", 1)
    if not 0 <= code < len(schema.OPERATORS):
        return f"UNKNOWN_{code}", version, True
    name = schema.OPERATORS[code]
    if name == schema.CUSTOM:
        return table.text(schema.CodeField.CUSTOM_CODE) or name, version, True
    return name, version, False


def _layer(
    index: int, table: Table, codes: Sequence[tuple[str, int, bool]], tensors: Sequence[TensorView]
) -> LayerView:
    number = table.integer(schema.OperatorField.OPCODE_INDEX, "u32")
    if number >= len(codes):
        raise ArtifactError(
            f"the file is damaged: operator {index} has code {number} of {len(codes)}", id="artifact-damaged"
        )
    op, version, custom = codes[number]
    inputs = _indices(table.integers(schema.OperatorField.INPUTS), len(tensors), lowest=-1)
    outputs = _indices(table.integers(schema.OperatorField.OUTPUTS), len(tensors), lowest=0)
    return LayerView(
        index=index,
        op=op,
        version=version,
        custom=custom,
        inputs=inputs,
        outputs=outputs,
        options=_options(table),
        names=_names((tensors[outputs[0]].name if outputs else "") or f"{op}:{index}"),
    )


def _names(tensor: str) -> LayerNames:
    """TensorFlow joins the names of all that it fused: each of them will do."""
    return LayerNames(tensor=tensor, values=tuple(tensor.split(";")) if ";" in tensor else ())


def _screen_order(layers: Sequence[LayerView], inputs: tuple[int, ...]) -> None:
    """Check that every tensor is made once, and before it is read: operators are in the order of execution.

    Whoever follows tensors back or forth may then rely on reaching an end.
    """
    made = set(inputs)
    later = {index for layer in layers for index in layer.outputs} - made
    for layer in layers:
        if not later.isdisjoint(layer.inputs):
            raise ArtifactError(
                f"the file is damaged: operator {layer.index} reads what is only made later (a loop)",
                id="artifact-damaged",
            )
        twice = made.intersection(layer.outputs)
        if twice or len(set(layer.outputs)) != len(layer.outputs):
            raise ArtifactError(
                f"the file is damaged: operator {layer.index} makes a tensor that is there already",
                id="artifact-damaged",
            )
        made.update(layer.outputs)
        later.difference_update(layer.outputs)


def _indices(numbers: tuple[int, ...], count: int, *, lowest: int) -> tuple[int, ...]:
    if any(not lowest <= number < count for number in numbers):
        raise ArtifactError(
            f"the file is damaged: a tensor outside 0..{count - 1} is referred to", id="artifact-damaged"
        )
    return numbers


def _ends(numbers: tuple[int, ...], count: int) -> tuple[int, ...]:
    if len(numbers) > _MOST_ENDS:
        raise ArtifactError(f"the file is damaged: it claims {len(numbers)} inputs or outputs", id="artifact-damaged")
    return _indices(numbers, count, lowest=0)


def _options(operator: Table) -> dict[str, Option]:
    """The operator's options by the schema's names, absent fields with their default."""
    fields = schema.option_fields().get(operator.integer(schema.OperatorField.OPTIONS_TYPE, "u8"), ())
    table = operator.table(schema.OperatorField.OPTIONS) if fields else None
    return {} if table is None else {field.name: _option(table, field) for field in fields}


def _option(table: Table, field: schema.OptionField) -> Option:
    if field.kind == "f32":
        return table.real(field.number)
    if field.kind == "i32[]":
        return table.integers(field.number)
    if field.kind == "bool":
        return bool(table.integer(field.number, "u8", field.default))
    if field.kind in schema.ENUMS:
        names, value = schema.ENUMS[field.kind], table.integer(field.number, "i8", field.default)
        return names[value] if 0 <= value < len(names) else f"unknown ({value})"
    return table.integer(field.number, field.kind, field.default)


def _metadata(root: Table, buffers: Buffers) -> dict[str, str]:
    """The description and the named buffers: short texts as they are, of others the size."""
    found = {"schema_version": str(root.integer(schema.ModelField.VERSION, "u32"))}
    if description := root.text(schema.ModelField.DESCRIPTION):
        found["description"] = description
    for entry in root.tables(schema.ModelField.METADATA):
        raw = buffers.get(entry.integer(schema.MetadataField.BUFFER, "u32"))
        found[entry.text(schema.MetadataField.NAME)] = _short_text(raw)
    return found


def _short_text(raw: memoryview | None) -> str:
    if raw is None:
        return ""
    text = bytes(raw[:_SHORT_TEXT]).rstrip(b"\0").decode("utf-8", "replace")
    return text if len(raw) <= _SHORT_TEXT and text.isprintable() else f"{len(raw)} bytes"
