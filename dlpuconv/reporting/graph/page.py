"""The page of a graph as values: every text worded, every node placed, so that the template only puts them there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.reporting.page import Fact


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another node: its anchor, which is empty where that is not drawn, and what it is called."""

    anchor: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRow:
    """What a node reads or makes.

    Attributes:
        role: `input`, `weights`, `bias` or `output`.
        name: of the tensor.
        form: type and shape.
        scale: empty for float.
        zero_point: empty for float.
        values: what it holds or can hold; may be empty.
        note: where it comes from, if not from a node; may be empty.
        links: to the nodes that make or read it.
        more: how many further links are left out, in words.
    """

    role: str
    name: str
    form: str
    scale: str = ""
    zero_point: str = ""
    values: str = ""
    note: str = ""
    links: tuple[Link, ...] = ()
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnNode:
    """A layer, an input or an output.

    Attributes:
        anchor: id of its details.
        number: in the file's order; empty for an input or output of the file.
        op: of the layer.
        name: that it is shown under.
        names: all that it may be called, the one that it is shown under included.
        look: class of its box: `end`, `accelerated`, `likely`, `cpu`, `weighted` or `plain`.
        tail: the end of the name, as far as the box has room for it.
        form: of what it makes, in short.
        x: of the box.
        y: of the box.
        facts: of the layer.
        reads: tensors.
        makes: tensors.
    """

    anchor: str
    number: str
    op: str
    name: str
    names: tuple[str, ...]
    look: str
    tail: str
    form: str
    x: int
    y: int
    facts: tuple[Fact, ...]
    reads: tuple[TensorRow, ...]
    makes: tuple[TensorRow, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge: from which anchor to which, and its path."""

    start: str
    end: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPage:
    """All of it.

    Attributes:
        file: name.
        facts: of the whole file.
        nodes: inputs, layers, outputs.
        arrows: between them.
        width: of the drawing.
        height: of the drawing.
        box: width and height of a node.
        legend: class of a box, and what it means.
        notes: what is left out.
        version: of dlpuconv.
    """

    file: str
    facts: tuple[Fact, ...]
    nodes: tuple[DrawnNode, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int
    box: tuple[int, int]
    legend: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    version: str
