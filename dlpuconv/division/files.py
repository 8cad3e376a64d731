"""The parts for the camera's CPU as files: same part, same bytes, and nothing of the machine that exported it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.division.words import told_of_rest

if TYPE_CHECKING:
    from dlpuconv.division.division import Division, Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class RestFile:
    """A part as a file in a package.

    Attributes:
        name: `front.onnx` or `tail.onnx`.
        content: the file's.
        told: what it is, in a line.
        gives: names of its outputs, which are values of the source model.
    """

    name: str
    content: bytes = field(repr=False)
    told: str
    gives: tuple[str, ...] = ()


def files_of(division: Division | None) -> tuple[RestFile, ...]:
    """The parts that the CPU runs, in running order."""
    if division is None:
        return ()
    return tuple(
        RestFile(
            name=f"{part}.onnx", content=content_of(rest), told=told_of_rest(division, part, rest), gives=rest.gives
        )
        for part, rest in division.rests.items()
    )


def content_of(rest: Rest) -> bytes:
    """Its ONNX file, weights inside."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(rest.model)
    model.producer_name, model.producer_version, model.doc_string = "dlpuconv", "", ""
    del model.metadata_props[:]
    graph = model.graph
    for holder in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        holder.doc_string = ""
        del holder.metadata_props[:]
    return bytes(model.SerializeToString(deterministic=True))
