"""The parts of a divided network as files: what a manifest tells of them, read back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.division.division import Division, Rest
from dlpuconv.division.extract import extract
from dlpuconv.errors import ArtifactError, ModelError
from dlpuconv.formats.files import is_folder
from dlpuconv.formats.manifest_file import read_listed
from dlpuconv.formats.onnx_graph import parse_onnx
from dlpuconv.frontends.protos import all_tensors
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx

    from dlpuconv.division.whole import Whole
    from dlpuconv.manifest import Manifest, RestRecord


def read_division(manifest: Manifest | None, file: Path) -> Division | None:
    """How a file's network is divided, with the parts for the CPU; None where the file is all of it.

    Args:
        manifest: of the file.
        file: the file, or the package folder, which holds them.

    Raises:
        ArtifactError: a part is missing, damaged, or not what the manifest lists.
    """
    if manifest is None or manifest.division is None:
        return None
    record, folder = manifest.division, file if is_folder(file) else file.parent
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
        entering=record.entering,
        crossing=record.crossing,
    )


def _rest(record: RestRecord, manifest: Manifest, folder: Path) -> Rest:
    return Rest(
        model=_model(read_listed(folder, record.file, manifest), record.file),
        reads=tuple(wire.name for wire in record.reads),
        gives=record.gives,
        operators=record.operators,
        macs=record.macs,
        uncounted=record.uncounted,
    )


def _model(content: bytes, name: str) -> onnx.ModelProto:
    import onnx

    model = parse_onnx(content, name)
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for _, tensor in all_tensors(model)):
        raise ArtifactError(
            f"{name}: it keeps weights in other files, as no part that dlpuconv wrote does",
            id="artifact-external-weights",
        )
    return model


def divided_likewise(whole: Whole, division: Division) -> Division:
    """A network, divided as a file's is: the parts for the CPU are its own.

    Raises:
        ModelError: it has not the values at which the file's network is divided.
    """
    graph = whole.proto.graph
    known = {name for node in graph.node for name in node.output} | {value.name for value in graph.input}
    if missing := [name for name in (*division.entry, *division.cut, *division.outputs) if name not in known]:
        raise ModelError(
            f"the reference {whole.source.name} is another model than the manifest tells of: it has no value"
            f" {listed(map(repr, dict.fromkeys(missing)))}, where the file's network is divided",
            id="reference-mismatch",
        )
    front, tail = (
        rest and replace(rest, model=extract(whole.proto, rest.reads, rest.gives))
        for rest in (division.front, division.tail)
    )
    return replace(division, front=front, tail=tail)


def declared_shapes(division: Division) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    """What the parts for the CPU say of the values that they take and give; None for an extent that a run tells."""
    for rest in (division.front, division.tail):
        for value in (*rest.model.graph.input, *rest.model.graph.output) if rest else ():
            extents = value.type.tensor_type.shape.dim
            yield value.name, tuple(extent.dim_value if extent.HasField("dim_value") else None for extent in extents)


def static_shapes(division: Division) -> dict[str, tuple[int, ...]]:
    """Shapes of the values whose extents are all known."""
    known = ((name, shape, tuple(n for n in shape if n is not None)) for name, shape in declared_shapes(division))
    return {name: extents for name, shape, extents in known if len(extents) == len(shape)}
