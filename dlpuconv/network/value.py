"""What flows between the nodes of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir.affine import Affine

MOST_CHANNELS: Final = 1 << 16
"""A last axis that is longer is taken for positions, not channels."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Value:
    """An activation or a constant; identity makes two of them the same, and activations survive edits.

    Attributes:
        name: unique among the activations of a network.
        shape: static extents, channels last.
        dtype: float32 for data of a float network, an integer type in an integer one; others are indices, conditions.
        data: the values of a constant, channels last; None for an activation.
        affine: what its codes stand for; None in a float network, and for what is no data.
        source_names: ONNX values that this one stands for, as far as lowering told.
        handle: the adapter's own.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: npt.NDArray[Any] | None = None
    affine: Affine | None = None
    source_names: tuple[str, ...] = ()
    handle: object = None

    @property
    def is_constant(self) -> bool:
        """True when the network holds the values."""
        return self.data is not None

    @property
    def is_data(self) -> bool:
        """True for what gets a scale: float32 in a float network, what has one in an integer network."""
        return self.dtype == np.float32 or self.affine is not None

    @property
    def channels(self) -> int:
        """Length of the channel axis, the last one; 1 where there is none."""
        return self.shape[-1] if self.shape and 0 < self.shape[-1] <= MOST_CHANNELS else 1
