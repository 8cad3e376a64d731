"""What the user says of outputs: their kinds, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterable


def parse_output_kind(text: str) -> tuple[str, OutputKind]:
    """Name and kind in `NAME=scores`.

    Raises:
        UsageError: the text has another form, or there is no such kind.
    """
    name, equals, kind = text.rpartition("=")
    known = [member.value for member in OutputKind]
    if not equals or not name or kind not in known:
        raise UsageError(
            f"--output-kind {text!r} is not NAME=KIND with one of {', '.join(known)}{did_you_mean(kind, known)}",
            id="option-value",
        )
    return name, OutputKind(kind)


def demand_outputs(stated: Iterable[str], outputs: Iterable[str]) -> None:
    """Check that the user speaks of outputs that the network has.

    Args:
        stated: names that the user gives.
        outputs: names of the network's outputs, those behind a tail included.

    Raises:
        UsageError: there is no such output.
    """
    known = list(outputs)
    for name in stated:
        if name not in known:
            raise UsageError(
                f"--output-kind {name!r} names no output; the model's are {listed(known)}{did_you_mean(name, known)}",
                id="output-kind-misfit",
            )
