"""The small zoo: what is in it is allowed to be, is what NOTICE says, and answers as well as it should."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.models import boxes, zoo
from tests.models.photographs import FACES, scenes
from tests.whole_zoo import ONLY_LARGE, SMALL, put_together

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 12_000_000
WRITTEN_HERE = {".py", ".toml", ""}
"""Endings of what the project itself wrote; NOTICE has none."""
SCORES = {
    "cifar_efficientnet": 0.79, "cifar_mobilenetv2": 0.835, "cifar_resnet20": 0.80, "face_retinaface_mnet025": 0.97,
    "kws_dscnn_mlperf": 0.91, "kws_kwt1": 0.98, "seg_sinet_portrait": 1.0, "vww_mobilenetv1_025": 0.93,
}  # fmt: skip
"""At least. The pictures of faces and persons are scaled by Pillow, whose versions may differ a little."""


def entries() -> dict[str, dict[str, str]]:
    """What NOTICE tells of each file or folder."""
    text = (SMALL / "NOTICE").read_text("utf-8")
    found = re.findall(r"^(\S+[/.]\S+)\n((?: {2}.+\n)+)", text, re.MULTILINE)
    return {name: dict(re.findall(r"^ {2}(\w+) +(.+)", told, re.MULTILINE)) for name, told in found}


def digest(path: Path) -> str:
    files = sorted(path.rglob("*.png")) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def shipped() -> list[Path]:
    """Files that are no leftover of a run."""
    return [path for path in SMALL.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_each_model_and_each_data_set_has_a_source_an_author_a_licence_and_its_checksum() -> None:
    told = entries()
    assert all({"sha256", "source", "author", "licence"} <= each.keys() for each in told.values())
    assert {name: each["sha256"] for name, each in told.items()} == {name: digest(SMALL / name) for name in told}


def test_nothing_is_there_that_the_notice_does_not_tell_of() -> None:
    told = entries()
    foreign = {file.relative_to(SMALL).as_posix() for file in shipped() if file.suffix not in WRITTEN_HERE}
    assert {name for name in foreign if not any(name == each or name.startswith(f"{each}/") for each in told)} == set()


def test_it_holds_no_links_which_not_every_copy_of_a_repository_keeps() -> None:
    assert [path for path in SMALL.rglob("*") if path.is_symlink()] == []


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in shipped()) <= LARGEST


@pytest.mark.parametrize("name", SCORES)
def test_each_float_model_is_as_good_as_it_is_known_to_be(name: str) -> None:
    task = zoo.task(name)
    samples, right = task.load_eval()
    outputs, _ = zoo.run_onnx(str(SMALL / name / "model.onnx"), samples)
    assert task.score(outputs, right) >= SCORES[name]


def test_every_model_has_a_known_score_and_calibration_samples_as_it_takes_them() -> None:
    assert zoo.names() == sorted(SCORES)
    for name in zoo.names():
        calibration, (evaluation, _) = zoo.task(name).load_calib(3), zoo.task(name).load_eval()
        assert (calibration.dtype, evaluation.dtype) == (np.float32, np.float32)
        assert calibration.shape == (3, *evaluation.shape[1:])


def test_a_larger_zoo_adds_models_and_what_both_have_is_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    larger = tmp_path / "larger"
    for name in ("lpr_lprnet", "kws_kwt1"):
        (larger / name).mkdir(parents=True)
        (larger / name / "model.onnx").write_bytes(b"another")
    (larger / "_data" / "plates").mkdir(parents=True)
    (larger / "zoo.py").touch()
    monkeypatch.setenv("DLPUCONV_ZOO", str(larger))
    put_together(tmp_path / "both")
    assert (tmp_path / "both" / "lpr_lprnet" / "model.onnx").read_bytes() == b"another"
    assert (tmp_path / "both" / "kws_kwt1").resolve() == SMALL / "kws_kwt1"
    assert {"plates", "photos"} <= {entry.name for entry in (tmp_path / "both" / "_data").iterdir()}
    assert not set(ONLY_LARGE).intersection(zoo.names())


def test_scenes_are_the_same_each_time_and_those_of_one_split_are_not_those_of_the_other() -> None:
    first, again, others = scenes("calib", 5), scenes("calib", 5), scenes("eval", 5)
    for one, same, other in zip(first, again, others, strict=True):
        np.testing.assert_array_equal(one.pixels, same.pixels)
        assert (one.pixels != other.pixels).any()
    assert sum(len(scene.faces) for scene in first) >= len(FACES)


def test_boxes_overlap_by_their_common_share_and_the_best_of_a_class_stays() -> None:
    a = np.array([[0, 0, 2, 2]], np.float32)
    b = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3]], np.float32)
    np.testing.assert_allclose(boxes.iou(a, b), [[1, 2 / 6, 0]])
    found = np.array([[0, 0.5, 0, 0, 2, 2], [0, 0.9, 0, 0, 2, 2], [1, 0.4, 0, 0, 2, 2], [0, 0.3, 2, 2, 3, 3]])
    assert boxes.suppressed(found, 0.4)[:, 1].tolist() == [0.9, 0.4, 0.3]
    assert boxes.suppressed(np.zeros((0, 6)), 0.4).shape == (0, 6)
