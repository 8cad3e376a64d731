"""How much each layer of an integer graph loses: alone, and with all that comes before it.

Every operator runs by itself, on the plain integer kernels, twice a sample: on what the float network gives it, which
shows its own error, and on what the integer operators before it made, which shows the error so far. Its own error is
then added to its output inside the float network: what arrives at the outputs is what this layer costs alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.analysis import LayerError
from dlpuconv.formats.litert_session import LiteRtWorker
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.network import Network
from dlpuconv_backends.tflite.blame_facts import facts_of, float_weights
from dlpuconv_backends.tflite.injection import Injection
from dlpuconv_backends.tflite.naming import names_of
from dlpuconv_backends.tflite.operators import SPECS, is_data
from dlpuconv_backends.tflite.segments import is_join
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv_backends.tflite.quantizer import Quantized
    from dlpuconv_backends.tflite.statistics import Feed
    from dlpuconv_backends.tflite.tuning import Tuned

    type Values = dict[str, npt.NDArray[Any]]

_PERFECT_DB = 200.0
_INAUDIBLE_DB = 150.0
"""A layer whose own error lies this far below its signal is not tried in the network."""


def blame(
    tuned: Tuned, quantized: Quantized, feeds: Iterable[Feed], done: Callable[[], None] = lambda: None
) -> tuple[list[LayerError], float]:
    """Measure every operator of the integer graph that makes data.

    Args:
        tuned: what was quantized.
        quantized: what became of it.
        feeds: real values of the float graph's inputs, which calibration did not see.
        done: called after each operator of each sample.

    Returns:
        The operators that do more than to move codes, in graph order, and the signal-to-noise ratio of the quantized
        network's outputs on the same samples, in dB.
    """
    graph = tuned.graph
    stands_for = _stands_for(graph, quantized.graph)
    names = names_of(quantized.graph, tuned.names)
    worker = LiteRtWorker()
    layers = [_Layer.of(op, graph, quantized, stands_for, worker) for op in quantized.graph.operators]
    injection = Injection(graph, [t for op in graph.operators for t in op.outputs if is_data(t)], worker)
    total = _Ratio()
    for feed in feeds:
        reference = injection.values(feed)
        now: Values = {t.name: _codes(feed[stands_for[t.name]], t) for t in quantized.graph.inputs}
        for layer in layers:
            layer.look(reference, now, stands_for, injection)
            done()
        outputs = [(reference.get(stands_for[t.name]), _real(now[t.name], t)) for t in quantized.graph.outputs]
        total.add([(expected, found) for expected, found in outputs if expected is not None])  # labels lose nothing
    errors = [layer.result(tuned, quantized, names[layer.op]) for layer in layers if not _only_moves(layer.op)]
    return errors, _PERFECT_DB if total.decibels is None else total.decibels


@dataclass(slots=True)
class _Ratio:
    """Noise over signal, summed over samples, apart for each of several values."""

    sums: dict[int, list[float]] = field(default_factory=dict)

    def add(self, pairs: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> None:
        """Add one sample's values: as they should be, and as they are."""
        for index, (expected, found) in enumerate(pairs):
            signal = float(np.square(expected, dtype=np.float64).sum())
            noise = float(np.square(np.subtract(expected, found, dtype=np.float64)).sum())
            before = self.sums.setdefault(index, [0.0, 0.0])
            before[0] += noise
            before[1] += signal

    @property
    def decibels(self) -> float | None:
        """10 log10 of 1 / the mean ratio; None where there is no noise."""
        ratios = [noise / signal if signal else 1.0 for noise, signal in self.sums.values() if noise]
        return -10 * float(np.log10(sum(ratios) / len(self.sums))) if ratios else None


@dataclass(slots=True)
class _Layer:
    """One integer operator, and what was found out about it so far."""

    op: Operator
    source: Operator | None
    run: _Single
    weights: _Single | None
    own: _Ratio = field(default_factory=_Ratio)
    own_weights: list[float] = field(default_factory=lambda: [0.0, 0.0])
    alone: _Ratio = field(default_factory=_Ratio)
    accumulated: _Ratio = field(default_factory=_Ratio)
    seen: Values = field(default_factory=dict)

    @classmethod
    def of(
        cls, op: Operator, graph: Graph, quantized: Quantized, stands_for: Mapping[str, str], worker: LiteRtWorker
    ) -> _Layer:
        producers = {t.name: source for source in graph.operators for t in source.outputs}
        source = producers.get(stands_for.get(op.outputs[0].name, ""))
        layer = quantized.layers.get(source) if source is not None else None
        rounded = None
        if source is not None and layer is not None:
            rounded = _Single(float_weights(source, layer), Network.fast, worker)
        return cls(op, source, _Single(op, Network, worker), rounded)

    def look(self, reference: Values, now: Values, stands_for: Mapping[str, str], injection: Injection) -> None:
        """One sample: run on exact inputs and on those that were made so far."""
        names = [stands_for.get(t.name) for t in self.op.outputs]
        known = {t: name for t in self.run.reads if (name := stands_for.get(t.name)) in reference}
        exact = {t.name: _codes(reference[name], t) for t, name in known.items()}
        now |= self.run({t.name: now[t.name] for t in self.run.reads})
        if self.op.kind == "QUANTIZE" or len(exact) < len(self.run.reads):
            return
        if any(name not in reference for name in names):  # added by the quantizer, or whole numbers, which are no data
            return
        expected = [reference[name] for name in names if name is not None]
        made = self.run(exact)
        alone = [_real(made[t.name], t) for t in self.op.outputs]
        self.own.add(list(zip(expected, alone, strict=True)))
        so_far = [_real(now[t.name], t) for t in self.op.outputs]
        self.accumulated.add(list(zip(expected, so_far, strict=True)))
        self.seen = {"expected": expected[0], "made": made[self.op.outputs[0].name]}
        if self.weights is not None:
            rounded = self.weights({t.name: reference[t.name] for t in self.weights.reads})
            self.own_weights[0] += float(np.square(rounded[str(names[0])] - expected[0], dtype=np.float64).sum())
            self.own_weights[1] += float(np.square(alone[0] - expected[0], dtype=np.float64).sum())
        if self.own.decibels is not None and self.own.decibels < _INAUDIBLE_DB:
            errors = {str(n): (a - e).astype(np.float32) for n, a, e in zip(names, alone, expected, strict=True)}
            self.alone.add(injection.outputs_with(errors))

    def result(self, tuned: Tuned, quantized: Quantized, names: LayerNames) -> LayerError:
        """What was found out."""
        of_weights, of_all = self.own_weights
        return LayerError(
            names=names,
            op=self.op.kind,
            alone_db=self.alone.decibels,
            own_db=self.own.decibels,
            accumulated_db=self.accumulated.decibels,
            weights_share=min(of_weights / of_all, 1.0) if self.weights is not None and of_all else None,
            facts=facts_of(self.op, self.source, tuned, quantized, self.seen),
        )


class _Single:
    """A network of one operator."""

    def __init__(self, op: Operator, load: Callable[..., Network], worker: LiteRtWorker) -> None:
        self.reads = list(dict.fromkeys(t for t in op.inputs if t is not None and not t.is_constant))
        self._outputs = op.outputs
        single = Graph(self.reads, op.outputs, [op])
        self._network = load(single, versions_of(single), worker=worker)

    def __call__(self, values: Mapping[str, npt.NDArray[Any]]) -> Values:
        """What it makes, by tensor name."""
        made = self._network.run({t.name: values[t.name] for t in self.reads})
        return {t.name: value for t, value in zip(self._outputs, made, strict=True)}


def _only_moves(op: Operator) -> bool:
    """True where the codes of one activation go through unchanged: rounding happened where they were made."""
    return op.kind == "QUANTIZE" or (op.kind in SPECS and SPECS[op.kind].moves and not is_join(op))


def _stands_for(graph: Graph, integer: Graph) -> dict[str, str]:
    """Name of the float activation whose values an integer one holds, by the integer one's name."""
    floats = {t.name for t in graph.tensors() if not t.is_constant}
    made = [t.name for op in integer.operators for t in op.outputs]
    found = {name: name for name in (*(t.name for t in integer.inputs), *made) if name in floats}
    steps = [(op.input(0).name, op.output.name) for op in integer.operators if op.kind == "QUANTIZE"]
    for source, output in (*steps, *reversed(steps)):  # those at the end give their input its meaning
        if source in found:
            found.setdefault(output, found[source])
        elif output in found:
            found[source] = found[output]
    return found


def _codes(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    if tensor.quantization is None:
        return values
    limits = np.iinfo(tensor.dtype)
    codes = np.rint(values / tensor.quantization.scale[0]) + tensor.quantization.zero_point[0]
    return np.asarray(np.clip(codes, limits.min, limits.max).astype(tensor.dtype))


def _real(codes: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[np.float64]:
    if tensor.quantization is None:
        return codes.astype(np.float64)
    zero_point, scale = int(tensor.quantization.zero_point[0]), float(tensor.quantization.scale[0])
    return np.asarray((codes.astype(np.float64) - zero_point) * scale)
