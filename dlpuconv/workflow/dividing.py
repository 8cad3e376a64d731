"""Divides the user's network where a chip refuses operators of it, again and again until nothing refused is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import DlpuconvError, UnsupportedModelError
from dlpuconv.frontends import load
from dlpuconv.scheme import Numbers
from dlpuconv.workflow.request import Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.division.division import Division
    from dlpuconv.division.whole import Whole
    from dlpuconv.ir import Model, Signature
    from dlpuconv.plugin import Target
    from dlpuconv.workflow.request import Request

ROUNDS = 12
"""How often a network is divided for one result: each round, what is left of it is lowered anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the chip gets of a network.

    Attributes:
        source: all of it, or the chip's part.
        division: which part; None for all of it.
        signature: of the user's network: outputs of a divided one whose shape is not known are left out.
    """

    source: Model
    division: Division | None
    signature: Signature

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the user's network's outputs, those of unknown shape included."""
        if self.division is not None:
            return self.division.outputs
        return tuple(value.name for value in self.source.signature.outputs)


class Divider:
    """The user's network, to be divided where it must be.

    Args:
        model: anything that `frontends.load` reads.
        example_inputs: of a PyTorch module.
        request: what is wanted.
        targets: the chips.
    """

    def __init__(self, model: Any, example_inputs: Any, request: Request, targets: Sequence[Target]) -> None:
        self._model, self._example_inputs, self._request = model, example_inputs, request
        self._bytes = 4 if all(target.scheme.numbers is Numbers.FLOAT32 for target in targets) else 1

    def read(self) -> Reading:
        """All of the network or, where it cannot be read as it is, the chip's part.

        Raises:
            DlpuconvError: see `frontends.load` and `division.frontier.divide`.
        """
        asked = self._request.source
        try:
            if asked.cut_at and self._request.tail is Tail.AUTO:
                return self._reading(self._divided((), ()))
            source = load(self._model, asked, example_inputs=self._example_inputs)
        except UnsupportedModelError as error:
            return self.divided(error, None)
        return Reading(source=source, division=None, signature=source.signature)

    def divided(self, error: UnsupportedModelError, before: Division | None) -> Reading:
        """The chip's part without what was refused now, and before.

        Args:
            error: the refusal. It stands, with a way out, where the network may not be divided, or where it names
                nothing that is still in the chip's part.
            before: how the network was divided when it came.

        Raises:
            UnsupportedModelError: this refusal, or too little is left for the chip.
        """
        for _ in range(ROUNDS):
            refused = before.refused if before else frozenset()
            if not self._request.divides or refused.issuperset(error.refused) or not self._is_readable():
                break
            reasons = (*(before.reasons if before else ()), *error.problems)
            before = self._divided((*sorted(refused), *error.refused), reasons)
            try:
                return self._reading(before)
            except UnsupportedModelError as another:
                error = another
        self._tell_way_out(error)
        raise error

    def _is_readable(self) -> bool:
        """Whether there is a whole to divide; where there is none, a refusal says all that can be said."""
        try:
            return self._whole is not None
        except DlpuconvError:
            return False

    def _reading(self, division: Division) -> Reading:
        from dlpuconv.frontends.whole import chip_part

        return Reading(source=chip_part(self._whole, division), division=division, signature=self._whole.signature)

    def _divided(self, refused: tuple[str, ...], reasons: tuple[str, ...]) -> Division:
        from dlpuconv.division.frontier import divide

        return divide(self._whole, refused, reasons, cut_at=self._request.source.cut_at, bytes_of_a_float=self._bytes)

    @cached_property
    def _whole(self) -> Whole:
        """All of the network, without regard to what a chip can do, and to where the user ends it."""
        from dlpuconv.frontends.whole import read_whole

        options = replace(self._request.source, cut_at=())
        return read_whole(self._model, options, example_inputs=self._example_inputs)

    def _tell_way_out(self, error: UnsupportedModelError) -> None:
        if error.refused and self._is_readable():
            from dlpuconv.division.advice import with_way_out

            cut_at = self._request.source.cut_at
            with_way_out(error, self._whole, cut_at)
            if cut_at and self._request.tail is None:
                error.tell(f"{error}; or give --tail auto as well, to divide the network there", error.problems)
