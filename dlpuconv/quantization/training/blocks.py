"""Blocks of a network: consecutive nodes through which a gradient is known, with few activations at their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.network import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlpuconv.network import Network, Node, Value

_LAYERS, _MOST_LAYERS = 3, 8
"""Behind so many layers a block ends at the first place where one activation is all that goes on; or anywhere."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive nodes.

    Attributes:
        nodes: in their order; at least one has a layer.
        inputs: activations that they read and none of them makes.
        outputs: those that they make and others read.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    @property
    def layers(self) -> list[Node]:
        """The nodes with weights."""
        return [node for node in self.nodes if node.layer is not None]


def blocks_of(network: Network, known: Callable[[Node], bool]) -> list[Block]:
    """The network's blocks in order; what has no known gradient is in none.

    Args:
        network: float.
        known: whether a gradient goes through a node.
    """
    last = _last_readers(network)
    half_seen = {v for node in network.nodes if node.meaning.sees != ALL for v in node.activations}
    found: list[Block] = []
    pending: list[Node] = []

    def end() -> None:
        if any(node.layer is not None for node in pending):
            found.append(_block(pending, last))
        pending.clear()

    for node in network.nodes:
        if not known(node):
            end()
            continue
        pending.append(node)
        layers = sum(node.layer is not None for node in pending)
        if layers >= _MOST_LAYERS or (layers >= _LAYERS and _is_narrow(_leaving(pending, last), half_seen)):
            end()
    end()
    return found


def _is_narrow(leaving: Sequence[Value], half_seen: set[Value]) -> bool:
    """Whether a block may end: what the next node does not see of an activation must not count in its loss."""
    return len(leaving) == 1 and leaving[0] not in half_seen


def _last_readers(network: Network) -> dict[Value, Node | None]:
    """Last reader of each activation that is read; None for an output, which is read at the end."""
    last: dict[Value, Node | None] = {value: node for node in network.nodes for value in node.activations}
    return last | dict.fromkeys(network.outputs)


def _leaving(nodes: Sequence[Node], last: Mapping[Value, Node | None]) -> list[Value]:
    """What some nodes make that is read behind them."""
    inside = set(nodes)
    return [v for node in nodes for v in node.outputs if v in last and last[v] not in inside]


def _block(nodes: Sequence[Node], last: Mapping[Value, Node | None]) -> Block:
    made = {value for node in nodes for value in node.outputs}
    read = dict.fromkeys(value for node in nodes for value in node.activations if value not in made)
    return Block(tuple(nodes), tuple(read), tuple(_leaving(nodes, last)))
