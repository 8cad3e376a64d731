"""Which layers of a file a user means."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError, UsageError
from dlpuconv.formats.detect import read
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.formats.unfinished import refuse_unfinished
from dlpuconv.ir.layer_names import closest
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv.formats import FileView, LayerView
    from dlpuconv.manifest import DivisionRecord

_SHOWN = 12


def read_named(path: Path) -> FileView:
    """A file with the names that the manifest beside it knows of its layers; raises likewise."""
    return read_divided(path)[0]


def read_divided(path: Path) -> tuple[FileView, DivisionRecord | None]:
    """The same, and how the network was divided of which the file is the chip's part.

    Raises:
        ArtifactError: the file is damaged or of an unknown format.
    """
    refuse_unfinished(path)
    view = read(path)
    try:
        manifest = find_manifest(path, view)
    except ArtifactError:  # what is wrong with a manifest is told where more depends on it
        return view, None
    return (view.named(manifest.layers), manifest.division) if manifest else (view, None)


def select_layers(view: FileView, patterns: Sequence[str]) -> tuple[LayerView, ...]:
    """The layers that any of the patterns means, in the file's order.

    Args:
        view: the file.
        patterns: a name of a layer (any of `LayerNames`) or a glob of one, a glob of its op, or its number, where no
            module has that for a name (`#3` is always a number). None at all means every layer.

    Raises:
        UsageError: one of them means no layer.
    """
    if not patterns:
        return view.layers
    chosen: set[int] = set()
    for pattern in patterns:
        found = {layer.index for layer in view.layers if _means(pattern, layer)}
        found = found or {layer.index for layer in view.layers if pattern.removeprefix("#") == str(layer.index)}
        if not found:
            raise UsageError(_unknown(pattern, view), id="layer-unknown")
        chosen |= found
    return tuple(layer for layer in view.layers if layer.index in chosen)


def _means(pattern: str, layer: LayerView) -> bool:
    return layer.names.match(pattern) or fnmatchcase(layer.op.lower(), pattern.lower())


def _unknown(pattern: str, view: FileView) -> str:
    hint = closest(pattern, (layer.names for layer in view.layers), view.op_counts)
    return f"no layer is called or numbered {pattern!r}{hint}; its ops are {listed(view.op_counts, _SHOWN)}"
