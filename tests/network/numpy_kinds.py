"""What the operators of the in-memory network compute, in float64, channels last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Geometry, Layer

    type Reals = npt.NDArray[Any]
    type Compute = Callable[[Sequence[Reals], bool], list[Reals]]
    """Of the inputs that are there, and whether what is fused is done: the outputs."""

FUNCTIONS: dict[str, Callable[[Reals], Reals]] = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "hard-swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}


@dataclass(frozen=True, slots=True)
class LayerCompute:
    """A layer of this geometry and these groups, with a function fused behind it.

    Attributes:
        layer: its weights are not looked at: they come with the inputs.
        shape: of the output.
        function: in `FUNCTIONS`.
    """

    layer: Layer
    shape: tuple[int, ...]
    function: str = "none"

    def __call__(self, inputs: Sequence[Reals], activated: bool) -> list[Reals]:
        """See `Compute`."""
        x, weights, *bias = inputs
        if self.layer.geometry is None:
            made = (x.reshape(-1, weights.shape[-1]) @ weights.T).reshape(self.shape)
        else:
            made = convolved(x, weights, self.layer.geometry, self.layer.groups)
        summed = made + bias[0] if bias else made
        return [FUNCTIONS[self.function](summed) if activated else summed]


def added(inputs: Sequence[Reals], _: bool) -> list[Reals]:
    """The sum of both."""
    return [inputs[0] + inputs[1]]


def multiplied(inputs: Sequence[Reals], _: bool) -> list[Reals]:
    """The product of both."""
    return [inputs[0] * inputs[1]]


def convolved(x: Reals, weights: Reals, geometry: Geometry, groups: int) -> Reals:
    """[N, out..., O] of [N, extent..., C] and [O, taps..., C / groups], tap by tap."""
    made: Reals = np.zeros((x.shape[0], *geometry.out, weights.shape[0]))
    for tap in np.ndindex(*weights.shape[1:-1]):
        read = x
        for axis, index in enumerate(tap):
            read = _under(read, geometry, axis, index)
        rows = np.moveaxis(weights, 0, -2)[tap].reshape(groups, -1, weights.shape[-1])
        parts = read.reshape(*read.shape[:-1], groups, weights.shape[-1])
        made += np.einsum("...gi,goi->...go", parts, rows).reshape(made.shape)
    return made


def _under(x: Reals, geometry: Geometry, axis: int, tap: int) -> Reals:
    """What one tap of an axis reads at each output position; zeros outside."""
    stride, before, extent = geometry.stride[axis], geometry.before[axis], geometry.extent[axis]
    position, reach = np.arange(geometry.out[axis]), tap * geometry.dilation[axis]
    if geometry.transposed:
        at, rest = np.divmod(position + before - reach, stride)
    else:
        at, rest = position * stride + reach - before, np.zeros_like(position)
    inside = (at >= 0) & (at < extent) & (rest == 0)
    along = [-1 if index == axis + 1 else 1 for index in range(x.ndim)]
    return np.asarray(np.take(x, np.clip(at, 0, extent - 1), axis + 1) * inside.reshape(along))


def softmax(x: Reals) -> Reals:
    """Over the last axis."""
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def max_pooled(x: Reals, size: int) -> Reals:
    """Over squares side by side."""
    n, height, width, channels = x.shape
    squares = x.reshape(n, height // size, size, width // size, size, channels)
    return np.asarray(squares.max(axis=(2, 4)))
