"""Real networks, with and without batch normalization in the file, fed rightly and wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from dlpuconv.calibration import make_preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.input_fit import find_misfits
from dlpuconv.passes import normalize

if TYPE_CHECKING:
    from pathlib import Path

CIFAR = {"mean": "125.307,122.961,113.8575", "std": "62.985,62.0925,66.708"}
FACES = {"mean": "104,117,123", "std": "1", "color": "bgr"}
PORTRAITS = {
    "mean": "102.890434,111.25247,126.91212",
    "std": "16047.8946,16019.4519,16920.704775",
    "color": "bgr",
}
NOTHING, NO_PRESET = None, ""
ZOO: dict[str, tuple[dict[str, Any], dict[str, str | None]]] = {
    "cifar_efficientnet": (CIFAR, {"0-255": "imagenet", "-1-1": NOTHING}),
    "cifar_mobilenetv2": (CIFAR, {"0-255": "imagenet", "-1-1": NOTHING}),
    "cifar_resnet20": ({"preset": "imagenet"}, {"0-255": "imagenet", "0-1": "imagenet", "-1-1": NOTHING}),
    "det_yolofastestv2": (
        {"preset": "0-1", "color": "bgr"},
        {"0-255": "0-1", "imagenet": "0-1", "-1-1": NOTHING},
    ),
    "det_yolov5n_axis": ({"preset": "0-1"}, {"0-255": "0-1", "imagenet": NOTHING, "-1-1": NOTHING}),
    "face_retinaface_mnet025": (FACES, {"0-255": NOTHING, "0-1": "0-255", "-1-1": "0-255", "imagenet": "0-255"}),
    "imagenet_mnv2_torch": ({"preset": "imagenet"}, {"0-255": "imagenet", "0-1": NOTHING, "-1-1": NOTHING}),
    "lpr_lprnet": ({"mean": 127.5, "std": 128, "color": "bgr"}, {"0-255": NOTHING, "0-1": NOTHING}),
    "seg_sinet_portrait": (PORTRAITS, dict.fromkeys(("0-255", "0-1", "-1-1", "imagenet"), NO_PRESET)),
    "sr_fsrcnn_x2": ({"preset": "0-1", "color": "gray"}, {"0-255": NOTHING, "-1-1": NOTHING}),
    "text_ppocrv5_det": ({"preset": "imagenet"}, {"0-255": "imagenet", "0-1": NOTHING, "-1-1": NOTHING}),
    "vww_mobilenetv1_025": ({"preset": "0-1"}, {"0-255": "0-1", "imagenet": NOTHING, "-1-1": NOTHING}),
}
"""How each was trained, and for wrong presets the one that must be among those that are said to fit.

The plate reader's batch normalizations are as they were before training, and the enlarger has none: they tell nothing.
"""


def pictures_for(name: str, data: Path, folder: Path) -> Path:
    """Pictures of the kind that a network was trained on."""
    if name == "lpr_lprnet":
        for number, plate in enumerate(np.load(data / "lpr.npz")["x"][:12]):
            Image.fromarray(plate[..., ::-1]).save(folder / f"{number:02}.png")  # stored as BGR
        return folder
    if name.startswith("cifar"):
        return data / "cifar10" / "calibration"
    return data / "imagenet" / "calib" if name == "imagenet_mnv2_torch" else data / "photos"


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("name", list(ZOO))
def test_real_networks_tell_wrong_normalizations_from_their_own(zoo: Path, tmp_path: Path, name: str) -> None:
    right, wrong = ZOO[name]
    model = load(zoo / name / "model.onnx", SourceOptions())
    normal, _ = normalize(model)
    pictures = pictures_for(name, zoo / "_data", tmp_path)

    def named(**stated: Any) -> list[tuple[str, ...]]:
        made = make_preprocessing(**stated)
        found = open_calibration(pictures, signature=model.signature, preprocessing=made, progress=Silent(), limit=12)
        assert found is not None
        return [misfit.presets for misfit in find_misfits(model, normal, found.fit, made)]

    assert named(**right) == []
    for preset, fitting in wrong.items():
        told = named(preset=preset, color=right.get("color"))
        assert len(told) == (fitting is not NOTHING), preset
        for presets in told:
            assert fitting in (presets or (NO_PRESET,)), preset
