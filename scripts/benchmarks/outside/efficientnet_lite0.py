"""EfficientNet-Lite0, 224x224, on the zoo's ImageNet images: a task, as the zoo's are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    type Array = np.ndarray[Any, np.dtype[Any]]

METRIC = "top-1"
C: Any = importlib.import_module("common")  # the zoo's


def load_calib(n: int) -> Array:
    """At most [n, 3, 224, 224] float32."""
    pixels, _ = C.imagenet("calib")
    return _prepared(pixels[C.interleave(n, len(pixels))])


def load_eval() -> tuple[Array, Array]:
    """[N, 3, 224, 224] float32, and the class of each."""
    pixels, labels = C.imagenet("eval")
    return _prepared(pixels), labels


def score(outputs: list[Array], y: Array) -> float:
    """The share that is right."""
    return float(C.top1(outputs, y))


def _prepared(pixels: Array) -> Array:
    prepared: Array = C.nchw(pixels, 127, 128)
    return prepared
