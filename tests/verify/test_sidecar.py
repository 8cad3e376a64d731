"""The manifest beside a file: found, believed, or left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlpuconv.errors import ArtifactError
from dlpuconv.verify import verify_file
from dlpuconv.verify.sidecar import Recorded, find_sidecar
from tests.verify.test_verify_file import CHIP, converted, manifest, written

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        '{"labels": ["cat", "dog"]}',
        '{"schema_version": 3, "labels": []}',
        "[1]",
        "{not json",
        "",
        "\xff",
        "[" * 100_000,
    ],
)
def test_json_of_another_tool_does_not_matter(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, converted())
    path.with_suffix(".json").write_text(text, "latin-1")
    assert verify_file(path, CHIP).passed


def test_a_manifest_tells_the_preprocessing_but_no_fixed_input_quantization(tmp_path: Path) -> None:
    content = converted()
    recorded = {"resize": "letterbox", "color": "bgr", "mean": [1, 2, 3], "std": [4.0], "stated": True}
    sidecar = find_sidecar(written(tmp_path, content, manifest(content, preprocessing=recorded)))
    assert sidecar is not None
    assert sidecar.preprocessing == Recorded(resize="letterbox", color="bgr", mean=(1.0, 2.0, 3.0), std=(4.0,))
    assert sidecar.bindings["x"].quantization is None
    unstated = manifest(content, preprocessing=recorded | {"stated": False})
    sidecar = find_sidecar(written(tmp_path, content, unstated))
    assert sidecar is not None
    assert sidecar.preprocessing == Recorded(resize="letterbox", color="bgr")


def test_a_damaged_manifest_is_an_error(tmp_path: Path) -> None:
    content = converted()
    damaged = manifest(content)
    del damaged["outputs"]
    with pytest.raises(ArtifactError, match=r"the manifest m\.json is damaged"):
        verify_file(written(tmp_path, content, damaged), CHIP)


def test_a_manifest_of_another_file_does_not_count(tmp_path: Path) -> None:
    path = written(tmp_path, converted(per_channel=True), manifest(converted()))
    assert not verify_file(path, CHIP).passed
