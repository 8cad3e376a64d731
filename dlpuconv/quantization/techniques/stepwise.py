"""Runs a network node by node, so that each can still be changed before its turn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.network import Constants, Feed, Network, Node, Value

    type Codes = npt.NDArray[Any]


class Stepwise:
    """The values of a network, integer or float, on a few samples, as far as its nodes have run.

    What no later node reads is forgotten: at any time there are as many arrays as the network has live activations.

    Attributes:
        network: with the changes made so far.
        samples: how many there are.
    """

    def __init__(self, network: Network, feeds: Sequence[Feed]) -> None:
        """Get ready for the first node.

        Args:
            network: it is not changed.
            feeds: real values of its inputs, by name.
        """
        self.network = network
        self.samples = len(feeds)
        self._ready = network.ready()
        self._turn = 0
        self._values = {v.name: [codes_of(feed[v.name], v) for feed in feeds] for v in network.inputs}
        self._readers = Counter(v.name for node in network.nodes for v in node.activations)

    @property
    def node(self) -> Node | None:
        """The one whose turn it is; None at the end."""
        return self.network.nodes[self._turn] if self._turn < len(self.network.nodes) else None

    def mean(self, value: Value) -> npt.NDArray[np.float64]:
        """[C] mean by channel, in real units, of an activation that was computed."""
        parts = [v.reshape(-1, value.channels).mean(axis=0, dtype=np.float64) for v in self._values[value.name]]
        return reals_of(np.mean(parts, axis=0), value)

    def real(self, value: Value, sample: int) -> npt.NDArray[np.float32]:
        """Real values of an activation that was computed, on one sample."""
        return reals_of(self._values[value.name][sample].astype(np.float32), value)

    def values(self, node: Node, sample: int) -> dict[str, Codes]:
        """What a node reads on one sample, by name."""
        return {v.name: self._values[v.name][sample] for v in node.activations}

    def change(self, constants: Constants) -> None:
        """Give the node whose turn it is other constants."""
        node = self.node
        assert node is not None
        self.network = self.network.with_constants({node: constants})

    def made(self, *, activated: bool = True) -> list[list[Codes]]:
        """What the node whose turn it is makes of the values so far with the plain kernels: by output, by sample.

        Args:
            activated: False to leave out what is fused behind a layer.

        Raises:
            BackendError: it cannot be run.
        """
        node = self.node
        assert node is not None
        feeds = (self.values(node, index) for index in range(self.samples))
        made: list[list[Codes]] = [[] for _ in node.outputs]
        for outputs in self.network.run_one(node, feeds, activated=activated):
            for values, output in zip(made, outputs, strict=True):
                values.append(np.array(output))
        return made

    def step(self) -> None:
        """Run the node whose turn it is on every sample.

        Raises:
            BackendError: it cannot be run.
        """
        node = self.node
        assert node is not None
        self._values |= {v.name: values for v, values in zip(node.outputs, self.made(), strict=True)}
        for value in node.activations:
            self._readers[value.name] -= 1
            if not self._readers[value.name]:
                del self._values[value.name]
        self._turn += 1

    def step_to(self, node: Node) -> None:
        """Run all nodes in front of one."""
        while self.node is not node:
            self.step()


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
