"""Per tensor wherever that is good enough: the fewest layers that need a scale for each channel, and no others.

Groups of channels are tried first: weights stay per tensor in them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from dlpuconv.quantization.recipe import Override, Recipe, Rounding
from dlpuconv.quantization.search import try_recipe
from dlpuconv.quantization.sites import Proposal
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.plugin import Artifact
    from dlpuconv.quantization.score import Score
    from dlpuconv.quantization.search import Judge, Trial

_CLOSE_DB, _CLOSE_SHARE = 1.0, 1 / 3
"""Per channel throughout may be this much better, or by this share of what it brings, whichever is more."""
_SUFFICIENT_DB = 30.0
"""What no network is seen to gain from any more."""


class Shop(Protocol):
    """Where recipes are made and measured."""

    @property
    def judge(self) -> Judge:
        """Measures an artifact."""
        ...

    def emit(self, recipe: Recipe, /) -> Artifact:
        """See `search.Emit`."""
        ...

    def propose(self, recipe: Recipe, what: Proposal, /) -> Recipe:
        """The recipe with what measurements say of groups."""
        ...

    def worst_layers(self, recipe: Recipe, /) -> Sequence[str]:
        """Names of the layers that lose by their weights under a recipe, the worst first."""
        ...


def mix(
    trials: Sequence[Trial],
    shop: Shop,
    tried: Callable[[], None] = lambda: None,
    *,
    met: Callable[[Score], bool] = lambda _: False,
) -> list[Trial]:
    """Give scales for each channel to as few layers as bring the network close to what all of them would bring.

    Where the chosen recipe learns its rounding, layers are looked for with nearest codes, and the rounding is learned
    once more for what was found: it takes longer than all the rest.

    Args:
        trials: of a search per tensor, one of them chosen.
        shop: makes and measures recipes.
        tried: called after each recipe.
        met: whether a score is all that the user wants.

    Returns:
        The trials and those that were added, one of them chosen.
    """
    mixture = _Mixture([replace(trial, chosen=False) for trial in trials], shop, tried, met)
    best = next(index for index, trial in enumerate(trials) if trial.chosen)
    at = mixture.improved(best)
    mixture.found[at] = replace(mixture.found[at], chosen=True)
    return mixture.found


@dataclass(frozen=True, slots=True)
class _Mixture:
    """The trials so far, by position, and what it takes to add one."""

    found: list[Trial]
    shop: Shop
    tried: Callable[[], None]
    met: Callable[[Score], bool]

    def improved(self, best: int) -> int:
        """Position of the trial to keep."""
        if self._suffices(self.found[best].score):
            return best
        recipe = self.found[best].recipe
        plain = self._attempt(replace(recipe, rounding=Rounding.NEAREST))
        whole = replace(self.found[plain].recipe, granularity=Granularity.PER_CHANNEL, groups=())
        goal = self._goal(plain, self._attempt(whole))
        if self._level(plain) >= goal:
            return best
        plain = self._grouped(plain)
        mixed = plain if self._reaches(plain, goal) else self._fewest(plain, goal)
        if recipe.rounding is Rounding.NEAREST:
            return mixed
        learned = self._attempt(replace(self.found[mixed].recipe, rounding=recipe.rounding))
        return learned if self.found[learned].score.beats(self.found[mixed].score) else mixed

    def _grouped(self, plain: int) -> int:
        """Position of the trial to go on from: with groups, where they help."""
        at = self._attempt(self.shop.propose(self.found[plain].recipe, Proposal.GROUPS))
        return at if self.found[at].score.beats(self.found[plain].score) else plain

    def _attempt(self, recipe: Recipe) -> int:
        """Position of a recipe's trial, which is made where there is none."""
        known = next((i for i, trial in enumerate(self.found) if trial.recipe == recipe), None)
        if known is not None:
            return known
        self.found.append(try_recipe(recipe, self.shop.emit, self.shop.judge, self.tried))
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

    def _fewest(self, plain: int, goal: float) -> int:
        """Position of the trial with the fewest layers per channel that is good enough; of the best where none is.

        The number of layers doubles until it is enough, and is then halved in between: few trials, whatever the depth.
        """
        recipe = self.found[plain].recipe
        names = self.shop.worst_layers(recipe)
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
