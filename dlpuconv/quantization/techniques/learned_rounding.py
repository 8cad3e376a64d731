"""Learned rounding: the codes of each layer's weights and its bias, one layer after the other.

The float network and the integer one run side by side, node by node, on some calibration samples. Before a layer's turn
it is known what it reads in both; its codes are chosen so that it makes what the float layer makes, out of what the
integer layers before it, with the codes that they were given, really give it. Its bias then takes out what is left on
average. Nothing is learned by gradient: the same samples give the same codes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.language.brief import listed
from dlpuconv.network import Constants
from dlpuconv.quantization.techniques.receptive import columns_of, positions_of, row_length, rows_of
from dlpuconv.quantization.techniques.rounding import learned_codes
from dlpuconv.quantization.techniques.sample_counts import counts_of
from dlpuconv.quantization.techniques.second_moments import Sums
from dlpuconv.quantization.techniques.stepwise import Stepwise
from dlpuconv.quantization.weights.layer import with_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Layer, Network, Node
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.weights.layer import LayerWeights

    type Array = npt.NDArray[np.float32]
    type Reals = npt.NDArray[np.float64]

_POSITIONS = 4096
_POSITIONS_OF_A_VALUE = 4
"""At so many positions, of all samples together, a layer is looked at; more where its rows read more values."""
_PROBED = 512
"""So many of them tell what helps each sample: less would be noise, more would take as long as the learning."""
_PRIME = 7919
_NAMED = 3
_LONGEST_STRIP = 2304
"""Inputs of an output channel whose moments are known together. Longer rows are learned strip by strip: the moments of
all would take more memory than the rest of the conversion."""
_MOST_CODES = 2e10
"""Weights of a layer times the length of a strip: half a minute."""


def left_nearest(quantized: Quantized) -> tuple[str, ...]:
    """What is not learned of a network, in words; nothing where everything is."""
    by_reason: dict[str, list[str]] = {}
    for node, reason in unlearned(quantized).items():
        by_reason.setdefault(reason, []).append(quantized.names[node].title)
    return tuple(
        f"the rounding of {len(left)} layers was not learned, as they {reason}: {listed(left, _NAMED)}"
        for reason, left in by_reason.items()
    )


def unlearned(quantized: Quantized) -> dict[Node, str]:
    """Layers that keep their nearest codes, and why; codes of the source are no nearest ones."""
    own = [node for node, made in quantized.layers.items() if made.stated.affine is None]
    if not quantized.scheme.weight_codes.symmetric:
        return dict.fromkeys(own, "have weights with a zero point")
    read = {node: _digest(_layer(node)) for node in quantized.layers}
    readers = Counter(read.values())
    left = {node: "share their weights" for node in own if readers[read[node]] > 1}
    return left | {node: "have too many weights" for node in own if _is_too_large(_layer(node))}


def fixed_layers(quantized: Quantized) -> set[Node]:
    """Layers whose codes stay: those that cannot be learned, and those whose codes are the source's."""
    return {*unlearned(quantized), *(node for node, made in quantized.layers.items() if made.stated.affine)}


def _layer(node: Node) -> Layer:
    assert node.layer is not None
    return node.layer


def _digest(layer: Layer) -> bytes:
    """Equal for layers that read equal weights."""
    assert layer.weights is not None
    return hashlib.sha256(str(layer.weights.shape).encode() + layer.weights.tobytes()).digest()


def _is_too_large(layer: Layer) -> bool:
    return layer.rows * row_length(layer) * min(row_length(layer), _LONGEST_STRIP) > _MOST_CODES


def learn(
    nearest: Quantized,
    realize: Callable[[Quantized], Network],
    samples: Sequence[Feed],
    done: Callable[[], None] = lambda: None,
) -> dict[Node, LayerWeights]:
    """Integers of every layer; those that are the source's stay.

    Args:
        nearest: with nearest codes; scales and all activations' parameters stay.
        realize: makes the integer network.
        samples: real values of the inputs.
        done: called after each layer.

    Raises:
        BackendError: a node cannot be run.
    """
    if all(made.stated.affine for made in nearest.layers.values()):
        return dict(nearest.layers)
    exact, integer = Stepwise(nearest.network, samples, changing=False), Stepwise(realize(nearest), samples)
    own = [node for node in integer.network.nodes if node.layer is not None]
    found = dict(nearest.layers)
    left = fixed_layers(nearest)
    for node, made in zip(nearest.layers, own, strict=True):
        exact.step_to(node)
        integer.step_to(made)
        if node not in left:
            found[node] = _Pair(node, made, exact, integer).learned(nearest)
            integer.change(Constants(weights=found[node].weights, bias=found[node].bias))
        exact.step()
        integer.step()
        done()
    return found


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer in both networks, just before it runs.

    Attributes:
        node: float.
        integer: what became of it.
        exact: the float network.
        quantized: the integer network.
    """

    node: Node
    integer: Node
    exact: Stepwise
    quantized: Stepwise

    def learned(self, nearest: Quantized) -> LayerWeights:
        """The layer's integers."""
        layer, before, scheme = _layer(self.node), nearest.layers[self.node], nearest.scheme
        assert layer.weights is not None
        rows = rows_of(layer, layer.weights.astype(np.float64))
        bias = None if layer.bias is None else layer.bias.astype(np.float64)
        scale = np.broadcast_to(np.asarray(before.affine.scales), layer.rows).reshape(rows.shape[:2])
        largest = scheme.weight_codes.highest - scheme.weight_codes.middle
        codes, counts = np.empty_like(rows), self._counts()
        for strip in _strips(rows.shape[2]):
            one, other = self._seen(strip, counts)
            halves = one.moments(centred=bias is not None), other.moments(centred=bias is not None)
            codes[..., strip] = learned_codes(rows[..., strip], scale, halves, largest)
            if bias is not None:
                exact, quantized = one.means(other)
                bias = bias + _outputs(rows[..., strip], exact)
                bias = bias - _outputs(codes[..., strip] * scale[..., None], quantized)
        data = nearest.plan.read_as(self.node, layer.data)
        return with_codes(before, codes.reshape(layer.weights.shape), bias, data, scheme)

    def _read(self, sample: int) -> tuple[Array, Array]:
        """What the layer reads in both networks."""
        read, read_integer = self.node.input(_layer(self.node).data), self.integer.input(_layer(self.integer).data)
        return self.exact.real(read, sample), self.quantized.real(read_integer, sample)

    def _counts(self) -> Reals:
        """[N] what each sample counts."""
        pairs = (self._read(index) for index in range(self.exact.samples))
        return counts_of(np.array([np.square(x - q).mean(dtype=np.float64) for x, q in pairs]))

    def _seen(self, strip: slice, counts: Reals) -> tuple[Sums, Sums]:
        """What a strip of the layer's rows reads in both networks, on every other sample and on the rest."""
        layer = _layer(self.node)
        count, samples = positions_of(self.node), self.exact.samples
        wanted = max(_POSITIONS, _POSITIONS_OF_A_VALUE * (strip.stop - strip.start))
        step = min(max(count * samples // wanted, 1), count)
        halves = Sums(-(-_PROBED // samples)), Sums(-(-_PROBED // samples))
        for index in range(samples):
            picked = np.arange(index * _PRIME % step, count, step)  # elsewhere in each sample
            x, q = (columns_of(layer, values, picked)[..., strip] for values in self._read(index))
            halves[index % 2].add(x, q, counts[index])
        return halves if samples > 1 else (halves[0], halves[0])


def _strips(length: int) -> list[slice]:
    """Parts of a row, none longer than a strip may be and all about as long."""
    count = -(-length // _LONGEST_STRIP)
    ends = [length * number // count for number in range(count + 1)]
    return [slice(begin, end) for begin, end in pairwise(ends)]


def _outputs(weights: Reals, read: Reals) -> Reals:
    """[G * O] what rows [G, O, K] make of [G, K]."""
    return np.asarray(np.einsum("gok,gk->go", weights, read)).reshape(-1)
