"""Per tensor wherever that is good enough: the fewest layers that need a scale for each channel, and no others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpuconv.quantization.recipe import Override, Recipe, Rounding
from dlpuconv.quantization.search import try_recipe
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.quantization.score import Score
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
    *,
    met: Callable[[Score], bool] = lambda _: False,
) -> list[Trial]:
    """Give scales for each channel to as few layers as bring the network close to what all of them would bring.

    Where the chosen recipe learns its rounding, layers are looked for with nearest codes, and the rounding is learned
    once more for what was found: it takes longer than all the rest.

    Args:
        trials: of a search per tensor, one of them chosen.
        emit: makes an artifact.
        judge: measures one.
        rank: names of the layers that lose by their weights under a recipe, the worst first.
        tried: called after each recipe.
        met: whether a score is all that the user wants.

    Returns:
        The trials and those that were added, one of them chosen.
    """
    mixture = _Mixture([replace(trial, chosen=False) for trial in trials], emit, judge, tried, met)
    best = next(index for index, trial in enumerate(trials) if trial.chosen)
    at = mixture.improved(best, rank)
    mixture.found[at] = replace(mixture.found[at], chosen=True)
    return mixture.found


@dataclass(frozen=True, slots=True)
class _Mixture:
    """The trials so far, by position, and what it takes to add one."""

    found: list[Trial]
    emit: Emit
    judge: Judge
    tried: Callable[[], None]
    met: Callable[[Score], bool]

    def improved(self, best: int, rank: Callable[[Recipe], Sequence[str]]) -> int:
        """Position of the trial to keep."""
        if self._suffices(self.found[best].score):
            return best
        recipe = self.found[best].recipe
        plain = self._attempt(replace(recipe, rounding=Rounding.NEAREST))
        everywhere = self._attempt(replace(self.found[plain].recipe, granularity=Granularity.PER_CHANNEL))
        goal = self._goal(plain, everywhere)
        if self._level(plain) >= goal:
            return best
        mixed = self._fewest(plain, goal, rank(self.found[plain].recipe))
        if recipe.rounding is Rounding.NEAREST:
            return mixed
        learned = self._attempt(replace(self.found[mixed].recipe, rounding=recipe.rounding))
        return learned if self.found[learned].score.beats(self.found[mixed].score) else mixed

    def _attempt(self, recipe: Recipe) -> int:
        """Position of a recipe's trial, which is made where there is none."""
        known = next((i for i, trial in enumerate(self.found) if trial.recipe == recipe), None)
        if known is not None:
            return known
        self.found.append(try_recipe(recipe, self.emit, self.judge, self.tried))
        return len(self.found) - 1

    def _level(self, at: int) -> float:
        """What trials are compared by: the user's metric, or dB."""
        score = self.found[at].score
        return score.typical_db if score.metric is None else score.metric

    def _suffices(self, score: Score) -> bool:
        close = score.metric is None and score.typical_db >= _SUFFICIENT_DB
        return self.met(score) or (score.passes and close)

    def _goal(self, plain: int, everywhere: int) -> float:
        """The level that is close enough to per channel throughout."""
        most = self._level(everywhere)
        share = _CLOSE_SHARE * (most - self._level(plain))
        if self.found[everywhere].score.metric is not None:
            return most - share
        return min(most - max(_CLOSE_DB, share), _SUFFICIENT_DB)

    def _fewest(self, plain: int, goal: float, names: Sequence[str]) -> int:
        """Position of the trial with the fewest layers per channel that is good enough; of the best where none is.

        The number of layers doubles until it is enough, and is then halved in between: few trials, whatever the depth.
        """
        recipe = self.found[plain].recipe
        too_few, count = 0, 1
        good: tuple[int, int] | None = None
        while names and good is None:
            count = min(count, len(names))
            at = self._attempt(_with(recipe, names[:count]))
            if self._reaches(at, goal):
                good = count, at
            elif count == len(names):
                break
            else:
                too_few, count = count, 2 * count
        while good is not None and good[0] - too_few > 1:
            middle = (good[0] + too_few) // 2
            at = self._attempt(_with(recipe, names[:middle]))
            if self._reaches(at, goal):
                good = middle, at
            else:
                too_few = middle
        if good is not None:
            return good[1]
        mixed = [i for i, trial in enumerate(self.found) if trial.recipe.granularity is Granularity.PER_TENSOR]
        return max(mixed, key=lambda at: (self.found[at].score.passes, self._level(at)))

    def _reaches(self, at: int, goal: float) -> bool:
        return self._level(at) >= goal or self.met(self.found[at].score)


def _with(recipe: Recipe, names: Sequence[str]) -> Recipe:
    exceptions = tuple(Override.exactly(name, Granularity.PER_CHANNEL) for name in names)
    return replace(recipe, overrides=(*exceptions, *recipe.overrides))  # the user's own words come last and decide
