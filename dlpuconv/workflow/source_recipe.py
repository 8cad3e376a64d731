"""The one recipe of a quantized source: its scales are kept, and options that would change them are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError
from dlpuconv.quantization.recipe import Balance, BiasCorrection, Observer, Recipe, Rounding, ScaleOrigin
from dlpuconv.quantization.stated.ledger import Ledger
from dlpuconv.scheme import Granularity
from dlpuconv.workflow.request import Effort

if TYPE_CHECKING:
    from dlpuconv.ir.given_scales import GivenScales
    from dlpuconv.plugin import Artifact, Target
    from dlpuconv.workflow.request import QuantizationOptions


def recipe_of_source(wanted: QuantizationOptions, target: Target, *, calibrated: bool) -> Recipe:
    """The recipe for a model that states its scales.

    What it does not state, and weights that the chip cannot have as they are, get scales and biases as usual; such
    weights are rounded by learning where the effort and samples allow.

    Args:
        wanted: by the user.
        target: of the file.
        calibrated: there are samples of the network's own.

    Raises:
        UsageError: an option would change scales that the source states.
    """
    refused = _changes(wanted, target)
    if refused:
        raise UsageError(
            f"the model is quantized and keeps its scales, which {refused} would change: leave that option out",
            id="quantized-source-settled",
        )
    if wanted.recipe is not None:
        return replace(wanted.recipe, granularity=wanted.granularity or wanted.recipe.granularity)
    learns = calibrated and wanted.effort is not Effort.FAST
    return Recipe(
        granularity=wanted.granularity or target.scheme.weights,
        scales=ScaleOrigin.SOURCE,
        bias_correction=BiasCorrection.ANALYTIC,
        rounding=Rounding.LEARNED if learns else Rounding.NEAREST,
    )


def equalized(recipe: Recipe) -> Recipe:
    """The recipe with which weights that a chip cannot have as they are get the scales that suit their channels best.

    Activations between such layers get other scales then. Layers whose weights are kept, and what they make and read,
    stay as they are.
    """
    return replace(recipe, equalize=True, balance=Balance.NOISE)


def in_stated_ranges(recipe: Recipe) -> Recipe:
    """The recipe where there are no samples of the network's own: activations reach as far as the source states it."""
    return replace(recipe, observer=Observer.MINMAX)


def has_channel_scales(scales: GivenScales) -> bool:
    """Whether a source states weights with a scale for each channel, which one for all would lose most of."""
    return any(stated.affine.per_channel for stated in scales.weights.values())


def refits_weights(artifact: Artifact) -> bool:
    """Whether a file has other weights than its source states."""
    ledger = Ledger.from_json(artifact.facts.get("source_scales"))
    return ledger is not None and any(each.of == "weights" for each in ledger.refitted)


def refuse_lost_scales(recipe: Recipe) -> None:
    """Check that a recipe for a float model keeps no scales.

    Raises:
        UsageError: it does.
    """
    if recipe.scales is ScaleOrigin.SOURCE:
        raise UsageError(
            "the recipe takes its scales from a quantized model, but this model is float and has none: convert"
            " without it",
            id="recipe-of-quantized",
        )


def _changes(wanted: QuantizationOptions, target: Target) -> str:
    """The first option that would change what the source states; empty for none."""
    if wanted.recipe is not None and not _keeps(wanted.recipe):
        return "--recipe"
    if wanted.overrides:
        return "--override"
    if wanted.mixed:
        return "--granularity auto"
    if target.scheme.weights is Granularity.PER_CHANNEL:
        if wanted.granularity is Granularity.PER_TENSOR:
            return "--granularity per-tensor"
        if wanted.recipe and not wanted.granularity and wanted.recipe.granularity is Granularity.PER_TENSOR:
            return "the granularity per-tensor of --recipe"
    return f"--effort {wanted.effort}" if wanted.effort is Effort.BEST else ""


def _keeps(recipe: Recipe) -> bool:
    """Whether all that a recipe does is to keep scales, and to fit those anew that cannot be kept."""
    rewrites = recipe.absorb or recipe.detours or recipe.gates or recipe.groups or recipe.overrides
    return recipe.scales is ScaleOrigin.SOURCE and recipe.rounding is not Rounding.TRAINED and not rewrites
