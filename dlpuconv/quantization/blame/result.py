"""What a backend measures of each layer of a network that it quantized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.ir.layer_names import LayerNames


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """What may explain a layer's error; None where a layer has no such thing.

    Attributes:
        per_tensor: True where all of the layer's weights share one scale.
        weight_imbalance: largest over median range of the weights' output channels.
        dead_channels: share of the output channels whose weights are all zero.
        widened_channels: output channels whose weight scale was widened, so that the accumulator cannot overflow.
        steps_per_rms: root mean square of the output, in steps of its scale: below 4 little is left of most values.
        saturated: share of the output's values that its scale does not hold.
        faint_channels: share of the output's channels whose root mean square is below one step.
        narrowest_operand: of a layer where several activations meet: width of the narrowest one's range, as a share of
            the output's.
        read_by: operators that read the output.
    """

    per_tensor: bool | None = None
    weight_imbalance: float | None = None
    dead_channels: float | None = None
    widened_channels: int = 0
    steps_per_rms: float | None = None
    saturated: float | None = None
    faint_channels: float | None = None
    narrowest_operand: float | None = None
    read_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerError:
    """One layer's part in the error of a quantized network. Ratios are of signal to noise power, in dB.

    Attributes:
        names: of the layer.
        op: the operator that runs.
        alone_db: at the network's outputs, when only this layer computes in integers; None where that changes nothing.
        own_db: of the layer's output, when only this layer does.
        accumulated_db: of the layer's output in the quantized network.
        weights_share: of the layer's own error power, what its rounded weights cause, 0 to 1; None without weights.
        facts: what may explain it.
    """

    names: LayerNames
    op: str
    alone_db: float | None
    own_db: float | None
    accumulated_db: float | None
    weights_share: float | None
    facts: LayerFacts

    @property
    def loss_by_weights(self) -> float:
        """Noise-to-signal ratio at the network's outputs that this layer's rounded weights alone cause."""
        if self.alone_db is None or self.weights_share is None:
            return 0.0
        return float(self.weights_share * 10 ** (-self.alone_db / 10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """What a backend measured of a quantized network.

    Attributes:
        layers: in the network's order.
        total_db: signal-to-noise ratio of the network's outputs on the same samples.
        samples: how many were looked at.
    """

    layers: tuple[LayerError, ...]
    total_db: float
    samples: int
