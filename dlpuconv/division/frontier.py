"""Where to divide a network: what the chip keeps, at the fewest bytes across the cut."""

from __future__ import annotations

from math import prod
from shlex import quote
from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.division.division import Division, Rest
from dlpuconv.division.extract import extract
from dlpuconv.division.outline import outline
from dlpuconv.division.parts import find_parts, parts_before
from dlpuconv.division.whole import spec_of
from dlpuconv.errors import UnsupportedModelError
from dlpuconv.ir.nodes import demand_cut
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from dlpuconv.division.outline import Outline
    from dlpuconv.division.parts import Parts
    from dlpuconv.division.whole import Whole

LEAST_SHARE: Final = 0.8
"""The least share of all multiply-accumulates that the chip must keep."""
NOTHING_IN_FRONT: Final = (
    "; nothing is computed before them that could be left for the chip: export the network from behind them, with their"
    " results as float inputs"
)
"""The way out of a refusal where a network cannot be ended in front of it."""
_SHOWN: Final = 12


def divide(
    whole: Whole,
    refused: Collection[str],
    reasons: tuple[str, ...] = (),
    *,
    cut_at: tuple[str, ...] = (),
    bytes_of_a_float: int = 1,
) -> Division:
    """The best division of a network.

    Among the frontiers at which the chip keeps at least 95 % of the multiply-accumulates that have a form on it, the
    one of the fewest bytes; of equal ones, that which keeps most operators on the chip. What makes integers that the
    tail reads goes with it: they never cross from the chip.

    Args:
        whole: the source network.
        refused: source values whose operators have no form on the chip.
        reasons: why, in the words of the refusal.
        cut_at: the boundary that the user names, which is then used as it is: what is refused goes in front of the
            chip. Empty to find one.
        bytes_of_a_float: of a real number in the file: 1 for int8, 4 for float32.

    Raises:
        UnsupportedModelError: the chip would keep less than 80 % of all multiply-accumulates, or nothing; tells the
            reasons and the best cut as a complete --cut-at. What lies behind `cut_at` does not count. Or the rest
            cannot be computed from `cut_at`.
        UsageError: `cut_at` names no value, or one twice.
    """
    seen = outline(whole.proto, refused)
    wrong = {seen.maker[name] for name in refused if name in seen.maker}
    demand_cut(cut_at, seen.maker, {})  # nodes without a name have been given one, which nobody knows
    parts = parts_before(seen, cut_at, wrong) if cut_at else find_parts(seen, wrong | _dynamic(seen))
    cut = _cut(seen, parts)
    if cut_at:
        _demand_complete(whole, refused, cut_at, seen, cut)
    elif not parts.chip or not wrong:
        told = listed(reasons, _SHOWN, "; ") or "no operator of the model can run on the chip"
        raise UnsupportedModelError(told + NOTHING_IN_FRONT, reasons, id="division-impossible")
    if wrong:
        _demand_enough(whole, refused, reasons, seen, parts, behind=not cut_at)
    return _division(whole, seen, parts, cut_at or cut, (refused, reasons, bytes_of_a_float))


def complete_cut(whole: Whole, refused: Collection[str], outputs: Collection[str] = ()) -> tuple[str, ...]:
    """Values of the fewest bytes at which the network can be ended, and the rest computed from them on the CPU.

    Args:
        whole: the source network.
        refused: source values whose operators have no form on the chip.
        outputs: that are wanted; by default the network's own.

    Returns:
        Names in running order; nothing where no operator stands in front of the refused ones.
    """
    seen = outline(whole.proto, refused, outputs)
    wrong = {seen.maker[name] for name in refused if name in seen.maker}
    return _cut(seen, find_parts(seen, wrong | _dynamic(seen), fronts=False))


def _dynamic(seen: Outline) -> set[int]:
    """The operators of shapes that only a run tells: nothing of the kind can be on the chip."""
    return {index for index, operator in enumerate(seen.operators) if not operator.static}


def _cut(seen: Outline, parts: Parts) -> tuple[str, ...]:
    """What the chip gives: outputs of the network in their order, then what the tail reads, in running order."""
    made = _made(seen, parts.chip)
    read = _read(seen, parts.tail)
    return tuple(dict.fromkeys((*(n for n in seen.outputs if n in made), *(n for n in made if n in read))))


def _made(seen: Outline, operators: Iterable[int]) -> dict[str, None]:
    return {name: None for index in sorted(operators) for name in seen.operators[index].makes}


def _read(seen: Outline, operators: Iterable[int]) -> set[str]:
    return {name for index in operators for name in seen.operators[index].reads}


def _demand_complete(
    whole: Whole, refused: Collection[str], cut_at: Sequence[str], seen: Outline, cut: Sequence[str]
) -> None:
    """See that all that crosses is what the user named."""
    missing = [name for name in cut if name not in cut_at]
    if missing:
        readers = {index for name in cut_at for index in seen.readers.get(name, ())}
        complete = complete_cut(whole, {*refused, *_made(seen, readers)})
        raise UnsupportedModelError(
            f"--cut-at {quote(','.join(cut_at))}: the rest of the network cannot be computed without"
            f" {listed(map(repr, missing))} as well; a complete boundary is --cut-at {quote(','.join(complete))}",
            id="cut-incomplete",
        )


def _demand_enough(
    whole: Whole, refused: Collection[str], reasons: tuple[str, ...], seen: Outline, parts: Parts, *, behind: bool
) -> None:
    """See that the chip keeps most of the work; what is behind it may not count, where the user wants it there."""
    everything = seen.work((*parts.front, *parts.chip, *(parts.tail if behind else ())))
    share = seen.work(parts.chip) / everything if everything else float(bool(parts.chip))
    if share >= LEAST_SHARE:
        return
    best = complete_cut(whole, refused)
    way_out = f"; --cut-at {quote(','.join(best))} converts the part before them" if best else ""
    whose = "the network's multiply-accumulates" if behind else "the multiply-accumulates before --cut-at"
    raise UnsupportedModelError(
        f"{listed(reasons, _SHOWN, '; ')}: with the rest on the CPU, the chip would run only {share:.1%} of {whose},"
        f" and a network is divided only if at least {LEAST_SHARE:.0%} are left for the chip{way_out}",
        reasons,
        id="division-too-small",
    )


def _division(
    whole: Whole,
    seen: Outline,
    parts: Parts,
    cut: tuple[str, ...],
    told: tuple[Collection[str], tuple[str, ...], int],
) -> Division:
    refused, reasons, width = told
    inputs = tuple(spec.name for spec in whole.inputs)
    in_front, read = _made(seen, parts.front), _read(seen, parts.chip)
    elsewhere = {*inputs, *in_front, *cut}
    gives = tuple(name for name in whole.outputs if name not in elsewhere)
    entering = tuple(name for name in in_front if name in read)
    crossing = {*read, *_read(seen, parts.tail), *whole.outputs}
    return Division(
        inputs=inputs,
        outputs=whole.outputs,
        front=_rest(whole, seen, parts.front, inputs, tuple(name for name in in_front if name in crossing)),
        tail=_rest(whole, seen, parts.tail, (*cut, *in_front, *inputs), gives),
        entry=(*(name for name in inputs if name in read), *entering),
        cut=cut,
        reasons=reasons,
        refused=frozenset(refused),
        macs=seen.work(range(len(seen.operators))),
        macs_on_chip=seen.work(parts.chip),
        entering=_bytes(whole, entering, width),
        crossing=_bytes(whole, cut, width),
    )


def _rest(
    whole: Whole, seen: Outline, operators: Collection[int], reads: tuple[str, ...], gives: tuple[str, ...]
) -> Rest | None:
    if not gives:
        return None
    model = extract(whole.proto, reads, gives)
    known = [seen.operators[index] for index in sorted(operators)]
    return Rest(
        model=model,
        reads=tuple(value.name for value in model.graph.input),
        gives=gives,
        operators=tuple(operator.label for operator in known),
        macs=seen.work(operators),
        uncounted=any(operator.macs and not operator.static for operator in known),
    )


def _bytes(whole: Whole, names: Collection[str], width: int) -> int:
    """Bytes of these values in a converted file; one of unknown shape counts as 0, because it is never converted."""
    known = map(spec_of, (*whole.proto.graph.value_info, *whole.proto.graph.output))
    specs = {spec.name: spec for spec in known if spec is not None}
    kinds = [(prod(specs[name].shape), np.dtype(specs[name].dtype)) for name in names if name in specs]
    return sum(elements * (width if kind.kind == "f" else kind.itemsize) for elements, kind in kinds)
