"""What a conversion writes is what it knows, read back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

import dlpuconv
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.manifest import Manifest

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
<ir_version: 9, opset_import: ["" : 17]>
g (float[1, 3, 8, 8] x) => (float[1, 4, 8, 8] y) <float[4, 3, 1, 1] w = {
  0.5, -0.25, 1.0, 0.75, -0.5, 0.1, 0.2, 0.3, -0.4, 0.9, -0.8, 0.7}> {
  c = Conv(x, w)
  y = Relu(c)
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("target", ["artpec8", "cv25"])
def test_what_a_conversion_knows_is_read_back_whole(target: str, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (8, 3, 8, 8)).astype(np.float32)
    model = onnx.parser.parse_model(MODEL)
    done = dlpuconv.convert(model, target=target, calibration={"x": samples}, mean=[10, 20, 30], std=60, cache=False)
    (path,) = done.save(tmp_path)
    found = find_manifest(path)
    assert found is not None
    (made,) = done.artifacts
    assert found.recipe.content == made.provenance.recipe.to_json()
    assert found.request == made.provenance.request
    ends = (*made.artifact.inputs, *made.artifact.outputs)
    assert (*found.links.inputs, *found.links.outputs) == tuple(replace(p, file_name=p.name_in_file) for p in ends)
    assert [layer.each for layer in found.layers] == [layer.each for layer in made.artifact.layers]
    assert found.images is not None
    assert (found.images.mean, found.images.std) == ((10.0, 20.0, 30.0), (60.0,))
    written = path / "manifest.json" if path.is_dir() else path.with_suffix(".json")
    assert Manifest.parse(json.loads(found.to_bytes())) == found
    assert found.to_bytes() == written.read_bytes()
