"""SINet by NAVER: which pixels are the person's? Measured against the float model: there are no labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.models.photographs import FACES, shots
from tests.models.prepared import Floats, channels_first
from tests.models.zoo import run_onnx

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    type Array = npt.NDArray[Any]

INPUT = "data"
METRIC = "pixels as the float model"
_SIDE, _COUNT = 320, 24
_MEAN, _STD = (102.890434, 111.25247, 126.91212), (16047.8946, 16019.5691, 16920.754775)


def load_calib(n: int = 40) -> Floats:
    """[N, 3, 320, 320], BGR."""
    return _prepared("calib", n)


def load_eval() -> tuple[Floats, Array]:
    """[24, 3, 320, 320], and the class of each pixel, [24, 320, 320]."""
    pictures = _prepared("eval", _COUNT)
    (masks,), _ = run_onnx(str(Path(__file__).with_name("model.onnx")), pictures)
    return pictures, masks.argmax(1)


def score(outputs: Sequence[Array], y: Array) -> float:
    """The share of pixels that are of the class of the float model."""
    return float((outputs[0].argmax(1) == y).mean())


def _prepared(split: str, count: int) -> Floats:
    return channels_first(shots(split, count, _SIDE, tuple(FACES))[..., ::-1], _MEAN, _STD)
