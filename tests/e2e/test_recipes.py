"""What recipes do to the demo's network, whose per-tensor weights collapse when they are quantized plainly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import dlpuconv
from dlpuconv.quantization import BiasCorrection
from dlpuconv.workflow import recipe_choice
from tests.e2e.support import IMAGES, MODEL, PLAIN
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.workflow.conversion import Conversion

pytestmark = pytest.mark.slow
MEAN = (125.307, 122.961, 113.8575)
STD = (62.985, 62.0925, 66.708)


def convert(**more: Any) -> Conversion:
    return dlpuconv.convert(MODEL, target="artpec8", calibration=IMAGES, mean=MEAN, std=STD, cache=False, **more)


def decibels(done: Conversion) -> float:
    parity = done.report.parity
    assert parity is not None
    found = parity.outputs[0].sqnr_db
    assert found is not None
    return found


def test_every_effort_recovers_what_per_tensor_weights_lose_and_its_recipe_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    plain = convert(recipe=PLAIN)
    assert plain.artifacts[0].provenance.recipe.bias_correction is BiasCorrection.ANALYTIC
    assert plain.artifacts[0].provenance.trials == ()
    assert decibels(plain) < 5.0
    assert plain.verdict == "fail"
    for tuned in (convert(effort="fast"), convert(effort="balanced")):
        assert decibels(tuned) >= 15.0
        assert tuned.verdict == "pass"

    file = next(path for path in _everything(tuned, tmp_path) if path.name.endswith(".recipe.toml"))
    for given in (file, str(file)):
        again = convert(recipe=given, effort="fast")
        assert again.artifacts[0].provenance.request.recipe_given
        assert again.artifacts[0].artifact.files == tuned.artifacts[0].artifact.files


def _everything(done: Conversion, folder: Path) -> list[Path]:
    done.save(folder)
    return sorted(folder.iterdir())


def test_auto_switches_the_one_layer_that_ruins_the_network_and_its_recipe_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe_choice, "usual", lambda start, *_, **__: start)  # which would save this network
    mixed = convert(effort="fast", granularity="auto")
    (made,) = mixed.artifacts
    (exception,) = made.provenance.recipe.overrides
    assert exception.pattern == "features.6.conv.1.0"
    assert decibels(mixed) > 20.0
    assert mixed.verdict == "pass"
    (warned,) = (f for f in mixed.report.findings if f.rule == "A8-PER-CHANNEL")
    assert warned.severity.value == "warn"
    mixed.save(tmp_path)
    again = convert(recipe=tmp_path / "cifar_mobilenetv2.artpec8.recipe.toml")
    assert again.artifacts[0].content == made.content


def test_auto_and_a_recipe_contradict_each_other(tmp_path: Path) -> None:
    with raises_error("options-conflict", "granularity='auto'"):
        convert(granularity="auto", recipe=tmp_path / "any.toml")
