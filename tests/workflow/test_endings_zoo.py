"""Which real networks give logits: one whose scores lose their ranking, and none whose highest class counts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from dlpuconv.workflow.endings import ranked
from dlpuconv.workflow.option_values import make_request
from dlpuconv.workflow.run import Data, opened
from tests.models.photographs import scenes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Run

pytestmark = [pytest.mark.zoo, pytest.mark.slow]

CUT = {"face_retinaface_mnet025": {"593"}}
KEPT = (
    "cifar_efficientnet", "cifar_mobilenetv2", "cifar_resnet20", "det_yolofastestv2", "det_yolov5n_axis",
    "imagenet_mnv2_torch", "kws_dscnn_mlperf", "kws_kwt1", "lpr_lprnet", "seg_sinet_portrait", "sr_fsrcnn_x2",
    "text_ppocrv5_det", "vww_mobilenetv1_025",
)  # fmt: skip


@contextmanager
def reading(model: Path, calibration: Path | None = None) -> Iterator[tuple[Run, Request]]:
    """What a conversion for ARTPEC-8 reads."""
    mean, std = ((104.0, 117.0, 123.0), (1.0,)) if calibration else (None, None)
    request = make_request(
        targets=("artpec8",), input_shape={}, cut_at=(), resize="letterbox", color="bgr" if calibration else "rgb",
        mean=mean, std=std, preset=None, cache=False,
    )  # fmt: skip
    with opened(model, request, Data(calibration=calibration), None) as run:
        yield run, request


def test_a_face_detector_gives_logits(zoo: Path, tmp_path: Path) -> None:
    for split in ("calib", "eval"):  # whatever the samples are
        folder = tmp_path / split
        folder.mkdir()
        for number, scene in enumerate(scenes(split, 30)):
            Image.fromarray(scene.pixels).save(folder / f"{number}.png")
        for name, outputs in CUT.items():
            with reading(zoo / name / "model.onnx", folder) as (run, _):
                assert set(run.subject.endings.cut) == outputs


@pytest.mark.parametrize("name", KEPT)
def test_the_others_have_no_scores_that_end_in_an_activation_so_that_samples_play_no_part(zoo: Path, name: str) -> None:
    with reading(zoo / name / "model.onnx") as (run, request):
        assert ranked(run.subject, request) == {}


def test_every_network_of_the_zoo_is_pinned(zoo: Path) -> None:
    assert {folder.parent.name for folder in zoo.glob("*/model.onnx")} <= {*CUT, *KEPT}
