"""`dlpuconv compare` on what `dlpuconv convert` made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlpuconv.cli import main
from tests.e2e.support import IMAGES

if TYPE_CHECKING:
    from tests.e2e.support import Finished

pytestmark = pytest.mark.slow


def test_planar_float_and_interleaved_integers_are_compared_as_their_manifests_say(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {artifact["target"]: artifact["path"] for artifact in finished.answer["artifacts"]}
    capsys.readouterr()
    assert main(["compare", paths["cv25"], paths["artpec7"], "--data", str(IMAGES), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [found[side]["inputs"][0]["shape"] for side in "ab"] == [[1, 3, 32, 32], [1, 32, 32, 3]]
    assert [found[side]["inputs"][0]["dtype"] for side in "ab"] == ["float32", "uint8"]
    (output,) = found["between"]["outputs"]
    assert output["sqnr_db"] > 20
    assert output["argmax_agreement"] > 0.9
    assert main(["compare", paths["artpec8"], paths["artpec7"], "--data", str(IMAGES)]) == 0
    assert "artpec7.tflite beside cifar_mobilenetv2.artpec8.tflite, 100 samples" in capsys.readouterr().out
