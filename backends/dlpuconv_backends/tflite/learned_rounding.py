"""Learned rounding: the codes of each layer's weights and its bias, one layer after the other.

The float network and the integer one run side by side, operator by operator, on some calibration samples. Before a
layer's turn it is known what it reads in both; its codes are chosen so that it makes what the float layer makes, out of
what the integer layers before it, with the codes that they were given, really give it. Its bias then takes out what is
left on average. Nothing is learned by gradient: the same samples give the same codes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.formats.litert_session import LiteRtWorker
from dlpuconv.language.brief import listed
from dlpuconv.quantization.rounding import Sums, learned_codes
from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.tflite.budget import affordable_samples
from dlpuconv_backends.tflite.emit import build
from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.quantizer import quantize
from dlpuconv_backends.tflite.receptive import columns_of, from_rows, positions_of, row_length, rows_of
from dlpuconv_backends.tflite.stepwise import Stepwise
from dlpuconv_backends.tflite.weights import with_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.display.progress import Progress
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.flatbuffer import Graph
    from dlpuconv_backends.tflite.emit import Interface
    from dlpuconv_backends.tflite.numbers import Parameters
    from dlpuconv_backends.tflite.quantizer import Quantized
    from dlpuconv_backends.tflite.statistics import Feed
    from dlpuconv_backends.tflite.tuning import Tuned
    from dlpuconv_backends.tflite.weights import LayerWeights

    type Reals = npt.NDArray[np.float64]

_POSITIONS = 4096
_POSITIONS_OF_A_VALUE = 4
"""At so many positions, of all samples together, a layer is looked at; more where its rows read more values."""
_PRIME = 7919
_NAMED = 3
_LONGEST_STRIP = 2304
"""Inputs of an output channel whose moments are known together. Longer rows are learned strip by strip: the moments of
all would take more memory than the rest of the conversion."""
_MOST_CODES = 2e10
"""Weights of a layer times the length of a strip: half a minute."""


class Rounder:
    """Learns codes for recipes, and remembers them: a search asks for the best recipe twice."""

    def __init__(self, feeds: Callable[[], Iterable[Feed]], progress: Progress) -> None:
        self._feeds, self._progress = feeds, progress
        self._known: dict[Recipe, Mapping[Operator, LayerWeights]] = {}

    def quantize(
        self, tuned: Tuned, recipe: Recipe, interface: Interface, inputs: Mapping[str, Parameters]
    ) -> Quantized:
        """Quantize with learned codes; see `quantizer.quantize`.

        Raises:
            UsageError: an override names no layer.
            BackendError: LiteRT cannot run an operator.
        """
        nearest = quantize(tuned, recipe, interface, inputs)
        if recipe not in self._known:
            samples = list(islice(self._feeds(), affordable_samples(tuned.graph)))
            with self._progress.stage("rounding weights", len(nearest.layers)) as step:
                self._known[recipe] = learn(tuned.graph, nearest, samples, step)
        layers = self._known[recipe]
        return replace(nearest, graph=build(tuned.graph, nearest.plan, layers, interface), layers=layers)


def left_nearest(graph: Graph, names: Mapping[Operator, LayerNames]) -> tuple[str, ...]:
    """What is not learned of a float graph, in words; nothing where everything is.

    Args:
        graph: float.
        names: of its operators.
    """
    by_reason: dict[str, list[str]] = {}
    for op, reason in _left(graph).items():
        by_reason.setdefault(reason, []).append(names[op].title)
    return tuple(
        f"the rounding of {len(left)} layers was not learned, as they {reason}: {listed(left, _NAMED)}"
        for reason, left in by_reason.items()
    )


def _left(graph: Graph) -> dict[Operator, str]:
    """Layers of a float graph that keep their nearest codes, and why."""
    read = {op: _weights_of(op) for op in graph.operators if _is_layer(op)}
    readers = Counter(read.values())
    left = {op: "share their weights" for op, weights in read.items() if readers[weights] > 1}
    return left | {op: "have too many weights" for op in read if _is_too_large(op)}


def _weights_of(layer: Operator) -> bytes:
    """Equal for layers that read equal weights."""
    at = SPECS[layer.kind].weights
    assert at is not None
    weights = layer.input(at.weights).data
    assert weights is not None
    return hashlib.sha256(str(weights.shape).encode() + weights.tobytes()).digest()


def learn(
    graph: Graph, nearest: Quantized, samples: Sequence[Feed], done: Callable[[], None] = lambda: None
) -> dict[Operator, LayerWeights]:
    """Integers of every layer.

    Args:
        graph: float.
        nearest: the same network with nearest codes; scales and all activations' parameters stay.
        samples: real values of the inputs.
        done: called after each layer.

    Raises:
        BackendError: LiteRT cannot run an operator.
    """
    worker = LiteRtWorker()
    exact, integer = Stepwise(graph, samples, worker), Stepwise(nearest.graph, samples, worker)
    ahead = iter(graph.operators)
    layers = iter(nearest.layers)  # the integer graph has the same layers in the same order
    found: dict[Operator, LayerWeights] = {}
    left = _left(graph)
    for op in nearest.graph.operators:
        if not _is_layer(op):
            integer.step(op)
            continue
        layer = next(layers)
        _run_up_to(layer, exact, ahead)
        found[layer] = nearest.layers[layer]
        if layer not in left:
            pair = _Pair(layer, op, exact, integer)
            found[layer] = pair.learned(found[layer], nearest.plan.read_as(layer, _data_index(layer)))
        exact.step(layer)
        integer.step(_with_integers(op, found[layer]))
        done()
    return found


def _run_up_to(layer: Operator, exact: Stepwise, ahead: Iterable[Operator]) -> None:
    for op in ahead:
        if op is layer:
            return
        exact.step(op)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer in both networks, just before it runs.

    Attributes:
        layer: float.
        integer: what became of it.
        exact: the float network.
        quantized: the integer network.
    """

    layer: Operator
    integer: Operator
    exact: Stepwise
    quantized: Stepwise

    def learned(self, nearest: LayerWeights, data: Parameters) -> LayerWeights:
        """The layer's integers."""
        weights, bias = _constants(self.layer)
        rows = rows_of(self.layer, weights)
        scale = np.broadcast_to(nearest.affine.scale.astype(np.float64), rows.shape[0] * rows.shape[1])
        scale = scale.reshape(rows.shape[:2])
        codes = np.empty_like(rows)
        for strip in _strips(rows.shape[2]):
            one, other = self._seen(strip)
            halves = one.moments(centred=bias is not None), other.moments(centred=bias is not None)
            codes[..., strip] = learned_codes(rows[..., strip], scale, halves)
            if bias is not None:
                exact, quantized = one.means(other)
                bias = bias + _outputs(rows[..., strip], exact)
                bias = bias - _outputs(codes[..., strip] * scale[..., None], quantized)
        return with_codes(self.layer, nearest, from_rows(self.layer, codes), bias, data)

    def _seen(self, strip: slice) -> tuple[Sums, Sums]:
        """What a strip of the layer's rows reads in both networks, on every other sample and on the rest."""
        read, read_integer = (op.input(_data_index(op)) for op in (self.layer, self.integer))
        count, samples = positions_of(self.layer), self.exact.samples
        wanted = max(_POSITIONS, _POSITIONS_OF_A_VALUE * (strip.stop - strip.start))
        step = min(max(count * samples // wanted, 1), count)
        halves = Sums(), Sums()
        for index in range(samples):
            picked = np.arange(index * _PRIME % step, count, step)  # elsewhere in each sample
            x = columns_of(self.layer, self.exact.real(read, index), picked)[..., strip]
            q = columns_of(self.layer, self.quantized.real(read_integer, index), picked)[..., strip]
            halves[index % 2].add(x, q)
        return halves if samples > 1 else (halves[0], halves[0])


def _strips(length: int) -> list[slice]:
    """Parts of a row, none longer than a strip may be and all about as long."""
    count = -(-length // _LONGEST_STRIP)
    ends = [length * number // count for number in range(count + 1)]
    return [slice(begin, end) for begin, end in pairwise(ends)]


def _constants(layer: Operator) -> tuple[Reals, Reals | None]:
    """Weights in their shape, and [C] bias where there is one."""
    at = SPECS[layer.kind].weights
    assert at is not None
    weights = layer.input(at.weights).data
    assert weights is not None
    bias = layer.inputs[at.bias] if at.bias < len(layer.inputs) else None
    if bias is None or bias.data is None:
        return weights.astype(np.float64), None
    return weights.astype(np.float64), bias.data.astype(np.float64).reshape(-1)


def _outputs(weights: Reals, read: Reals) -> Reals:
    """[G * O] what rows [G, O, K] make of [G, K]."""
    return np.asarray(np.einsum("gok,gk->go", weights, read)).reshape(-1)


def _with_integers(op: Operator, made: LayerWeights) -> Operator:
    """An integer layer with other constants."""
    at = SPECS[op.kind].weights
    assert at is not None
    changed = {at.weights: made.weights} | ({} if made.bias is None else {at.bias: made.bias})
    inputs = list(op.inputs)
    for index, codes in changed.items():
        old = op.input(index)
        inputs[index] = Tensor(old.name, old.shape, old.dtype, codes.reshape(old.shape), old.quantization)
    return Operator(op.kind, inputs, op.outputs, op.options, op.source_name)


def _is_layer(op: Operator) -> bool:
    return op.kind in SPECS and SPECS[op.kind].weights is not None


def _is_too_large(op: Operator) -> bool:
    at = SPECS[op.kind].weights
    assert at is not None
    length = row_length(op)
    return int(np.prod(op.input(at.weights).shape)) * min(length, _LONGEST_STRIP) > _MOST_CODES


def _data_index(op: Operator) -> int:
    at = SPECS[op.kind].weights
    assert at is not None
    return at.data
