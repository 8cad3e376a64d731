"""One network and its samples, quantized under any number of recipes: all that a backend has to call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from dlpuconv.ir.affine import INT8
from dlpuconv.network import CannotError, OutputPiece
from dlpuconv.quantization import report
from dlpuconv.quantization.blame.blame import blame
from dlpuconv.quantization.blame.result import Blame
from dlpuconv.quantization.budget import affordable_samples, affordable_to_blame
from dlpuconv.quantization.measuring import measure
from dlpuconv.quantization.mixed_outputs import mixed_outputs, pieces_of, tell_mixed
from dlpuconv.quantization.quantize import quantize, stated_layers
from dlpuconv.quantization.recipe import BiasCorrection, Rounding, ScaleOrigin
from dlpuconv.quantization.refusals import refuse_foreign_sites
from dlpuconv.quantization.sites import Proposal
from dlpuconv.quantization.stated.ledger import ledger_of
from dlpuconv.quantization.techniques.empirical_bias import moved_means
from dlpuconv.quantization.techniques.grouping import choose_groups
from dlpuconv.quantization.techniques.learned_rounding import learn, left_nearest
from dlpuconv.quantization.techniques.tuning import Tuner
from dlpuconv.quantization.training import is_possible
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.jsonable import Json
    from dlpuconv.network import Feed, Network, Node, Range
    from dlpuconv.quantization.given import Given
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.recipe import Recipe
    from dlpuconv.quantization.stated.ledger import Ledger
    from dlpuconv.quantization.tuned import Tuned
    from dlpuconv.quantization.weights.layer import LayerWeights
    from dlpuconv.scheme import Scheme

    type Found = Mapping[Node, LayerWeights]
    type Realize = Callable[[Quantized], Network]
    """Makes the integer network.

    It has the layers in the same order, and every activation of the float network that is still there under its name.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeOutcome:
    """What a recipe gave.

    Attributes:
        tuned: the float network as techniques rewrote it, and its ranges.
        quantized: its integers.
        dropped: what of the recipe could not be done, and why.
    """

    tuned: Tuned
    quantized: Quantized
    dropped: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Json]:
        """For the manifest."""
        stated = {} if self.ledger is None else {"source_scales": self.ledger.to_json()}
        return {**report.facts(self.quantized), **self.tuned.facts, **stated}

    @property
    def warnings(self) -> list[str]:
        """What the user should know."""
        return [*report.warnings(self.quantized), *(self.ledger.warnings() if self.ledger else ())]

    @property
    def ledger(self) -> Ledger | None:
        """What became of the scales of the source; None where none were to be kept."""
        return ledger_of(self.quantized, self.tuned) if self.tuned.stated else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSplit:
    """A network whose outputs get on with one scale each, as far as the format lets them.

    Attributes:
        quantizer: of that network.
        pieces: what each output is of the former ones.
        told: what the user should know of it.
    """

    quantizer: Quantizer
    pieces: tuple[OutputPiece, ...]
    told: tuple[str, ...]


class Quantizer:
    """Quantizes one network; what was measured, and networks that techniques made, are kept for the next recipe.

    Attributes:
        network: float, legal.
        ranges: lowest and highest observed value by activation name.
    """

    def __init__(self, network: Network, given: Given, realize: Realize) -> None:
        """Measure the network's activations on all samples, or find in the cache what was measured.

        Raises:
            CalibrationError: an activation is not finite, or a sample does not fit.
            UnsupportedModelError: a root or logarithm of negative values.
            BackendError: the network cannot be run.
        """
        self.network, self._given, self._realize = network, given, realize
        material = measure(network, given)
        self.ranges: Mapping[str, Range] = material.ranges
        self._tuner = Tuner(material)
        self._found: dict[tuple[Recipe, str], Found] = {}

    def split_outputs(self, *, wanted: bool, codes: IntegerType = INT8) -> OutputSplit:
        """Cut outputs whose parts differ much in range, where that is wanted and the format can do it.

        Args:
            wanted: False to tell of them alone; nothing is cut or told where the source states its scales.
            codes: in which the format prescribes scales.
        """
        mixed = [] if self._given.scales else mixed_outputs(self.network, self.ranges, codes)
        pieces = pieces_of(self.network, mixed if wanted else [])
        reason = "" if wanted else "--split-outputs off asks"
        quantizer = self
        if len(pieces) > len(self.network.outputs):
            try:
                parts = self.network.with_output_parts(pieces)
                endings = tuple(self._given.endings[piece.output] for piece in pieces if self._given.endings)
                quantizer = Quantizer(parts, replace(self._given, endings=endings), self._realize)
            except CannotError as refusal:
                pieces, reason = pieces_of(self.network, []), str(refusal)
        return OutputSplit(
            quantizer=quantizer, pieces=tuple(pieces), told=tuple(tell_mixed(self.network, mixed, reason))
        )

    def quantize(self, recipe: Recipe, scheme: Scheme) -> RecipeOutcome:
        """Apply every technique of a recipe; what the format cannot do is left out and told in `dropped`.

        Raises:
            UsageError: an override names no layer, or a site is not of this network.
            UnsupportedModelError: values are so large that no scale holds them beside others.
            CalibrationError: the source does not state all scales, and there are no samples to measure the others.
            BackendError: a network cannot be run.
        """
        refuse_foreign_sites(self.network, recipe)
        tuned = self._tuner.apply(recipe, scheme.activation_codes.type, self._kept(recipe, scheme))
        found = quantize(tuned, recipe, scheme, self._given.inputs)
        if tuned.stated and not self._given.measures:
            ledger_of(found, tuned).demand_all()
        if recipe.rounding is not Rounding.NEAREST:
            learned, told = self._learn(found, recipe), left_nearest(found)
            if recipe.rounding is Rounding.TRAINED:
                learned, missing = self._train(learned, recipe)
                told = (*told, *missing)
            return RecipeOutcome(tuned=tuned, quantized=learned, dropped=(*tuned.dropped, *told))
        if recipe.bias_correction is BiasCorrection.EMPIRICAL:
            moved = moved_means(tuned, recipe, found, self._realize, self._given.feeds())
            found = quantize(replace(tuned, moved=moved), recipe, scheme, self._given.inputs)
        return RecipeOutcome(tuned=tuned, quantized=found, dropped=tuned.dropped)

    def _kept(self, recipe: Recipe, scheme: Scheme) -> frozenset[Node]:
        """Layers whose weights are the source's, and stay that beside others that are equalized."""
        if recipe.scales is not ScaleOrigin.SOURCE or not recipe.equalize:
            return frozenset()
        return stated_layers(self.network, self._given.scales, self._given.names, recipe, scheme)

    def propose(self, recipe: Recipe, scheme: Scheme, what: Proposal) -> Recipe:
        """The recipe with the sites that are worth it; the same one where there is none.

        Args:
            recipe: see `quantize`.
            scheme: see `quantize`.
            what: is filled in.

        Raises:
            BackendError: a network cannot be run.
        """
        codes = scheme.activation_codes.type
        # noise is predicted for activations of 8 bits, of detours for weights with one scale
        fits = codes.bits <= INT8.bits
        if what is Proposal.GATES:
            return replace(recipe, gates=self._tuner.gates(recipe.granularity) if fits else ())
        if what is Proposal.DETOURS:
            fits = fits and recipe.equalize and recipe.granularity is Granularity.PER_TENSOR
            return replace(recipe, detours=self._tuner.detours() if fits else ())
        bare = replace(recipe, groups=())
        tuned = self._tuner.apply(bare, codes)
        return replace(bare, groups=choose_groups(quantize(tuned, bare, scheme, self._given.inputs), tuned.channels))

    def _learn(self, nearest: Quantized, recipe: Recipe) -> Quantized:
        """The same with learned integers."""

        def learned(samples: Sequence[Feed]) -> Found:
            with self._given.progress.stage("rounding weights", len(nearest.layers)) as step:
                return learn(nearest, self._realize, samples, step)

        return self._once(replace(recipe, rounding=Rounding.LEARNED), nearest, learned)

    def _train(self, learned: Quantized, recipe: Recipe) -> tuple[Quantized, tuple[str, ...]]:
        """With trained integers; and what is missing for them, in words."""
        if not is_possible():
            return learned, ("the rounding was learned, but not trained, as that needs PyTorch (dlpuconv[torch])",)

        def trained(samples: Sequence[Feed]) -> Found:
            from dlpuconv.quantization.training.train import train, trainable

            blocks = trainable(learned)
            with self._given.progress.stage("training blocks", len(blocks)) as step:
                return train(learned, blocks, self._realize, samples, step)

        return self._once(recipe, learned, trained), ()

    def _once(self, recipe: Recipe, start: Quantized, make: Callable[[Sequence[Feed]], Found]) -> Quantized:
        """Integers of all layers, which are remembered: a search asks for the best recipe twice."""
        key = (recipe, repr(start.scheme))
        if key not in self._found:
            self._found[key] = make(list(islice(self._given.feeds(), affordable_samples(start.network))))
        return replace(start, layers=self._found[key])

    def blame(self, recipe: Recipe, scheme: Scheme, feeds: Iterable[Feed]) -> Blame:
        """What each layer loses under a recipe.

        Args:
            recipe: see `quantize`.
            scheme: see `quantize`.
            feeds: real values of the network's inputs, which calibration did not see; the first few are used.

        Raises:
            BackendError: a network cannot be run.
        """
        outcome = self.quantize(recipe, scheme)
        integer = self._realize(outcome.quantized)
        few = list(islice(feeds, affordable_to_blame(outcome.tuned.network)))
        with self._given.progress.stage("looking at each layer", len(few) * len(integer.nodes)) as step:
            layers, total_db = blame(outcome.tuned, outcome.quantized, integer, few, step)
        return Blame(layers=tuple(layers), total_db=total_db, samples=len(few))
