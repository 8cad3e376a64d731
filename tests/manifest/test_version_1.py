"""Manifests of version 1, as dlpuconv 0.1.0.dev0 wrote them beside a small network's file and into its package.

The network is Conv, Relu, Conv, Sigmoid on pictures of 16 x 16, with a stated normalization, converted with letterboxed
pictures for artpec8 and cv25.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.ir import Affine, Port
from dlpuconv.manifest import ImagesRecord, Manifest
from dlpuconv.reporting.origin import origin_of
from dlpuconv.scheme import Granularity
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).parent / "data"
BESIDE = DATA / "version_1.artpec8.json"


def told(file: Path = BESIDE) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8"))  # type: ignore[no-any-return]


def test_it_is_found_beside_its_file_and_tells_all_of_it(tmp_path: Path) -> None:
    for file in DATA.glob("version_1.artpec8.*"):
        shutil.copy(file, tmp_path)
    found = find_manifest(tmp_path / "version_1.artpec8.tflite")
    assert found is not None
    assert (found.name, found.dlpuconv, found.target, found.verdict) == (BESIDE.name, "0.1.0.dev0", "artpec8", "pass")
    (pixels,), (scores,) = found.links.inputs, found.links.outputs
    assert pixels == Port(
        name="pixels",
        source_shape=(1, 3, 16, 16),
        shape=(1, 16, 16, 3),
        permutation=(0, 2, 3, 1),
        dtype="uint8",
        quantization=Affine.of(1.0, 0),
        file_name="pixels",
    )
    assert (scores.name, scores.quantization) == ("scores", Affine.of(1 / 256, 0))
    assert found.links.bindings["pixels"].raw_pixels
    assert found.links.bindings["pixels"].offset == (120.0, 118.0, 110.0)
    assert (found.inputs[0].layout, found.inputs[0].pixel_offset) == ("NHWC", 0)
    assert found.images == ImagesRecord(
        resize="letterbox", color="rgb", mean=(120.0, 118.0, 110.0), std=(58.5, 57.0, 57.5)
    )
    assert (found.samples.samples, found.samples.held_out, found.samples.of_images) == (20, 4, True)
    assert not found.samples.made_up
    assert found.recipe.granularities == {Granularity.PER_TENSOR}
    assert (found.recipe.scales, found.recipe.absorb) == (True, False)
    assert found.request is not None
    assert (found.request.effort, found.request.recipe_given) == ("balanced", False)
    assert [names.title for names in found.layers][2:5] == ["stem", "stem", "head"]
    assert len(found.files) == 5


def test_its_recipes_are_those_of_the_search() -> None:
    origin = origin_of(Manifest.parse(told()))
    assert origin.recipe.summary == "equalize, bias correction, learned rounding, robust ranges"
    (chosen,) = (trial for trial in origin.trials if trial.chosen)
    assert chosen.recipe == origin.recipe


@pytest.mark.parametrize(
    "absent",
    [
        ("request", "preprocessing", "layers", "trials"),
        ("device", "backend", "verdict", "verified", "warnings", "facts", "report", "versions", "timings_s"),
    ],
)
def test_what_the_first_ones_did_not_tell_may_be_missing(absent: tuple[str, ...]) -> None:
    content = {key: value for key, value in told().items() if key not in absent}
    assert Manifest.parse(content).links == Manifest.parse(told()).links


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": "1"}, "schema_version is not a whole number"),
        ({"schema_version": 0}, "schema_version is not a whole number"),
        ({"dlpuconv": 1}, "dlpuconv is not a text"),
        ({"versions": []}, "versions is not a JSON object"),
        ({"trials": {}}, "trials is not a list"),
        ({"timings_s": {"read": "long"}}, "timings_s.read is not a finite number"),
    ],
)
def test_what_is_there_is_what_it_should_be(change: Mapping[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Manifest.parse({**told(), **change})


def test_a_version_that_is_not_known_yet_is_refused_by_its_number() -> None:
    with raises_error("manifest-too-new", "m.json", "version 4", "up to 3"):
        Manifest.parse({**told(), "schema_version": 4}, "m.json")
