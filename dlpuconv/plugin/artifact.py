"""What a backend makes: files, beside what they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.ir import Links

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.files.content import Content, StoredFile
    from dlpuconv.formats import FileView
    from dlpuconv.ir import InputBinding, Port
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.jsonable import Json
    from dlpuconv.passes.report import PassReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a backend made, not delivered yet.

    Attributes:
        files: content by relative path. One entry named "" for an artifact that is one file.
        inputs: in the source model's order.
        outputs: in the source model's order; the parts of one in theirs.
        bindings: as in the job.
        warnings: what the user should know.
        facts: more for the manifest: op counts, folded normalization, rewritten ops, ...
        dropped: what of the recipe could not be done, and why.
        stored: more files by relative path, too large together for memory.
        layers: names of the file's layers, in its order; empty where the backend does not tell.
    """

    files: Mapping[str, bytes] = field(repr=False)
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    bindings: Mapping[str, InputBinding]
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    stored: Mapping[str, StoredFile] = field(default_factory=dict, repr=False)
    layers: tuple[LayerNames, ...] = field(default=(), repr=False)

    @property
    def contents(self) -> dict[str, Content]:
        """Every file by relative path."""
        return {**self.files, **self.stored}

    @property
    def links(self) -> Links:
        """How it corresponds to the source model."""
        return Links(inputs=self.inputs, outputs=self.outputs, bindings=self.bindings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A target's file before anything was measured: its layers are those of the real one, its scales are not looked at.

    Attributes:
        view: what the file would hold.
        layers: names of its layers, in their order.
        warnings: what the user should know.
        rewritten: what the backend did to the job's model besides, and what it left alone; told by the names of nodes
            of that model or of its source.
    """

    view: FileView
    layers: tuple[LayerNames, ...]
    warnings: tuple[str, ...] = ()
    rewritten: tuple[PassReport, ...] = field(default=(), repr=False)
