"""Equalization of a float network: the same function, in numbers of which 8 bits lose less.

What is a clip, and which channels never fire, is judged from the calibration samples; the numbers are solved in
`factors`, for weights whose channels have like ranges, or in `noise_factors`, for the least noise at the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.recipe import Balance
from dlpuconv.quantization.techniques.channels import ChannelMap, layer_channels, map_channels
from dlpuconv.quantization.techniques.factors import Magnitudes, solve
from dlpuconv.quantization.techniques.noise_factors import least_noise
from dlpuconv.quantization.techniques.noise_sources import noise_sources
from dlpuconv.quantization.techniques.scaling import Scaling, is_known, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import numpy.typing as npt

    from dlpuconv.network import Network, Node, Value
    from dlpuconv.quantization.statistics.channels import Details

_MARGIN = 0.9
"""Of a clip's bound: what other samples may reach beyond the calibration's."""
_ACTIVE = 0.999
"""A channel that reached this share of the bound was clipped."""
_ENOUGH = 32
"""Real samples before a channel that never fired is believed to be dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equalized:
    """The same function in other numbers.

    Attributes:
        network: float; shares its activations with the one that it was made of.
        likewise: does the same to another network of the same activations.
        factors: [C] what each channel was multiplied by, by activation name.
        scaled: how many variables got a factor other than 1.
        silenced: how many output channels of layers were set to zero because they never fired.
    """

    network: Network
    likewise: Callable[[Network], Network]
    factors: Mapping[str, npt.NDArray[np.float64]]
    scaled: int
    silenced: int


def equalize(
    network: Network, details: Details, balance: Balance = Balance.WEIGHTS, kept: Collection[Node] = ()
) -> Equalized:
    """Scale channels so that they quantize well with one scale a layer, and one an activation.

    Args:
        network: float; it is not changed.
        details: statistics by channel.
        balance: by which factors are chosen.
        kept: layers whose weights stay as they are.
    """
    channels = map_channels(network)
    peaks = _peaks(channels, details)
    held = _held(channels, kept)
    silent = _silent(network, channels, peaks, details.evidence) & ~held
    layers = [node for node in network.nodes if is_known(node)]
    most = _bounds(channels, peaks, widens=balance is Balance.NOISE)
    most[channels.fixed | held | silent | unknown(network, channels)] = np.nan
    views = [_view(node, channels, silent) for node in layers]
    if balance is Balance.NOISE:
        factors = least_noise(noise_sources(network, channels, details, dict(zip(layers, views, strict=True))), most)
    else:
        factors = solve(views, most)
    scaling = Scaling(channels, factors, silent)
    return Equalized(
        network=scaling.of(network),
        likewise=scaling.of,
        factors={v.name: factors[ids] for v, ids in channels.of.items() if (factors[ids] != 1.0).any()},
        scaled=int((factors != 1.0).sum()),
        silenced=sum(int(silent[layer_channels(node, channels)[0]].sum()) for node in layers),
    )


def _peaks(channels: ChannelMap, details: Details) -> dict[Value, npt.NDArray[np.float64]]:
    """[C] largest magnitude of each channel, where it was measured."""
    found = {}
    for value, ids in channels.of.items():
        table = details.channels.get(value.name)
        if table is not None and len(table) == ids.size:
            found[value] = np.abs(table[:, :2]).max(axis=1)
    return found


def _held(channels: ChannelMap, kept: Collection[Node]) -> npt.NDArray[np.bool_]:
    """[V] True where one of these layers makes or reads a channel."""
    held = np.zeros(channels.fixed.size, np.bool_)
    for node in filter(is_known, kept):
        for ids in layer_channels(node, channels):
            held[ids] = True
    return held


def _silent(
    network: Network, channels: ChannelMap, peaks: Mapping[Value, npt.NDArray[np.float64]], evidence: int
) -> npt.NDArray[np.bool_]:
    """[V] True where nothing ever fired behind a rectifier."""
    reached = np.zeros(channels.fixed.size)
    rectified = np.zeros(channels.fixed.size, np.bool_)
    for value, peak in peaks.items():
        np.maximum.at(reached, channels.of[value], peak)
    for node in network.nodes:
        if node.layer is not None and node.layer.activation.rectifies and node.output in peaks:
            rectified[channels.of[node.output]] = True
    return np.asarray((reached == 0) & rectified & ~channels.ends & (evidence >= _ENOUGH))


def _bounds(
    channels: ChannelMap, peaks: Mapping[Value, npt.NDArray[np.float64]], *, widens: bool
) -> npt.NDArray[np.float64]:
    """[V] the largest factor that keeps every channel below its clip, or within its activation's range; nan: fixed.

    Where it `widens`, an activation's range is no bound.
    """
    most = np.full(channels.fixed.size, np.inf)
    for value, peak in peaks.items():
        ids = channels.of[value]
        clip = channels.clips.get(value)
        if clip is None and widens:
            continue
        whole = peak.max(initial=0.0) if clip is None else clip * _MARGIN
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(peak > 0, whole / peak, np.inf)
        if clip is not None:
            room = np.where(peak >= clip * _ACTIVE, np.nan, room)
        with np.errstate(invalid="ignore"):
            np.minimum.at(most, ids, room)  # nan stays
    return most


def _view(node: Node, channels: ChannelMap, silent: npt.NDArray[np.bool_]) -> Magnitudes:
    made, read = layer_channels(node, channels)
    assert node.layer is not None
    assert node.layer.weights is not None
    weights = node.layer.weights
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim - 1))).astype(np.float64)
    return Magnitudes(largest=np.where(silent[made][:, None] | silent[read], 0.0, largest), made=made, read=read)
