"""What to try next where a file loses too much: the cheapest first, and never what is on already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.manifest import Manifest
    from dlpuconv.verification.rule import Context

FAST, _DEFAULT = "fast", "balanced"
_NEXT_EFFORT = {
    FAST: (f"--effort {_DEFAULT}, the default, instead of fast", "--effort best"),
    _DEFAULT: ("--effort best",),
}
AUTO, OFF = "auto", "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options that decided a file's numbers, so that nothing is advised that is on already.

    Attributes:
        calibrated: False where ranges come from synthetic samples.
        effort: `fast`, `balanced` or `best`; None where it had no say: a recipe was given, or nothing could be judged.
        recipe_given: the user gave a recipe, so that none was looked for.
        granularity: `per-tensor`, `per-channel` or `auto`.
        split_outputs: `auto` or `off`.
    """

    calibrated: bool = True
    effort: str | None = None
    recipe_given: bool = False
    granularity: str = Granularity.PER_TENSOR.value
    split_outputs: str = AUTO


UNKNOWN = Settings(effort=_DEFAULT, split_outputs=OFF)
"""Of a file that nothing is known of: what dlpuconv would make it with is the least that can be advised."""


def defaults(weights: Granularity) -> Settings:
    """What a conversion would be made with where the user says nothing.

    Args:
        weights: granularity that the target prefers.
    """
    return Settings(effort=_DEFAULT, granularity=weights.value)


def recorded_settings(manifest: Manifest) -> Settings | None:
    """What a file was made with, as its manifest tells; None where it does not.

    An effort without trials had no say: a recipe was given, or there was nothing to judge any by.
    """
    request, calibrated = manifest.request, manifest.samples.calibrated
    if request is None:
        return None
    searched = not request.recipe_given and calibrated and (request.effort == FAST or bool(manifest.trials))
    return Settings(
        calibrated=calibrated,
        effort=request.effort if searched else None,
        recipe_given=request.recipe_given,
        granularity=request.granularity or manifest.recipe.granularity.value,
        split_outputs=request.split_outputs or OFF,
    )


def try_next(context: Context) -> str:
    """Every option that may bring the numbers closer to the source's, in the order to try them; and who knows more."""
    ways = list(_ways(context.settings or UNKNOWN, slow=Granularity.PER_CHANNEL in context.discouraged))
    untried = f"Try {'; then '.join(ways)}. None of these was tried on this file. " if ways else ""
    return f"{untried}`dlpuconv analyze` tells which layers lose the signal, why, and what helps."


def better_effort(known: Settings) -> str:
    """The next higher effort, as a clause; empty where the highest is on, or where none has a say."""
    return _NEXT_EFFORT.get(known.effort or "", ("",))[0]


def split_or_cut(context: Context) -> str:
    """What keeps the parts of an output apart."""
    if (context.settings or UNKNOWN).split_outputs == AUTO:
        return "Cut the model in front of the concatenation (--cut-at)."
    return "Convert with --split-outputs auto, or cut the model in front of the concatenation (--cut-at)."


def _ways(known: Settings, *, slow: bool) -> Iterator[str]:
    if not known.calibrated:
        yield "real samples instead of synthetic ones (--calibration)"
    if known.recipe_given:
        yield "a search for a recipe (without --recipe)"
    yield from _NEXT_EFFORT.get(known.effort or "", ())
    if known.granularity == Granularity.PER_TENSOR and known.effort is not None:
        yield "--granularity auto, which finds the layers that need per-channel weights"
    if known.granularity != Granularity.PER_CHANNEL:
        yield f"--granularity per-channel{', which is slower on this chip' if slow else ''}"
