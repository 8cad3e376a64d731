"""The parts of a divided network as files: what a manifest tells of them, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.division.division import Division, Rest
from dlpuconv.errors import ArtifactError
from dlpuconv.formats.manifest_file import read_listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx

    from dlpuconv.manifest import Manifest, RestRecord


def read_division(manifest: Manifest, folder: Path) -> Division | None:
    """How a file's network is divided, with the parts for the CPU; None where the file is all of it.

    Args:
        manifest: of the file.
        folder: where the parts lie.

    Raises:
        ArtifactError: a part is missing, damaged, or not what the manifest lists.
    """
    record = manifest.division
    if record is None:
        return None
    return Division(
        inputs=record.inputs,
        outputs=tuple(wire.name for wire in record.outputs),
        front=_rest(record.front, manifest, folder) if record.front else None,
        tail=_rest(record.tail, manifest, folder) if record.tail else None,
        entry=tuple(wire.name for wire in record.entry),
        cut=record.cut,
        reasons=record.reasons,
        macs=record.macs,
        macs_on_chip=record.macs_on_chip,
        crossing=record.crossing,
    )


def _rest(record: RestRecord, manifest: Manifest, folder: Path) -> Rest:
    return Rest(
        model=_model(read_listed(folder, record.file, manifest), record.file),
        reads=tuple(wire.name for wire in record.reads),
        gives=record.gives,
        operators=record.operators,
        macs=record.macs,
    )


def _model(content: bytes, name: str) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # it brings no types

    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(content)
    except (DecodeError, ValueError) as error:
        raise ArtifactError(f"{name}: not an ONNX file: {error}") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ArtifactError(f"{name}: it keeps weights in other files, as no part that dlpuconv wrote does")
    return model


def declared_shapes(division: Division) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    """What the parts for the CPU say of the values that they take and give; None for an extent that a run tells."""
    for rest in (division.front, division.tail):
        for value in (*rest.model.graph.input, *rest.model.graph.output) if rest else ():
            extents = value.type.tensor_type.shape.dim
            yield value.name, tuple(extent.dim_value if extent.HasField("dim_value") else None for extent in extents)
