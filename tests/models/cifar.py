"""A few labelled pictures of CIFAR-10."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.models.prepared import channels_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tests.models.prepared import Floats

FOLDER = Path(__file__).parent / "_data" / "cifar10"
CALIBRATION, EVALUATION = FOLDER / "calibration", FOLDER / "evaluation"
"""100 pictures of the training set; 200 of the test set, each in the folder of its class."""
MEAN, STD = (125.307, 122.961, 113.8575), (62.985, 62.0925, 66.708)
"""What the project's own networks were trained with, of 0..255."""


def calibration(mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> Floats:
    """[100, 3, 32, 32]."""
    return channels_first(_pixels(sorted(CALIBRATION.glob("*.png"))), mean, std)


def evaluation(mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> tuple[Floats, npt.NDArray[np.int64]]:
    """[200, 3, 32, 32], mixed, and the class of each, which is its folder's place in the alphabet."""
    names = sorted(folder.name for folder in EVALUATION.iterdir())
    files = sorted(EVALUATION.glob("*/*.png"), key=lambda file: (file.name, file.parent.name))
    labels = np.array([names.index(file.parent.name) for file in files])
    return channels_first(_pixels(files), mean, std), labels


def _pixels(files: Sequence[Path]) -> npt.NDArray[np.uint8]:
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
