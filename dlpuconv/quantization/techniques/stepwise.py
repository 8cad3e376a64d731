"""Runs a network node by node, so that each can still be changed before its turn."""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Constants, Feed, Network, Node, Value

    type Codes = npt.NDArray[Any]

_AHEAD = 1 << 24
"""Values of all samples together that are computed before their turn where nothing is changed."""


class Stepwise:
    """The values of a network, integer or float, on a few samples, as far as its nodes have run.

    Nodes run together, when somebody asks for what they make: each question to a worker costs time. What no later node
    reads is forgotten: at any time there are about as many arrays as the network has live activations.

    Attributes:
        network: with the changes made so far.
        samples: how many there are.
    """

    def __init__(self, network: Network, feeds: Sequence[Feed], *, changing: bool = True) -> None:
        """Get ready for the first node.

        Args:
            network: it is not changed.
            feeds: real values of its inputs, by name.
            changing: False where nothing will be changed: then nodes run many at a time, float ones with the fastest
                kernels.
        """
        self.network = network
        self.samples = len(feeds)
        self._ready = network.ready()
        self._changing = changing
        self._turn = self._ran = self._known_at = 0
        self._values = {v.name: [codes_of(feed[v.name], v) for feed in feeds] for v in network.inputs}
        self._last: dict[str, float] = {v.name: i for i, node in enumerate(network.nodes) for v in node.activations}
        self._last |= dict.fromkeys((v.name for v in network.outputs), inf)

    @property
    def node(self) -> Node | None:
        """The node to be treated next; None at the end."""
        return self.network.nodes[self._turn] if self._turn < len(self.network.nodes) else None

    def mean(self, value: Value) -> npt.NDArray[np.float64]:
        """[C] mean by channel, in real units, of an activation that was computed.

        Raises:
            BackendError: a node that had its turn cannot be run.
        """
        parts = [v.reshape(-1, value.channels).mean(axis=0, dtype=np.float64) for v in self._known()[value.name]]
        return reals_of(np.mean(parts, axis=0), value)

    def real(self, value: Value, sample: int) -> npt.NDArray[np.float32]:
        """Real values of an activation that was computed, on one sample.

        Raises:
            BackendError: a node that had its turn cannot be run.
        """
        return reals_of(self._known()[value.name][sample].astype(np.float32), value)

    def change(self, constants: Constants) -> None:
        """Give the node whose turn it is other constants."""
        node = self.node
        assert node is not None
        assert self._changing
        self.network = self.network.with_constants({node: constants})

    def made(self, *, activated: bool = True) -> list[list[Codes]]:
        """What the node whose turn it is makes of the values so far with the plain kernels: by output, by sample.

        Args:
            activated: False to leave out what is fused behind a layer.

        Raises:
            BackendError: it cannot be run.
        """
        node, known = self.node, self._known()
        assert node is not None
        feeds = ({v.name: known[v.name][index] for v in node.activations} for index in range(self.samples))
        return _by_output(len(node.outputs), self.network.run_one(node, feeds, activated=activated))

    def step(self) -> None:
        """Go on to the next node."""
        self._turn += 1

    def step_to(self, node: Node) -> None:
        """Go on to a node."""
        self._turn = self.network.nodes.index(node, self._turn)

    def _known(self) -> dict[str, list[Codes]]:
        """The values that nodes read from this turn on, after running those in front of it."""
        if self._known_at == self._turn:
            return self._values
        self._known_at = self._turn
        if self._ran < self._turn:
            nodes = self.network.nodes[self._ran : self._end()]
            self._ran += len(nodes)
            self._values |= self._outputs(nodes, [v for node in nodes for v in node.outputs if self._is_needed(v.name)])
        self._values = {name: values for name, values in self._values.items() if self._is_needed(name)}
        return self._values

    def _is_needed(self, name: str) -> bool:
        return self._last.get(name, -1) >= self._turn

    def _end(self) -> int:
        """Behind the last node that runs now."""
        end, nodes = self._turn, self.network.nodes
        room = 0 if self._changing else _AHEAD // max(self.samples, 1)
        while end < len(nodes) and room > 0:
            room -= sum(prod(v.shape) for v in nodes[end].outputs)
            end += room >= 0
        return end

    def _outputs(self, nodes: Sequence[Node], wanted: Sequence[Value]) -> dict[str, list[Codes]]:
        """What nodes make of the values that are known, by name."""
        if not wanted:
            return {}
        own = {v.name for node in nodes for v in node.outputs}
        read = dict.fromkeys(v.name for node in nodes for v in node.activations if v.name not in own)
        feeds = ({name: self._values[name][index] for name in read} for index in range(self.samples))
        found = self.network.run_part(nodes, feeds, wanted, plain=self._changing)
        return dict(zip((v.name for v in wanted), _by_output(len(wanted), found), strict=True))


def _by_output(count: int, found: Iterable[Iterable[Codes]]) -> list[list[Codes]]:
    """By output, by sample, what is told by sample and only lent."""
    made: list[list[Codes]] = [[] for _ in range(count)]
    for outputs in found:
        for values, output in zip(made, outputs, strict=True):
            values.append(np.array(output))
    return made


def codes_of(reals: npt.NDArray[Any], value: Value) -> Codes:
    """Real values as an activation holds them, computed in their own precision."""
    if value.affine is None:
        return reals
    limits = np.iinfo(value.dtype)
    codes = np.rint(reals / np.float32(value.affine.scale)) + value.affine.zero_point
    return np.asarray(np.clip(codes, limits.min, limits.max).astype(value.dtype))


def reals_of[T: np.floating](codes: npt.NDArray[T], value: Value) -> npt.NDArray[T]:
    """Real values of codes of an activation, in the codes' precision; those of a float activation as they are."""
    if value.affine is None:
        return codes
    return np.asarray((codes - value.affine.zero_point) * value.affine.scale, codes.dtype)
