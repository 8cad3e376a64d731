"""The layers of a file under the names that users know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.weighted import WEIGHTED
from dlpuconv.ir.layer_names import tell_apart
from dlpuconv.ir.source_names import source_names
from dlpuconv.verification.correspondence import source_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.formats import FileView, LayerView
    from dlpuconv.ir import Model
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.ir.source_names import SourceNames


def with_names(view: FileView, told: Sequence[LayerNames], reference: Model | None = None) -> FileView:
    """A file whose layers have all names that are known.

    Args:
        view: the file as it was read.
        told: by whoever made the file; empty where nobody did.
        reference: the float source model: a layer that makes a value of its names is its node's.
    """
    if told or reference is None:
        return view.named(told)
    source = source_names(reference.graph.graph)
    makes = source_values(view, source.makers)
    return view.named(tell_apart([_by_values(layer, source, makes) for layer in view.layers]))


def _by_values(layer: LayerView, source: SourceNames, makes: Mapping[int, str]) -> LayerNames:
    """By what the layer makes in the source model; of a QUANTIZE, that is its neighbour's."""
    values = tuple(dict.fromkeys((*(makes[i] for i in layer.outputs if i in makes), *layer.names.values)))
    if layer.op == "QUANTIZE" or not any(value in source.makers for value in values):
        return layer.names
    named = source.weighted_layer if layer.op in WEIGHTED else source.layer
    return named(layer.names.tensor, values=values)
