"""How much each layer of an integer network loses: alone, and with all that comes before it.

Every node runs by itself, on the plain integer kernels, twice a sample: on what the float network gives it, which shows
its own error, and on what the integer nodes before it made, which shows the error so far. Its own error is then added
to its output inside the float network: what arrives at the outputs is what this layer costs alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.decibel import Powers, share_db
from dlpuconv.network import ALL
from dlpuconv.quantization.blame.facts import decoded, facts_of
from dlpuconv.quantization.blame.injection import Injection
from dlpuconv.quantization.blame.result import LayerError
from dlpuconv.quantization.naming import names_of
from dlpuconv.quantization.scales.segments import is_join
from dlpuconv.quantization.techniques.stepwise import codes_of, reals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.network import Feed, Network, Node, Range, Value
    from dlpuconv.network.network import Array
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.tuned import Tuned

    type Values = dict[str, npt.NDArray[Any]]

_PERFECT_DB = 200.0
_INAUDIBLE_DB = 150.0
"""A layer whose own error lies this far below its signal is not tried in the network."""


def blame(
    tuned: Tuned,
    quantized: Quantized,
    integer: Network,
    feeds: Iterable[Feed],
    done: Callable[[], None] = lambda: None,
) -> tuple[list[LayerError], float]:
    """Measure every node of an integer network that makes data.

    Args:
        tuned: what was quantized.
        quantized: what became of it.
        integer: the network of that.
        feeds: real values of the float network's inputs, which calibration did not see.
        done: called after each node of each sample.

    Returns:
        The nodes that do more than to move codes, in the network's order, and the signal-to-noise ratio of the
        quantized network's outputs on the same samples, in dB.
    """
    network = tuned.network
    stands_for = _stands_for(network, integer)
    names = names_of(integer, tuned.names)
    layers = [_Layer.of(node, integer, quantized, stands_for) for node in integer.nodes]
    injection = Injection(network, [v for node in network.nodes for v in node.data_outputs])
    saturating = _saturating(quantized)
    total = _Ratio()
    for feed in feeds:
        reference = injection.values(feed)
        reference |= {name: _clamped(reference[name], bounds) for name, bounds in saturating.items()}
        now: Values = {v.name: codes_of(feed[stands_for[v.name]], v) for v in integer.inputs}
        for layer in layers:
            layer.look(reference, now, stands_for, injection)
            done()
        outputs = [(reference.get(stands_for[v.name]), _real(now[v.name], v)) for v in integer.outputs]
        total.add([(expected, found) for expected, found in outputs if expected is not None])  # labels lose nothing
    errors = [layer.result(tuned, quantized, names[layer.node]) for layer in layers if not _only_moves(layer.node)]
    return errors, _PERFECT_DB if total.decibels is None else total.decibels


@dataclass(slots=True)
class _Ratio:
    """Noise over signal, summed over samples, apart for each of several values."""

    sums: dict[int, Powers] = field(default_factory=dict)

    def add(self, pairs: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> None:
        """Add one sample's values: as they should be, and as they are."""
        for index, (expected, found) in enumerate(pairs):
            self.sums.setdefault(index, Powers()).add(expected, found)

    @property
    def decibels(self) -> float | None:
        """Decibels of the mean share of noise; None without noise."""
        shares = [
            powers.noise / powers.signal if powers.signal else 1.0 for powers in self.sums.values() if powers.noise
        ]
        return share_db(sum(shares) / len(self.sums)) if shares else None


@dataclass(slots=True)
class _Layer:
    """One integer node, and what was found out about it so far.

    Attributes:
        node: of the integer network.
        source: the float node whose output it makes.
        run: makes its outputs.
        rounded: makes those of the source with rounded weights, where it has any.
        bounds: to which the saturation of its first output's codes clamps.
    """

    node: Node
    source: Node | None
    run: Callable[[Feed], list[Array]]
    rounded: Callable[[Feed], list[Array]] | None
    bounds: Range
    own: _Ratio = field(default_factory=_Ratio)
    own_weights: list[float] = field(default_factory=lambda: [0.0, 0.0])
    alone: _Ratio = field(default_factory=_Ratio)
    accumulated: _Ratio = field(default_factory=_Ratio)
    seen: Values = field(default_factory=dict)

    @classmethod
    def of(cls, node: Node, integer: Network, quantized: Quantized, stands_for: Mapping[str, str]) -> _Layer:
        network = quantized.network
        producers = {v.name: (at, source) for at, source in enumerate(network.nodes) for v in source.outputs}
        at, source = producers.get(stands_for.get(node.output.name, ""), (0, None))
        rounded = None
        if source is not None and source in quantized.layers:
            edited = network.with_constants({source: decoded(quantized.layers[source])})
            rounded = edited.loaded_one(edited.nodes[at], plain=False)
        bounds = _saturating(quantized).get(stands_for.get(node.output.name, ""), ALL)
        return cls(node, source, integer.loaded_one(node), rounded, bounds)

    def look(self, reference: Values, now: Values, stands_for: Mapping[str, str], injection: Injection) -> None:
        """One sample: run on exact inputs and on those that were made so far."""
        node, reads = self.node, self.node.activations
        names = [stands_for.get(v.name) for v in node.outputs]
        known = {v: name for v in reads if (name := stands_for.get(v.name)) in reference}
        exact = {v.name: codes_of(reference[name], v) for v, name in known.items()}
        so_far = self.run({v.name: now[v.name] for v in reads})
        now |= {v.name: values for v, values in zip(node.outputs, so_far, strict=True)}
        if node.meaning.rescales or len(exact) < len(reads):
            return
        if any(name not in reference for name in names):  # added by the quantizer, or whole numbers, which are no data
            return
        expected = [reference[name] for name in names if name is not None]
        made = self.run(exact)
        alone = [_real(values, v) for values, v in zip(made, node.outputs, strict=True)]
        self.own.add(list(zip(expected, alone, strict=True)))
        together = [_real(values, v) for values, v in zip(so_far, node.outputs, strict=True)]
        self.accumulated.add(list(zip(expected, together, strict=True)))
        self.seen = {"expected": expected[0], "made": made[0]}
        if self.rounded is not None and self.source is not None:
            (by_weights, *_) = self.rounded({v.name: reference[v.name] for v in self.source.activations})
            by_weights = _clamped(by_weights, self.bounds)
            self.own_weights[0] += float(np.square(by_weights - expected[0], dtype=np.float64).sum())
            self.own_weights[1] += float(np.square(alone[0] - expected[0], dtype=np.float64).sum())
        if self.own.decibels is not None and self.own.decibels < _INAUDIBLE_DB:
            errors = {str(n): (a - e).astype(np.float32) for n, a, e in zip(names, alone, expected, strict=True)}
            self.alone.add(injection.outputs_with(errors))

    def result(self, tuned: Tuned, quantized: Quantized, names: LayerNames) -> LayerError:
        """What was found out."""
        of_weights, of_all = self.own_weights
        return LayerError(
            names=names,
            op=self.node.kind,
            alone_db=self.alone.decibels,
            own_db=self.own.decibels,
            accumulated_db=self.accumulated.decibels,
            weights_share=min(of_weights / of_all, 1.0) if self.rounded is not None and of_all else None,
            facts=facts_of(self.node, self.source, tuned, quantized, self.seen),
        )


def _saturating(quantized: Quantized) -> dict[str, Range]:
    """Values that hold those behind a clamp already, as their codes end where it does, and its bounds, by name."""
    found: dict[str, Range] = {}
    for node in reversed(quantized.network.nodes):
        if node in quantized.plan.absorbed and node.meaning.clamp is not None:
            found[node.data_activations[0].name] = node.meaning.clamp.clamped_to(found.get(node.output.name, ALL))
    return found


def _clamped(values: npt.NDArray[Any], bounds: Range) -> npt.NDArray[Any]:
    return values if bounds == ALL else np.clip(values, bounds.low, bounds.high)


def _only_moves(node: Node) -> bool:
    """True where the codes of one activation go through unchanged: rounding happened where they were made."""
    return node.meaning.rescales or (node.meaning.moves and not is_join(node))


def _stands_for(network: Network, integer: Network) -> dict[str, str]:
    """Name of the float activation whose values an integer one holds, by the integer one's name."""
    floats = {v.name for v in network.values() if not v.is_constant}
    made = [v.name for node in integer.nodes for v in node.outputs]
    found = {name: name for name in (*(v.name for v in integer.inputs), *made) if name in floats}
    steps = [(node.input(0).name, node.output.name) for node in integer.nodes if node.meaning.rescales]
    for source, output in (*steps, *reversed(steps)):  # those at the end give their input its meaning
        if source in found:
            found.setdefault(output, found[source])
        elif output in found:
            found[source] = found[output]
    return found


def _real(codes: npt.NDArray[Any], value: Value) -> npt.NDArray[np.float64]:
    return reals_of(codes.astype(np.float64), value)
