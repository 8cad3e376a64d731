"""Which layers of a file a user means."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpuconv.formats import FileView, LayerView

_SHOWN = 12


def select_layers(view: FileView, patterns: Sequence[str]) -> tuple[LayerView, ...]:
    """The layers that any of the patterns means, in the file's order.

    Args:
        view: the file.
        patterns: each a glob of a layer's name, a glob of its op, or its number. None at all means every layer.

    Raises:
        UsageError: one of them means no layer.
    """
    if not patterns:
        return view.layers
    chosen: set[int] = set()
    for pattern in patterns:
        found = [layer.index for layer in view.layers if _means(pattern, layer)]
        if not found:
            raise UsageError(_unknown(pattern, view))
        chosen.update(found)
    return tuple(layer for layer in view.layers if layer.index in chosen)


def _means(pattern: str, layer: LayerView) -> bool:
    if pattern.removeprefix("#") == str(layer.index):
        return True
    if fnmatchcase(layer.op.lower(), pattern.lower()):
        return True
    return any(name == pattern or fnmatchcase(name, pattern) for name in _names(layer))


def _names(layer: LayerView) -> Iterator[str]:
    """TensorFlow joins the names of all that it fused: each of them will do."""
    yield layer.name
    if ";" in layer.name:
        yield from layer.name.split(";")


def _unknown(pattern: str, view: FileView) -> str:
    known = dict.fromkeys((*(name for layer in view.layers for name in _names(layer)), *view.op_counts))
    hint = did_you_mean(pattern.strip("*"), known)
    return f"no layer is called or numbered {pattern!r}{hint}; its ops are {_listed(view.op_counts)}"


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
