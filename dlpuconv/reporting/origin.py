"""Where a file came from: the facts, and the recipes that were tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlpuconv.division.words import told_of_rest
from dlpuconv.errors import ArtifactError, UsageError
from dlpuconv.placement.forecast_text import plural
from dlpuconv.quantization.recipe_file import from_json
from dlpuconv.quantization.score import Score
from dlpuconv.quantization.search import Trial
from dlpuconv.quantization.stated.ledger import Ledger
from dlpuconv.reporting.page import Fact, TrialRow
from dlpuconv.reporting.wording import decibels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.manifest import Manifest
    from dlpuconv.quantization import Recipe

_LIBRARIES = ("onnx2tf", "ai-edge-litert", "onnxruntime", "tensorflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOrigin:
    """What a file was made from, and how: as a conversion knows it, or as a manifest tells.

    Attributes:
        manifest: all that a manifest tells without a recipe being read.
        recipe: what was done to the numbers.
        trials: every recipe that was tried, in order.
    """

    manifest: Manifest
    recipe: Recipe
    trials: tuple[Trial, ...] = field(default=(), repr=False)


def origin_of(manifest: Manifest) -> FileOrigin:
    """What a manifest tells.

    Raises:
        ArtifactError: its recipes are damaged.
    """
    try:
        trials = tuple(map(_trial, manifest.trials))
        return FileOrigin(manifest=manifest, recipe=from_json(manifest.recipe.content), trials=trials)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, UsageError) as error:
        raise ArtifactError(
            f"the manifest is damaged ({type(error).__name__}: {error})", id="manifest-damaged"
        ) from error


def origin_facts(origin: FileOrigin | None) -> tuple[Fact, ...]:
    """What the file was made from, and how; nothing where nothing tells."""
    return tuple(_facts(origin.manifest, origin.recipe)) if origin else ()


def trial_rows(origin: FileOrigin | None) -> tuple[TrialRow, ...]:
    """Every recipe that was tried, in order."""
    return tuple(_row(trial, origin.recipe) for trial in origin.trials) if origin else ()


def _facts(manifest: Manifest, recipe: Recipe) -> Iterator[Fact]:
    yield Fact("source model", manifest.source_name, f"sha256 {manifest.source_sha256}")
    yield Fact("recipe", recipe.summary, f"{recipe.granularity} weights")
    yield from _source_scales(Ledger.from_json(manifest.facts.get("source_scales")))
    if (division := manifest.division) is not None:
        for part, rest in division.rests.items():
            yield Fact(part, told_of_rest(division, part, rest).removeprefix(f"{part}: "), rest.file)
    samples = manifest.samples
    if samples.samples:
        kind = "" if samples.calibrated else "synthetic  "
        held = f"{plural(samples.held_out, 'sample')} held out"
        yield Fact("calibration", f"{kind}{plural(samples.samples, 'sample')}", held)
    images = manifest.images
    if images and images.mean is not None and images.std is not None:
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (images.mean, images.std))
        yield Fact("images", f"{images.resize}, {images.color}", f"mean {mean}; std {std}")
    backend = [f"backend {manifest.backend}"] if manifest.backend else []
    found = [f"{name} {manifest.versions[name]}" for name in _LIBRARIES if name in manifest.versions]
    yield Fact("made by", f"dlpuconv {manifest.dlpuconv}", ", ".join([*backend, *found]))


def _source_scales(ledger: Ledger | None) -> Iterator[Fact]:
    """What became of the scales of a quantized source."""
    if ledger is None:
        return
    yield Fact("quantized source", ledger.summary)
    for (of, reason), layers in ledger.by_reason.items():
        yield Fact(f"re-fitted {of}", ", ".join(layers), reason)
    if ledger.measured:
        yield Fact("scales not stated", ", ".join(ledger.measured), "measured on the samples")


def _row(trial: Trial, chosen: Recipe) -> TrialRow:
    recipe, score = trial.recipe, trial.score
    other = [] if recipe.granularity is chosen.granularity else [f"{recipe.granularity} throughout"]
    return TrialRow(
        recipe="; ".join((*other, recipe.summary)),
        typical_db=decibels(score.typical_db),
        sqnr_db=decibels(score.sqnr_db),
        metric="" if score.metric is None else f"{score.metric:.6g}",
        notes=trial.notes,
        passes=score.passes,
        chosen=trial.chosen,
        alike=trial.alike,
    )


def _trial(entry: Mapping[str, Any]) -> Trial:
    metric = entry.get("metric")
    return Trial(
        recipe=from_json(entry["recipe"]),
        score=Score(
            typical_db=float(entry["typical_sqnr_db"]),
            sqnr_db=float(entry["min_sqnr_db"]),
            cosine=float(entry.get("min_cosine", 1.0)),
            passes=bool(entry["passes"]),
            metric=None if metric is None else float(metric),
        ),
        chosen=bool(entry["chosen"]),
        alike=bool(entry.get("cannot_be_told_from_chosen", False)),
        notes=tuple(map(str, entry.get("notes", ()))),
    )
