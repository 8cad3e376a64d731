"""Per tensor wherever that is good enough: the fewest layers that need a scale for each channel, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.quantization.recipe import Override, Recipe
from dlpuconv.quantization.search import try_recipe
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.quantization.search import Emit, Judge, Trial

_CLOSE_DB, _CLOSE_SHARE = 1.0, 1 / 3
"""Per channel throughout may be this much better, or by this share of what it brings, whichever is more."""
_SUFFICIENT_DB = 30.0
"""What no network is seen to gain from any more."""


def mix(
    trials: Sequence[Trial],
    emit: Emit,
    judge: Judge,
    rank: Callable[[Recipe], Sequence[str]],
    tried: Callable[[], None] = lambda: None,
) -> list[Trial]:
    """Give scales for each channel to as few layers as bring the network close to what all of them would bring.

    Args:
        trials: of a search per tensor, one of them chosen.
        emit: makes an artifact.
        judge: measures one.
        rank: names of the layers that lose by their weights under a recipe, the worst first.
        tried: called after each recipe.

    Returns:
        The trials and those that were added, one of them chosen.
    """
    found = [replace(trial, chosen=False) for trial in trials]
    chosen = next(trial for trial in trials if trial.chosen)
    at = next(index for index, trial in enumerate(trials) if trial.chosen)
    if chosen.score.value < _SUFFICIENT_DB:
        everywhere = replace(chosen.recipe, granularity=Granularity.PER_CHANNEL)
        found.append(try_recipe(everywhere, emit, judge, tried))
        gain = found[-1].score.value - chosen.score.value
        enough = min(found[-1].score.value - max(_CLOSE_DB, _CLOSE_SHARE * gain), _SUFFICIENT_DB)
        if chosen.score.value < enough:
            at = _fewest(found, at, enough, rank(chosen.recipe), lambda r: try_recipe(r, emit, judge, tried))
    found[at] = replace(found[at], chosen=True)
    return found


def _fewest(
    found: list[Trial], at: int, enough: float, names: Sequence[str], attempt: Callable[[Recipe], Trial]
) -> int:
    """Position of the trial with the fewest layers per channel that is good enough; of the best where none is.

    The number of layers doubles until it is enough, and is then halved in between: a few trials, whatever the depth.
    """
    plain = found[at].recipe
    good: dict[int, int] = {}
    too_few, count = 0, 1
    while names and not good:
        count = min(count, len(names))
        found.append(attempt(_with(plain, names[:count])))
        if found[-1].score.value >= enough:
            good[count] = len(found) - 1
        elif count == len(names):
            break
        else:
            too_few, count = count, 2 * count
    while good and min(good) - too_few > 1:
        middle = (min(good) + too_few) // 2
        found.append(attempt(_with(plain, names[:middle])))
        if found[-1].score.value >= enough:
            good[middle] = len(found) - 1
        else:
            too_few = middle
    if good:
        return good[min(good)]
    mixed = [i for i, trial in enumerate(found) if trial.recipe.granularity is Granularity.PER_TENSOR]
    return max(mixed, key=lambda i: found[i].score.value)


def _with(recipe: Recipe, names: Sequence[str]) -> Recipe:
    exceptions = tuple(Override.exactly(name, Granularity.PER_CHANNEL) for name in names)
    return replace(recipe, overrides=(*exceptions, *recipe.overrides))  # the user's own words come last and decide
