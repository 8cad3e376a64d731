"""What is drawn of a file, and what leads from where to where: inputs, layers and outputs as numbered nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.formats import FileView, LayerView

MOST_LAYERS = 5000  # the largest real networks have a fifth of that
_MOST_EDGES = 20_000


@dataclass(frozen=True, slots=True)
class Topology:
    """Nodes in an order that they may be computed in, and edges between them.

    Attributes:
        inputs: of the file, as tensor indices.
        layers: that are drawn.
        outputs: of the file, as tensor indices.
        edges: from node to node, by their positions in `anchors`.
        left_out: edges that are too many.
    """

    inputs: tuple[int, ...]
    layers: tuple[LayerView, ...]
    outputs: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    left_out: int

    @property
    def anchors(self) -> tuple[str, ...]:
        """Id of each node."""
        return (
            *(f"input-{at}" for at in range(len(self.inputs))),
            *(f"layer-{layer.index}" for layer in self.layers),
            *(f"output-{at}" for at in range(len(self.outputs))),
        )


def is_drawn(layer: LayerView) -> bool:
    """Whether a layer is among those that are drawn, so that something may lead to it."""
    return layer.index < MOST_LAYERS


def topology(view: FileView) -> Topology:
    """Inputs, then layers, then outputs."""
    layers = tuple(filter(is_drawn, view.layers))
    position = {layer.index: len(view.inputs) + at for at, layer in enumerate(layers)}
    makers = {tensor: at for at, tensor in enumerate(view.inputs)}
    makers |= {tensor: position[layer.index] for layer in layers for tensor in layer.outputs}
    edges: dict[tuple[int, int], None] = {}
    for layer in layers:
        edges |= dict.fromkeys((makers[tensor], position[layer.index]) for tensor in layer.inputs if tensor in makers)
    first_output = len(view.inputs) + len(layers)
    edges |= dict.fromkeys(
        (makers[tensor], first_output + at) for at, tensor in enumerate(view.outputs) if tensor in makers
    )
    kept = sorted(edges, key=lambda edge: abs(edge[1] - edge[0]))[:_MOST_EDGES]
    return Topology(view.inputs, layers, view.outputs, tuple(sorted(kept)), len(edges) - len(kept))
