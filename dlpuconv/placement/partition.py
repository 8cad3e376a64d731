"""Ways to cut a graph into pieces that run on one processor each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlpuconv.formats.view import FileView


class Processor(StrEnum):
    """What runs a layer."""

    DLPU = "dlpu"
    """The chip's accelerator, whatever its own name."""
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Piece:
    """Layers that run together.

    Attributes:
        processor: that runs them.
        layers: by index, ascending.
    """

    processor: Processor
    layers: tuple[int, ...]


def delegated(view: FileView, refused: Collection[int]) -> list[Piece]:
    """Cut as TensorFlow Lite does for a delegate: each piece takes all layers of its processor that can run by then.

    A piece begins with the first layer, in the file's order, whose inputs are there, and grows until no further layer
    of the same processor is ready; so branches that the file interleaves are not cut more often than they depend on
    one another.

    Source: tensorflow/lite/graph_info.cc, PartitionGraphIntoIndependentNodeSubsets, greedily.
    """
    waiting_for, readers = _dependencies(view)
    ready: dict[Processor, list[int]] = {Processor.DLPU: [], Processor.CPU: []}  # heaps
    for layer in view.layers:
        if not waiting_for[layer.index]:
            heappush(ready[_processor(layer.index, refused)], layer.index)
    pieces: list[Piece] = []
    while any(ready.values()):
        processor = min((p for p in ready if ready[p]), key=lambda p: ready[p][0])
        taken: list[int] = []
        while ready[processor]:
            index = heappop(ready[processor])
            taken.append(index)
            for reader in readers[index]:
                waiting_for[reader] -= 1
                if not waiting_for[reader]:
                    heappush(ready[_processor(reader, refused)], reader)
        pieces.append(Piece(processor, tuple(sorted(taken))))
    return [*pieces, *_unreachable(view, pieces)]


def single_cut(view: FileView, refused: Collection[int]) -> list[Piece]:
    """Cut once: what comes before the first refused layer, in the file's order, and all the rest."""
    count = len(view.layers)
    cut = min(refused, default=count)
    halves = [Piece(Processor.DLPU, tuple(range(cut))), Piece(Processor.CPU, tuple(range(cut, count)))]
    return [piece for piece in halves if piece.layers]


def _processor(index: int, refused: Collection[int]) -> Processor:
    return Processor.CPU if index in refused else Processor.DLPU


def _dependencies(view: FileView) -> tuple[dict[int, int], dict[int, list[int]]]:
    """How many layers each layer waits for, and which wait for it."""
    waiting_for: dict[int, int] = {}
    readers: dict[int, list[int]] = defaultdict(list)
    for layer in view.layers:
        makers = {view.producer[index].index for index in layer.inputs if index in view.producer}
        waiting_for[layer.index] = len(makers)
        for maker in makers:
            readers[maker].append(layer.index)
    return waiting_for, readers


def _unreachable(view: FileView, pieces: list[Piece]) -> list[Piece]:
    """Layers of a damaged graph that wait for one another: nothing runs them."""
    reached = {index for piece in pieces for index in piece.layers}
    left = tuple(layer.index for layer in view.layers if layer.index not in reached)
    return [Piece(Processor.CPU, left)] if left else []
