"""Operators that have no form in a TFLite file, under the names that they have in the user's model."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from dlpuconv.plugin import UnsupportedModelError, listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir

    from dlpuconv.plugin import ArtifactError
    from dlpuconv.plugin.onnx import Model, SourceNames

_SHOWN = 12
_NO_KERNEL = re.compile(r"NOT_IMPLEMENTED : Could not find an implementation for \w+\(\d+\) node with name '([^']*)'")


class UnableError(Exception):
    """Some operators cannot be lowered, or were lowered wrongly.

    Attributes:
        nodes: their names; of one without a name, the first value that it makes.
        why: the end of a sentence about one or several of them: `3 operators cannot ...`.
        id: of the error that the user is told.
    """

    def __init__(self, nodes: Iterable[str], why: str, *, id: str) -> None:  # noqa: A002 - as errors have it
        self.nodes = frozenset(nodes)
        super().__init__(self.nodes, why)
        self.why, self.id = why, id


def refusal(error: UnableError, model: Model, names: SourceNames) -> UnsupportedModelError:
    """What the user is told.

    Args:
        error: what was found.
        model: in normal form, as it was lowered.
        names: what the source model calls its nodes.
    """
    found: dict[str, tuple[str, ...]] = {}
    for node in model.graph.graph:
        values = tuple(value.name for value in node.outputs if value.name)
        if name_of(node) in error.nodes:
            found[_label(node, values, names)] = names.values_of(node.name or "", values)
    refused = dict.fromkeys(chain.from_iterable(found.values()))
    counted = f"{len(found)} operator{'s' * (len(found) != 1)}"
    told = f"{counted} {error.why}: {listed(found, _SHOWN, '; ')}"
    return UnsupportedModelError(told, [f"{label} {error.why}" for label in found], refused, id=error.id)


def unknown_to_runtime(error: ArtifactError) -> UnableError | None:
    """What it means that ONNX Runtime refuses a model for an operator that it has no kernel of; None for others."""
    found = _NO_KERNEL.search(str(error))
    if found is None:
        return None
    why = "cannot be checked: ONNX Runtime has no kernel for such types of values"
    return UnableError([found.group(1)], why, id="operator-value-types")


def name_of(node: onnx_ir.Node) -> str:
    """Its own name or, where it has none, that of the first value that it makes."""
    return node.name or next(value.name for value in node.outputs if value.name)


def _label(node: onnx_ir.Node, values: tuple[str, ...], names: SourceNames) -> str:
    return f"{node.op_type} {names.layer(values[0], node.name or '', values).label!r}"
