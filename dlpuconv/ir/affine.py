"""How integers stand for real numbers, in one place: real = scale * (code - zero point).

Targets hold such types and numbers, and are listed in no time: numpy is loaded where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class IntegerType:
    """A type of codes.

    Attributes:
        bits: of one code.
        signed: two's complement.
    """

    bits: int
    signed: bool

    @classmethod
    def named(cls, name: str) -> IntegerType:
        """The type that numpy knows under this name.

        Raises:
            ValueError: it is no type of integers.
        """
        import numpy as np

        limits = np.iinfo(name)
        return cls(limits.bits, signed=limits.min < 0)

    @property
    def lowest(self) -> int:
        """The lowest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The highest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def name(self) -> str:
        """Name of the type in NumPy and ONNX, such as `int8`."""
        return f"{'' if self.signed else 'u'}int{self.bits}"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of arrays of such codes: the smallest that holds them."""
        import numpy as np

        bits = next(bits for bits in (8, 16, 32, 64) if bits >= self.bits)
        return np.dtype(f"{'' if self.signed else 'u'}int{bits}")


INT8: Final = IntegerType(8, signed=True)
UINT8: Final = IntegerType(8, signed=False)
INT16: Final = IntegerType(16, signed=True)
UINT16: Final = IntegerType(16, signed=False)


@dataclass(frozen=True, slots=True)
class Affine:
    """real = scale * (code - zero_point): one pair for a tensor, or one for each index along an axis.

    Values of this type are equal where all their numbers are, and may be keys.

    Attributes:
        scales: [1] or [C] real value of one step; each a float32 value, widened.
        zero_points: as many; the codes that stand for 0.0.
        axis: of the tensor that the pairs belong to; 0 where there is one pair.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @classmethod
    def of(cls, scale: float, zero_point: int) -> Affine:
        """One pair for the whole tensor."""
        import numpy as np

        return cls((float(np.float32(scale)),), (int(zero_point),))

    @classmethod
    def along(cls, axis: int, scales: npt.ArrayLike, zero_points: npt.ArrayLike = 0) -> Affine:
        """[C] pairs along an axis; one zero point stands for all."""
        import numpy as np

        wide = np.asarray(scales, np.float32).reshape(-1).astype(np.float64)
        codes = np.broadcast_to(np.asarray(zero_points, np.int64).reshape(-1), wide.shape)
        return cls(tuple(wide.tolist()), tuple(codes.tolist()), axis if wide.size > 1 else 0)

    @property
    def per_channel(self) -> bool:
        """True when there are several pairs."""
        return len(self.scales) > 1

    @property
    def scale(self) -> float:
        """The value for a tensor with one pair; that of the first pair otherwise."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The value for a tensor with one pair; that of the first pair otherwise."""
        return self.zero_points[0]

    @property
    def first(self) -> Affine:
        """The first pair, for the whole tensor: what is left of several where there may be one."""
        return Affine.of(self.scale, self.zero_point) if self.per_channel else self

    def real(self, code: int) -> float:
        """The real value of one code of a tensor with one pair; by the first one otherwise."""
        return self.scale * (code - self.zero_point)

    def part(self, indices: slice) -> Affine:
        """Scales and zero points of a part of the tensor along the axis; `self` if all channels share one pair."""
        if not self.per_channel:
            return self
        return Affine(self.scales[indices], self.zero_points[indices], self.axis)

    def encode(self, values: npt.ArrayLike, codes: IntegerType) -> npt.NDArray[Any]:
        """Codes of real values, rounded to nearest even, saturated.

        Args:
            values: any shape that has the axis.
            codes: their type.
        """
        import numpy as np

        wide = np.asarray(values, np.float64)
        found = np.rint(wide / self._broadcast(self.scales, wide.ndim)) + self._broadcast(self.zero_points, wide.ndim)
        return np.clip(found, codes.lowest, codes.highest).astype(codes.dtype)

    def decode(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The real values that codes stand for."""
        import numpy as np

        moved = codes.astype(np.float64) - self._broadcast(self.zero_points, codes.ndim)
        return np.asarray(moved * self._broadcast(self.scales, codes.ndim))

    def _broadcast(self, numbers: tuple[float, ...] | tuple[int, ...], rank: int) -> npt.NDArray[np.float64]:
        import numpy as np

        found = np.asarray(numbers, np.float64)
        return found.reshape([-1 if axis == self.axis else 1 for axis in range(rank)]) if self.per_channel else found[0]
