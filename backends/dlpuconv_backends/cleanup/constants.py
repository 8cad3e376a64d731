"""Reading constant operands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Operator, Tensor


def values(tensor: Tensor | None) -> npt.NDArray[Any] | None:
    """The values of a constant, or None."""
    return None if tensor is None else tensor.data


def ints(tensor: Tensor) -> tuple[int, ...]:
    """The values of a constant index vector (or scalar), flat.

    Raises:
        ValueError: it is not a constant.
    """
    if tensor.data is None:
        raise ValueError(f"{tensor.name} is not constant")
    return tuple(int(v) for v in tensor.data.reshape(-1))


def constant_input(op: Operator, index: int) -> npt.NDArray[Any] | None:
    """The values of the input at this position when it is there and constant."""
    return values(op.inputs[index]) if index < len(op.inputs) else None


def scalar(tensor: Tensor | None) -> float | None:
    """The one value of a constant of one element."""
    data = values(tensor)
    return float(data.reshape(-1)[0]) if data is not None and data.size == 1 else None
