"""What each effort tries: the recipe that it starts from, and changes of it in the order in which they are tried.

Every trial costs time, and of the samples that judge it a share of their worth: of many recipes the luckiest wins.
So a change is in a plan where some real network is better with it by more than its noise. On five of them per tensor,
equalized and with corrected biases, ranges by entropy (12 to 39 dB), moving averages (up to 17 dB) and uncorrected
biases (1 to 8 dB) lost, and absorption changed nothing; percentiles lose where rounding is learned. Recipes may ask for
all of them still.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpuconv.quantization.recipe import Balance, BiasCorrection, Observer, Recipe, Rounding, WeightScale
from dlpuconv.quantization.sites import Proposal
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlpuconv.quantization.score import Score

    type Change = Callable[[Recipe], Recipe]
    type Propose = Callable[[Recipe, Proposal], Recipe]
    """Fills in of a recipe what only measurements tell; the same recipe where nothing is worth it."""

_MOST_ROUNDS = 3
_POOR_DB = 14.0
"""Below this, noise is too large to be predicted to first order, and weights alone may tell better how to equalize."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is tried.

    Attributes:
        changes: in order, each applied to the best recipe so far.
        rounds: how often the changes are gone through; a round after one that brought nothing has nothing new to try.
        rescues: tried next where what was found is poor.
        last: what takes long, tried once on the best recipe that the changes made.
        repairs: tried at the end where what was found does not pass.
        enough_db: no further recipe is tried once a score reaches this.
        enough: the same, of the user's metric; the recipe that reaches it is the one to keep.
    """

    changes: tuple[Change, ...] = ()
    rounds: int = 1
    rescues: tuple[Change, ...] = ()
    last: tuple[Change, ...] = ()
    repairs: tuple[Change, ...] = ()
    enough_db: float = 60.0
    enough: Callable[[float], bool] = lambda _: False

    def met_by(self, score: Score) -> bool:
        """Whether a recipe with this score ends the search."""
        close = score.typical_db >= self.enough_db or (score.metric is not None and self.enough(score.metric))
        return score.passes and close

    def stages(self) -> Iterator[tuple[tuple[Change, ...], Callable[[Score], bool]]]:
        """In order, what is tried, and the scores with which it need not be."""
        yield from [(self.changes, self.met_by)] * self.rounds
        yield self.rescues, lambda score: score.typical_db >= _POOR_DB or self.met_by(score)
        yield self.last, self.met_by
        yield self.repairs, lambda score: score.passes


def usual(start: Recipe, propose: Propose, *, made_up: bool) -> Recipe:
    """What helps nearly every network and takes no time: all that `fast` does, and what a search begins with.

    Where weights have one scale, nothing helps as many networks as equalization, and gates help more beside it: on a
    text detector they reach 10.7 dB without it and 14.9 dB with it, on a segmentation 9.8 and 15.3 dB.

    Args:
        start: the plainest recipe.
        propose: finds the gates.
        made_up: there are no samples of the network's own; Nagel et al. 2019, "Data-Free Quantization ...", figure 4.
    """
    recipe = _correct(start)
    if made_up:
        return _by_weights(_equalize(recipe))
    recipe = propose(recipe, Proposal.GATES)
    return _equalize(recipe) if recipe.granularity is Granularity.PER_TENSOR else recipe


def plan_for(effort: str, propose: Propose) -> Plan | None:
    """What an effort tries: nothing for `fast`, each technique once for `balanced`, all there is for `best`."""
    if effort == "fast":
        return None
    quick = quick_plan(propose)
    if effort == "balanced":
        return replace(quick, last=(_learned,))
    more: tuple[Change, ...] = (
        _ranges(Observer.MSE),
        _mse_weights,
        _empirical,
        _max_weights,
        _by_weights,
        _unequalized,
        _ungated,
    )
    learning = (_learned, _max_weights, _mse_weights, _ranges(Observer.MSE), _ranges(Observer.ROBUST))
    last = (*learning, *quick.repairs, _trained)  # all that decides what is trained comes first: it is trained once
    return replace(quick, changes=(*quick.changes, *more), rounds=_MOST_ROUNDS, last=last, repairs=())


def quick_plan(propose: Propose) -> Plan:
    """What `balanced` tries but for what takes long: what it reaches is the least that `balanced` does."""

    def groups(recipe: Recipe) -> Recipe:
        """They cost operators, and learned rounding often brings as much: 1.4 dB more on a MobileNetV1 without them."""
        return propose(recipe, Proposal.GROUPS)

    def detours(recipe: Recipe) -> Recipe:
        """One layer each, and only where some are predicted to pay: 2.5 to 3 dB on two networks of the zoo."""
        return propose(recipe, Proposal.DETOURS)

    return Plan(
        changes=(_equalize, detours, _ungated, _whole_ranges_beside_gates),
        rescues=(_by_weights,),
        repairs=(groups,),
    )


def _correct(recipe: Recipe) -> Recipe:
    return replace(recipe, bias_correction=BiasCorrection.ANALYTIC)


def _empirical(recipe: Recipe) -> Recipe:
    return replace(recipe, bias_correction=BiasCorrection.EMPIRICAL)


def _equalize(recipe: Recipe) -> Recipe:
    return replace(recipe, equalize=True, balance=Balance.NOISE)


def _by_weights(recipe: Recipe) -> Recipe:
    """Of two poor networks, it brings an EfficientNet-Lite 1.7 dB, and a pose network 1.2, rounding learned on top."""
    return replace(recipe, balance=Balance.WEIGHTS)


def _unequalized(recipe: Recipe) -> Recipe:
    return replace(recipe, equalize=False, balance=Balance.WEIGHTS)


def _ungated(recipe: Recipe) -> Recipe:
    return replace(recipe, gates=())


def _learned(recipe: Recipe) -> Recipe:
    return replace(recipe, rounding=Rounding.LEARNED)


def _trained(recipe: Recipe) -> Recipe:
    """It takes a minute or two: .7 and .4 dB more than learned on two of six networks, on the others .1 at the most."""
    return replace(recipe, rounding=Rounding.TRAINED)


def _mse_weights(recipe: Recipe) -> Recipe:
    return replace(recipe, weight_scale=WeightScale.MSE)


def _max_weights(recipe: Recipe) -> Recipe:
    return replace(recipe, weight_scale=WeightScale.MAX)


def _whole_ranges_beside_gates(recipe: Recipe) -> Recipe:
    """What a gate lets through is rarely large, and then decides: whole ranges have won on networks with gates alone.

    On seven convolutional networks without gates, all of them equalized, they cost 0.6 to 5.5 dB.
    """
    return _ranges(Observer.MINMAX)(recipe) if recipe.gates else recipe


def _ranges(observer: Observer) -> Change:
    return lambda recipe: replace(recipe, observer=observer)
