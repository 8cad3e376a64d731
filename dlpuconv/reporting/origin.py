"""Where a file came from, as its manifest tells: the facts, and the recipes that were tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ArtifactError, UsageError
from dlpuconv.placement.forecast_text import plural
from dlpuconv.quantization.recipe_file import from_json
from dlpuconv.reporting.page import Fact, TrialRow
from dlpuconv.reporting.wording import decibels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LIBRARIES = ("onnx2tf", "ai-edge-litert", "onnxruntime", "tensorflow")


def origin_facts(manifest: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What the file was made from, and how.

    Raises:
        ArtifactError: the manifest is damaged.
    """
    try:
        return tuple(_facts(manifest)) if manifest else ()
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, UsageError) as error:
        raise _damaged(error) from error


def trial_rows(manifest: Mapping[str, Any]) -> tuple[TrialRow, ...]:
    """Every recipe that was tried, in order.

    Raises:
        ArtifactError: the manifest is damaged.
    """
    try:
        usual = manifest.get("recipe", {}).get("granularity")
        return tuple(_trial(trial, usual) for trial in manifest.get("trials", ()))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, UsageError) as error:
        raise _damaged(error) from error


def _facts(manifest: Mapping[str, Any]) -> Iterator[Fact]:
    source = manifest["source"]
    yield Fact("source model", str(source["name"]), f"sha256 {source['sha256']}")
    recipe = from_json(manifest["recipe"])
    yield Fact("recipe", recipe.summary, f"{recipe.granularity} weights")
    calibration = manifest["calibration"]
    if calibration.get("samples"):
        held = plural(int(calibration.get("held_out", 0)), "sample")
        kind = "" if calibration["calibrated"] else "made-up "
        yield Fact("calibration", f"{kind}{plural(int(calibration['samples']), 'sample')}", f"{held} held out")
    images = manifest.get("preprocessing")
    if images and images["stated"]:
        mean, std = (", ".join(f"{float(v):g}" for v in images[key]) for key in ("mean", "std"))
        yield Fact("images", f"{images['resize']}, {images['color']}", f"mean {mean}; std {std}")
    versions = manifest.get("versions", {})
    found = [f"{name} {versions[name]}" for name in _LIBRARIES if name in versions]
    yield Fact("made by", f"dlpuconv {manifest['dlpuconv']}", ", ".join([*_backend(manifest), *found]))


def _backend(manifest: Mapping[str, Any]) -> list[str]:
    return [f"backend {manifest['backend']}"] if "backend" in manifest else []


def _trial(trial: Mapping[str, Any], usual: object) -> TrialRow:
    recipe = from_json(trial["recipe"])
    other = [] if recipe.granularity.value == usual else [f"{recipe.granularity} throughout"]
    metric = trial.get("metric")
    return TrialRow(
        recipe="; ".join((*other, recipe.summary)),
        typical_db=decibels(float(trial["typical_sqnr_db"])),
        sqnr_db=decibels(float(trial["min_sqnr_db"])),
        metric="" if metric is None else f"{float(metric):.6g}",
        notes=tuple(map(str, trial.get("notes", ()))),
        passes=bool(trial["passes"]),
        chosen=bool(trial["chosen"]),
    )


def _damaged(error: Exception) -> ArtifactError:
    return ArtifactError(f"the manifest is damaged ({type(error).__name__}: {error})")
