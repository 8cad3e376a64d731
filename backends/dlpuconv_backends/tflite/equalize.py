"""Equalization of a float graph: the same function, with weights whose channels have like ranges.

What is a clip, and which channels never fire, is judged from the calibration samples; the numbers are solved in
`dlpuconv.quantization.equalize`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.equalize import Layer, solve
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.channels import LAYERS, ChannelMap, fused, layer_channels, map_channels
from dlpuconv_backends.tflite.operators import SPECS, data_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from dlpuconv_backends.tflite.channel_statistics import Details

_MARGIN = 0.9
"""Of a clip's bound: what other samples may reach beyond the calibration's."""
_ACTIVE = 0.999
"""A channel that reached this share of the bound was clipped."""
_ENOUGH = 32
"""Real samples before a channel that never fired is believed to be dead."""
_FIRES_NEVER_BELOW = frozenset({1, 3})  # fused RELU, RELU6: the layer's output is zero where it does not fire


@dataclass(frozen=True, slots=True, kw_only=True)
class Equalized:
    """The same function in other numbers.

    Attributes:
        graph: float; shares its activations with the graph that it was made of.
        likewise: does the same to another graph of the same activations.
        factors: [C] what each channel was multiplied by, by tensor name.
        scaled: how many variables got a factor other than 1.
        silenced: how many output channels of layers were set to zero because they never fired.
    """

    graph: Graph
    likewise: Callable[[Graph], Graph]
    factors: Mapping[str, npt.NDArray[np.float64]]
    scaled: int
    silenced: int


def equalize(graph: Graph, details: Details) -> Equalized:
    """Scale channels so that weights quantize well with one scale a layer.

    Args:
        graph: float; it is not changed.
        details: statistics by channel.
    """
    channels = map_channels(graph)
    peaks = _peaks(channels, details)
    silent = _silent(graph, channels, peaks, details.evidence)
    layers = [op for op in graph.operators if op.kind in LAYERS and op.input(_weights_at(op)).is_constant]
    unknown = _made_or_read_elsewhere(graph, channels, layers)
    most = _bounds(channels, peaks)
    most[channels.fixed | silent | unknown] = np.nan
    factors = solve([_view(op, channels, silent) for op in layers], most)
    rewriter = _Rewriter(channels, factors, silent)
    return Equalized(
        graph=rewriter.graph(graph),
        likewise=rewriter.graph,
        factors={t.name: factors[ids] for t, ids in channels.of.items() if (factors[ids] != 1.0).any()},
        scaled=int((factors != 1.0).sum()),
        silenced=sum(rewriter.silenced(op) for op in layers),
    )


def _weights_at(op: Operator) -> int:
    at = SPECS[op.kind].weights
    assert at is not None
    return at.weights


def _peaks(channels: ChannelMap, details: Details) -> dict[Tensor, npt.NDArray[np.float64]]:
    """[C] largest magnitude of each channel, where it was measured."""
    found = {}
    for tensor, ids in channels.of.items():
        table = details.channels.get(tensor.name)
        if table is not None and len(table) == ids.size:
            found[tensor] = np.abs(table[:, :2]).max(axis=1)
    return found


def _silent(
    graph: Graph, channels: ChannelMap, peaks: Mapping[Tensor, npt.NDArray[np.float64]], evidence: int
) -> npt.NDArray[np.bool_]:
    """[V] True where nothing ever fired behind a ReLU."""
    reached = np.zeros(channels.fixed.size)
    rectified = np.zeros(channels.fixed.size, np.bool_)
    for tensor, peak in peaks.items():
        np.maximum.at(reached, channels.of[tensor], peak)
    for op in graph.operators:
        if op.kind in LAYERS and fused(op) in _FIRES_NEVER_BELOW and op.output in peaks:
            rectified[channels.of[op.output]] = True
    return np.asarray((reached == 0) & rectified & ~channels.ends & (evidence >= _ENOUGH))


def _made_or_read_elsewhere(graph: Graph, channels: ChannelMap, layers: list[Operator]) -> npt.NDArray[np.bool_]:
    """[V] True where a layer with computed weights is concerned: there is nothing to scale."""
    found = np.zeros(channels.fixed.size, np.bool_)
    known = set(layers)
    for op in graph.operators:
        if op.kind in LAYERS and op not in known:
            for tensor in (*op.inputs, *op.outputs):
                if tensor is not None and tensor in channels.of:
                    found[channels.of[tensor]] = True
    return found


def _bounds(channels: ChannelMap, peaks: Mapping[Tensor, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """[V] the largest factor that keeps every channel below its clip, or within its tensor's range; nan to fix it."""
    most = np.full(channels.fixed.size, np.inf)
    for tensor, peak in peaks.items():
        ids = channels.of[tensor]
        clip = channels.clips.get(tensor)
        whole = peak.max(initial=0.0) if clip is None else clip * _MARGIN
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(peak > 0, whole / peak, np.inf)
        if clip is not None:
            room = np.where(peak >= clip * _ACTIVE, np.nan, room)
        with np.errstate(invalid="ignore"):
            np.minimum.at(most, ids, room)  # nan stays
    return most


def _view(op: Operator, channels: ChannelMap, silent: npt.NDArray[np.bool_]) -> Layer:
    made, read = layer_channels(op, channels)
    data = op.input(_weights_at(op)).data
    assert data is not None
    if op.kind == "DEPTHWISE_CONV_2D":
        magnitude = np.abs(data).max(axis=(0, 1, 2)).astype(np.float64)[:, None]
    else:
        magnitude = np.abs(data).max(axis=tuple(range(1, data.ndim - 1))).astype(np.float64)
    quiet = silent[made][:, None] | silent[read]
    return Layer(magnitude=np.where(quiet, 0.0, magnitude), made=made, read=read)


class _Rewriter:
    """Makes operators with scaled constants; activations stay the same objects."""

    def __init__(self, channels: ChannelMap, factors: npt.NDArray[np.float64], silent: npt.NDArray[np.bool_]) -> None:
        self._channels, self._factors, self._silent = channels, factors, silent

    def graph(self, graph: Graph) -> Graph:
        """The same graph in other numbers."""
        operators = [self._operator(op) for op in graph.operators]
        return Graph(list(graph.inputs), list(graph.outputs), operators, graph.description, dict(graph.metadata))

    def silenced(self, op: Operator) -> int:
        """How many channels of a layer are set to zero."""
        return int(self._silent[layer_channels(op, self._channels)[0]].sum())

    def _operator(self, op: Operator) -> Operator:
        """The same operator, or one with other constants."""
        if op.kind in LAYERS and op.input(_weights_at(op)).is_constant:
            return self._layer(op)
        if op.kind in ("ADD", "SUB"):
            return self._sum(op)
        return op

    def _layer(self, op: Operator) -> Operator:
        made, read = layer_channels(op, self._channels)
        quiet = self._silent[made]
        up = np.where(quiet, 0.0, self._factors[made])
        down = np.where(self._silent[read], 0.0, 1.0 / self._factors[read])
        if (up == 1.0).all() and (down == 1.0).all():
            return op
        at = SPECS[op.kind].weights
        assert at is not None
        weights = op.input(at.weights)
        assert weights.data is not None
        if op.kind == "DEPTHWISE_CONV_2D":
            scale = up * down[:, 0]
        else:
            scale = (up[:, None] * down).reshape(weights.shape[0], *[1] * (weights.data.ndim - 2), -1)
        changed: dict[int, Tensor] = {at.weights: _constant(weights, weights.data * scale)}
        bias = op.inputs[at.bias] if at.bias < len(op.inputs) else None
        if bias is not None and bias.data is not None:
            changed[at.bias] = _constant(bias, bias.data * up.reshape(bias.data.shape))
        return _with(op, changed)

    def _sum(self, op: Operator) -> Operator:
        factors = self._factors[self._channels.of[op.output]]
        if (factors == 1.0).all():
            return op
        return _with(op, {i: _constant(t, t.data * factors) for i, t in data_inputs(op) if t.data is not None})


def _constant(old: Tensor, data: npt.NDArray[np.float64]) -> Tensor:
    values = np.ascontiguousarray(data, np.float32)
    return Tensor(old.name, tuple(values.shape), old.dtype, values, None, old.source_names)


def _with(op: Operator, changed: Mapping[int, Tensor]) -> Operator:
    if not changed:
        return op
    inputs = [changed.get(i, t) for i, t in enumerate(op.inputs)]
    return Operator(op.kind, inputs, list(op.outputs), op.options, op.source_name)
