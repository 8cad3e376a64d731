"""A node with weights, as a grouped matrix product whatever its format calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Activation:
    """What is fused behind a layer's sum.

    Attributes:
        rectifies: negative sums become 0.
        clip: the largest magnitude that it lets through; None for any.
        is_homogeneous: f(s x) = s f(x) for positive s, below the clip; False for anything with a curve.
    """

    rectifies: bool = False
    clip: float | None = None
    is_homogeneous: bool = True


NOTHING_FUSED: Final = Activation()


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the taps of a kernel read, axis by axis of the taps; all tuples have one entry for each.

    Attributes:
        stride: of the layer.
        dilation: of the layer.
        before: padding in front.
        extent: of the input.
        out: of the output.
        transposed: each input position writes to its taps, instead of each output position reading from its.
    """

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    extent: tuple[int, ...]
    out: tuple[int, ...]
    transposed: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Layer:
    """Weights, bias and geometry.

    The output channels fall into `groups` of O / groups; those of group g read input channels
    g I .. (g + 1) I - 1, where I is the last extent of the weights. A dense layer that flattens what it reads has rows
    that are longer than the channels: column k reads channel k mod C.

    Attributes:
        data: position among the node's inputs of the activation that it reads.
        weights: [O, taps..., I] float32, or codes in an integer network: a view of what the file holds; None where they
            are computed.
        bias: [O] float32, or int32 codes; None where there is none, or it is computed.
        groups: of the channels.
        geometry: None for a dense layer, which has no taps.
        activation: fused behind it.
        weights_at: position among the node's inputs of the weights.
        bias_at: of the bias, which may be absent.
        by_default: False where a recipe's granularity applies only to layers that an override names.
    """

    data: int
    weights: npt.NDArray[Any] | None
    bias: npt.NDArray[Any] | None
    groups: int = 1
    geometry: Geometry | None = None
    activation: Activation = NOTHING_FUSED
    weights_at: int = 1
    bias_at: int = 2
    by_default: bool = True

    @property
    def rows(self) -> int:
        """O: output channels."""
        return int(self._weights.shape[0])

    @property
    def columns(self) -> int:
        """I: what each row reads under one tap."""
        return int(self._weights.shape[-1])

    @property
    def _weights(self) -> npt.NDArray[Any]:
        if self.weights is None:
            raise ValueError("the weights of this layer are computed")
        return self.weights
