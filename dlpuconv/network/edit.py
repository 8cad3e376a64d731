"""What edits of a network take, and how a format refuses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpuconv.ir.strides import Stride

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """New values of one node's constants, channels last; what is None, or not named, stays.

    Attributes:
        weights: in the shape of `Layer.weights`.
        bias: [O].
        operands: of other data constants, by position among the inputs.
    """

    weights: npt.NDArray[Any] | None = None
    bias: npt.NDArray[Any] | None = None
    operands: Mapping[int, npt.NDArray[Any]] | None = None


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """Which part of which output, of the network before an edit, an output is.

    Attributes:
        output: position among the former outputs.
        axis: of the former output; None for the whole of it.
        start: first index along the axis.
        stop: index after the last one.
        step: see `Part`.
        run: see `Part`.
    """

    output: int
    axis: int | None = None
    start: int = 0
    stop: int = 0
    step: int = 1
    run: int = 1

    @property
    def stride(self) -> Stride:
        """Its indices along the axis."""
        return Stride(self.start, self.stop, self.step, self.run)


def part_name(name: str, part: int, count: int) -> str:
    """What is called so becomes several: the name of one of them.

    Args:
        name: of the whole.
        part: from 0.
        count: of parts.
    """
    return f"{name}/group {part + 1} of {count}"


def is_part(name: str, whole: str) -> bool:
    """Whether a name is that of a part of what is called `whole`."""
    return name.startswith(f"{whole}/group ")


def detour_name(name: str) -> str:
    """What is called so is read through a layer: the name of what that makes."""
    return f"{name}/detour"


class CannotError(Exception):
    """A format cannot do an edit; the text says why, for the manifest's list of what was left out."""
