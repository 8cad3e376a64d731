"""The network itself: nodes in the order in which they run, and the edits that techniques ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dlpuconv.network.edit import CannotError

if TYPE_CHECKING:
    from dlpuconv.network.edit import Constants, OutputPiece
    from dlpuconv.network.node import Node
    from dlpuconv.network.value import Value

type Array = npt.NDArray[Any]
type Feed = Mapping[str, Array]
"""Values of a network's inputs by name, channels last: real ones for a float network, codes for an integer one."""


class Network(ABC):
    """A network, float or integer. It is never changed: every edit makes another one, which shares activations.

    Attributes:
        inputs: in the source model's order.
        outputs: in the source model's order.
        nodes: each behind those that make what it reads.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]

    @property
    @abstractmethod
    def key(self) -> str:
        """A digest of everything that its values depend on, for caches of statistics."""

    @abstractmethod
    def run(self, feeds: Iterable[Feed], taps: Sequence[Value], *, plain: bool = False) -> Iterator[Iterable[Array]]:
        """Run it on each feed.

        Args:
            feeds: read one after the other, maybe some ahead.
            taps: activations to be told, each once; inputs may be among them.
            plain: with the reference kernels, which files are verified on, instead of the fastest.

        Yields:
            For each feed, the taps' values in their order; each array is lent until the next one is asked for.

        Raises:
            BackendError: it cannot be run.
        """

    def ready(self) -> object:
        """Keep what runs the network ready for as long as the result is held: many short runs will follow."""
        return None

    def loaded(self, taps: Sequence[Value], *, plain: bool = False) -> Callable[[Feed], list[Array]]:
        """The network in memory, for single inferences: inputs that a feed leaves out keep their last values.

        Args:
            taps: see `run`.
            plain: see `run`.

        Returns:
            A function from a feed to the taps' values, which the caller may keep. An adapter may have a faster one.

        Raises:
            BackendError: it cannot be run.
        """
        kept: dict[str, Array] = {}

        def infer(feed: Feed) -> list[Array]:
            kept.update(feed)
            return [np.array(values) for values in next(self.run([kept], taps, plain=plain))]

        return infer

    @abstractmethod
    def run_one(
        self, node: Node, feeds: Iterable[Feed], *, activated: bool = True, plain: bool = True
    ) -> Iterator[Iterable[Array]]:
        """Run one node by itself.

        Args:
            node: of this network.
            feeds: values of its activations by name.
            activated: False to leave out what is fused behind a layer.
            plain: see `run`.

        Yields:
            For each feed, its outputs' values; each array is lent until the next one is asked for.

        Raises:
            BackendError: it cannot be run.
        """

    def run_part(
        self, nodes: Sequence[Node], feeds: Iterable[Feed], taps: Sequence[Value], *, plain: bool = True
    ) -> Iterator[Iterable[Array]]:
        """Run some nodes by themselves. An adapter may have a faster way than one after the other.

        Args:
            nodes: of this network, in its order.
            feeds: values by name of the activations that they read and none of them makes.
            taps: activations that they make.
            plain: see `run`.

        Yields:
            For each feed, the taps' values; each array is lent until the next one is asked for.

        Raises:
            BackendError: they cannot be run.
        """
        loaded = [(node, self.loaded_one(node, plain=plain)) for node in nodes]
        for feed in feeds:
            known = dict(feed)
            for node, infer in loaded:
                made = infer({v.name: known[v.name] for v in node.activations})
                known |= {v.name: values for v, values in zip(node.outputs, made, strict=True)}
            yield [known[tap.name] for tap in taps]

    def loaded_one(self, node: Node, *, activated: bool = True, plain: bool = True) -> Callable[[Feed], list[Array]]:
        """One node in memory, for single inferences; see `loaded` and `run_one`.

        Raises:
            BackendError: it cannot be run.
        """

        def infer(feed: Feed) -> list[Array]:
            return [np.array(values) for values in next(self.run_one(node, [feed], activated=activated, plain=plain))]

        return infer

    @abstractmethod
    def with_constants(self, changed: Mapping[Node, Constants]) -> Network:
        """The same network with other constants; nodes that do not change are the same objects, and so are values."""

    @abstractmethod
    def with_errors(self, values: Sequence[Value]) -> tuple[Network, Mapping[str, str]]:
        """A network with one more input behind each of some activations, which is added to it.

        Returns:
            The network, and by name of each activation the name of the input that is added to it.
        """

    def ending_at(self, values: Sequence[Value]) -> Network:  # noqa: ARG002 - optional
        """A network whose outputs are these activations, without what only other outputs need.

        Raises:
            CannotError: the format cannot do it.
        """
        raise CannotError("this format cannot end a network elsewhere")

    def with_channel_scale(self, value: Value, factors: npt.NDArray[np.floating[Any]]) -> Network:  # noqa: ARG002 - optional
        """A network in which the channels of an activation are multiplied by factors, for all that read it.

        Args:
            value: made by a node; it is the same object in the new network, and holds the products.
            factors: [C].

        Raises:
            CannotError: the format cannot do it.
        """
        raise CannotError("this format cannot scale the channels of an activation")

    def gates(self) -> Mapping[Value, Value]:
        """By product y = x g(x), of x and a curve g of single values: its x.

        Only those whose gate `with_gates` can separate; a format need not have any.
        """
        return {}

    def with_gates(self, products: Sequence[Value]) -> tuple[Network, Mapping[str, float]]:  # noqa: ARG002 - optional
        """A network in which only the gates of some products read x, through depthwise layers of their own.

        What reads x, directly, in order to make g(x) reads it through a depthwise layer of equal weights. With other
        weights there, x can have other factors by channel than the gate is told.

        Args:
            products: some of `gates`.

        Returns:
            The network, and by what number it multiplies activations, by name; others are the same.

        Raises:
            CannotError: the format cannot do it.
        """
        raise CannotError("this format cannot separate gates")

    def with_detours(self, readers: Mapping[Value, Sequence[int]]) -> Network:  # noqa: ARG002 - optional
        """A network in which some nodes read activations through depthwise layers of weights 1.

        Args:
            readers: by activation, which of its readers do so, by their places in `consumers`. They share a layer,
                whose output is named by `detour_name`.

        Raises:
            CannotError: the format cannot do it.
        """
        raise CannotError("this format cannot have layers in front of some readers")

    def with_parallel_layers(self, chain: Sequence[Node], sizes: Sequence[int]) -> Network:  # noqa: ARG002 - optional
        """A network in which the channels of a chain of nodes are made by several chains, and joined behind the last.

        Args:
            chain: a layer of one group; then nodes that are alone in reading the one in front, each a depthwise layer
                or `Meaning.keeps_channels`.
            sizes: channels of each of the chains that it becomes, which are named by `part_name`.

        Raises:
            CannotError: the format cannot do it.
        """
        raise CannotError("this format cannot have layers side by side in the place of one")

    def with_output_parts(self, pieces: Sequence[OutputPiece]) -> Network:  # noqa: ARG002 - optional
        """A network with other outputs, each a part of one; what is made only to be cut apart again is not made.

        Args:
            pieces: in order; those of an output together, and all of it.

        Returns:
            A network whose activations may all be other objects.

        Raises:
            CannotError: the format cannot do it.
        """
        raise CannotError("this format cannot cut outputs into parts")

    def producers(self) -> dict[Value, Node]:
        """Who makes each activation."""
        return {value: node for node in self.nodes for value in node.outputs}

    def consumers(self) -> dict[Value, list[Node]]:
        """Who reads each value; a node that reads it twice is listed once."""
        readers: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(v for v in node.inputs if v is not None):
                readers.setdefault(value, []).append(node)
        return readers

    def values(self) -> list[Value]:
        """Every value once: inputs first, then in order of first use."""
        found: dict[Value, None] = dict.fromkeys(self.inputs)
        for node in self.nodes:
            found.update(dict.fromkeys(v for v in node.inputs if v is not None))
            found.update(dict.fromkeys(node.outputs))
        found.update(dict.fromkeys(self.outputs))
        return list(found)
