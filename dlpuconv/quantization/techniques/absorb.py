"""Absorption: what a channel always holds at least moves out of the activation, into the next layers' biases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Constants
from dlpuconv.quantization.techniques.receptive import rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Layer, Network, Node, Value
    from dlpuconv.quantization.statistics.channels import Details

    type Reals = npt.NDArray[np.float64]
    type Shifts = Mapping[Value, Reals]

_MARGIN = 0.2
"""Of a rectified channel's range: how far other samples may fall below the calibration's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """The same function in other numbers.

    Attributes:
        network: float; shares its activations with the one that it was made of.
        shifts: [C] by how much each channel moved down, by activation name.
        details: statistics by channel, moved likewise.
    """

    network: Network
    shifts: Mapping[str, Reals]
    details: Details


def absorb(network: Network, details: Details) -> Absorbed:
    """Move channels between a layer and the layers that read it.

    Only where every reader is a layer with a bias that sees no padding: a shifted channel would have to be padded with
    its shift.

    Args:
        network: float; it is not changed.
        details: statistics by channel.
    """
    readers = network.consumers()
    shifts: dict[Value, Reals] = {}
    for node in network.nodes:
        table, behind = details.channels.get(node.output.name), readers.get(node.output, [])
        if not _makes(node) or table is None or node.output in network.outputs or not behind:
            continue
        if len(table) == node.output.shape[-1] and all(_reads(reader, node.output) for reader in behind):
            assert node.layer is not None
            shift = absorbed(table[:, 0], table[:, 1], rectified=node.layer.activation.rectifies)
            if shift.any():
                shifts[node.output] = shift
    changed = {node: Constants(bias=bias) for node in network.nodes if (bias := _moved(node, shifts)) is not None}
    return Absorbed(
        network=network.with_constants(changed),
        shifts={v.name: shift for v, shift in shifts.items()},
        details=_shifted(details, shifts),
    )


def absorbed(low: Reals, high: Reals, *, rectified: bool) -> Reals:
    """By how much each channel moves down, and the next layer's bias up by W c.

    Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.1.3: for
    x >= c, relu(x - c) = relu(x) - c, with c = max(0, b - 3 g) from batch normalization there, and from the lowest
    value that was observed here. Without a rectifier the identity holds for any c, and the middle of the channel's
    range makes its share of the tensor's range least.

    Args:
        low: [C] lowest value observed.
        high: [C] highest value observed.
        rectified: True behind a ReLU.
    """
    if rectified:
        return np.asarray(np.maximum(low - _MARGIN * (high - low), 0.0))
    return np.asarray((low + high) / 2)


def _has_both(layer: Layer | None) -> bool:
    """True for a layer with weights and a bias to change."""
    return layer is not None and layer.weights is not None and layer.bias is not None


def _makes(node: Node) -> bool:
    layer = node.layer
    return layer is not None and _has_both(layer) and layer.activation.is_homogeneous and layer.activation.clip is None


def _reads(node: Node, value: Value) -> bool:
    """True for a layer whose every output sees all taps of its kernel."""
    layer = node.layer
    if layer is None or not _has_both(layer) or node.input(layer.data) is not value:
        return False
    geometry = layer.geometry
    if geometry is None:
        return layer.columns == value.shape[-1]
    assert layer.weights is not None
    each = zip(geometry.out, geometry.stride, layer.weights.shape[1:-1], geometry.dilation, strict=True)
    reach = [(out - 1) * stride + (taps - 1) * dilation + 1 for out, stride, taps, dilation in each]
    return not geometry.transposed and not any(geometry.before) and all(map(int.__le__, reach, geometry.extent))


def _moved(node: Node, shifts: Shifts) -> Reals | None:
    """The bias of a layer that makes or reads what moves; None for any other node."""
    layer = node.layer
    if layer is None:
        return None
    made, read = shifts.get(node.output), shifts.get(node.input(layer.data))
    if made is None and read is None:
        return None
    assert layer.bias is not None
    bias: Reals = layer.bias.astype(np.float64)
    if made is not None:
        bias = bias - made
    return bias if read is None else bias + _response(layer, read)


def _response(layer: Layer, shift: Reals) -> Reals:
    """[O] what a layer makes of a constant input."""
    assert layer.weights is not None
    weights = layer.weights.astype(np.float64)
    rows = rows_of(layer, weights.sum(axis=tuple(range(1, weights.ndim - 1))))
    return np.asarray(rows @ shift.reshape(layer.groups, -1, 1)).reshape(-1)


def _shifted(details: Details, shifts: Shifts) -> Details:
    moved = dict(details.channels)
    for value, shift in shifts.items():
        low, high, mean, square = moved[value.name].T
        power = square - 2 * shift * mean + shift**2
        moved[value.name] = np.stack([low - shift, high - shift, mean - shift, power], axis=1)
    return replace(details, channels=moved)
