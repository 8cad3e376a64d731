"""How a chip places layers, as data: a target holds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dlpuconv.placement.partition import delegated

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlpuconv.formats.view import FileView
    from dlpuconv.placement.partition import Piece
    from dlpuconv.verification.rule import Rule


class Partition(Protocol):
    """Cuts a graph into pieces."""

    def __call__(self, view: FileView, refused: Collection[int], /) -> list[Piece]:
        """Cut.

        Args:
            view: the file.
            refused: layers, by index, that the accelerator does not take.

        Returns:
            The pieces in the order that they run in; together they hold every layer once.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What decides where a layer runs.

    Attributes:
        accelerator: what people call it: `DLPU`, `Edge TPU`, `CVflow`.
        demands: rules of the target; a file that breaks one of them is not taken at all, so nothing is forecast of it.
        limits: rules of the target; a layer that breaks one of them runs on the CPU.
        doubts: rules of the target; a layer that breaks one of them runs on the accelerator as far as anybody knows.
        partition: how the graph is cut around the layers that the accelerator does not take.
        most_pieces: more, those of the CPU counted, are refused; None where no such limit is known.
        memory: bytes for parameters on the accelerator itself; None where that does not matter, or is not known.
        estimate: what is assumed here because no public source tells; empty where all is known.
    """

    accelerator: str = "DLPU"
    demands: tuple[Rule, ...] = ()
    limits: tuple[Rule, ...] = ()
    doubts: tuple[Rule, ...] = ()
    partition: Partition = delegated
    most_pieces: int | None = None
    memory: int | None = None
    estimate: str = ""
