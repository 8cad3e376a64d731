"""A metric of the user's own, from the command line to verdict, tables and manifest."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

import dlpuconv
from tests.e2e.support import IMAGES, MODEL, PLAIN, TRAINED_ON, Sandbox
from tests.models.cifar import EVALUATION

if TYPE_CHECKING:
    from dlpuconv.verification.predictor import Predict

pytestmark = pytest.mark.slow
MEAN = (125.307, 122.961, 113.8575)
STD = (62.985, 62.0925, 66.708)

TOP1 = f"""
import pathlib

import numpy as np
from PIL import Image

folders = sorted(pathlib.Path({str(EVALUATION)!r}).iterdir())


def top1(predict):
    hits = []
    for label, folder in enumerate(folders):
        for file in sorted(folder.iterdir())[:8]:
            pixels = (np.asarray(Image.open(file), np.float32) - {MEAN}) / {STD}
            hits.append(predict({{"input": pixels.transpose(2, 0, 1)[None]}})["258"].argmax() == label)
    print("scored", len(hits))
    return np.mean(hits)


def broken(predict):
    return predict({{"inptu": 0}})
"""


@pytest.fixture
def user(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose current folder holds the user's `own.py`."""
    sandbox.environment()
    (sandbox.root / "cwd" / "own.py").write_text(TOP1)
    return sandbox


def convert(sandbox: Sandbox, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = sandbox.run(
        "convert", str(MODEL), "--calibration", str(IMAGES), *TRAINED_ON, "--output", str(sandbox.output), "--json",
        *arguments,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout), done.stderr


def test_the_search_ends_with_the_first_recipe_that_keeps_the_user_s_figure(user: Sandbox) -> None:
    status, answer, stderr = convert(user, "--target", "artpec8", "--metric", "own:top1", "--max-drop", "0.05")
    assert status == 0, answer
    metric = answer["reports"][0]["metric"]
    assert (metric["name"], metric["max_drop"]) == ("own:top1", 0.05)
    assert metric["float"] > 0.7
    assert metric["file"] >= metric["float"] - 0.05
    trials = answer["trials"]["artpec8"]
    assert len(trials) < 3, "equalized per-tensor weights keep this network: no more is tried, as without a metric"
    assert [trial["chosen"] for trial in trials] == [False] * (len(trials) - 1) + [True]
    assert trials[-1]["metric"] == metric["file"]
    assert "scored 80" in stderr

    manifest = json.loads((user.output / "cifar_mobilenetv2.artpec8.json").read_text())
    schema = json.loads(files("dlpuconv.manifest").joinpath("manifest.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(manifest)
    assert (manifest["request"]["metric"], manifest["request"]["max_drop"]) == ("own:top1", 0.05)
    assert manifest["report"]["metric"] == metric
    assert manifest["trials"] == trials


def test_without_a_search_the_file_is_scored_all_the_same_and_may_fail(user: Sandbox) -> None:
    asked = ("--min-sqnr", "-100", "--metric", "own:top1", "--max-drop", "0.02", "--target")
    status, plain, _ = convert(user, *asked, "artpec8", "--recipe", str(PLAIN))
    assert status == 1
    (artpec8,) = plain["reports"]
    assert artpec8["verdict"] == "fail"
    (reason,) = artpec8["reasons"]
    assert reason.startswith("METRIC-DROP: ")
    assert "own:top1 falls from " in reason
    status, package, _ = convert(user, *asked, "cv25", "--effort", "fast")
    assert status == 0
    (cv25,) = package["reports"]
    assert cv25["verdict"] == "pass"
    assert cv25["metric"]["file"] == cv25["metric"]["float"] == artpec8["metric"]["float"]
    assert (plain["trials"], package["trials"]) == ({"artpec8": []}, {"cv25": []})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--metric", "own"), 2),
        (("--metric", "own:top5"), 2),
        (("--max-drop", "0.1"), 2),
        (("--metric", "own:broken"), 13),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_nothing_is_written(
    user: Sandbox, arguments: tuple[str, ...], expected: int
) -> None:
    status, answer, stderr = convert(user, "--target", "artpec8", *arguments)
    assert status == answer["error"]["status"] == expected
    assert stderr.startswith("error: ")
    assert len(stderr.splitlines()) == 1
    assert not user.output.exists() or not list(user.output.iterdir())


def test_a_function_decides_between_recipes_in_python() -> None:
    calls: list[float] = []

    def quiet(predict: Predict) -> float:
        """Nobody's figure of merit, and so no decibel in disguise: the smaller the answers to gray, the better."""
        calls.append(float(np.abs(predict({"input": np.zeros((1, 3, 32, 32))})["258"]).max()))
        return -calls[-1]

    done = dlpuconv.convert(
        MODEL, target="artpec8", calibration=IMAGES, mean=MEAN, std=STD, metric=quiet, cache=False, min_sqnr=-100
    )
    trials = done.artifacts[0].provenance.trials
    assert len(calls) == 1 + len(trials)
    scores = [trial.score.metric for trial in trials]
    (chosen,) = [trial.score.metric for trial in trials if trial.chosen]
    assert chosen == max(score for score in scores if score is not None)
