"""Signatures, images and an audience for the tests of calibration data."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from dlpuconv.calibration import Calibration, Preprocessing, open_calibration
from dlpuconv.ir import Layout, Signature, ValueSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt


class Audience:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.steps = 0
        self.messages: list[str] = []

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        self.stages.append((title, total))

        def step() -> None:
            self.steps += 1

        yield step

    def message(self, text: str) -> None:
        self.messages.append(text)


def spec(*shape: int, name: str = "x", dtype: str = "float32", layout: Layout | None = None) -> ValueSpec:
    chosen = layout or (Layout.NCHW if len(shape) == 4 else Layout.PLAIN)
    return ValueSpec(name=name, shape=shape, dtype=dtype, layout=chosen)


def takes(*inputs: ValueSpec) -> Signature:
    return Signature(inputs, ())


RGB_4X6 = takes(spec(1, 3, 4, 6))
VECTOR_5 = takes(spec(1, 5))


def read(
    source: Any,
    signature: Signature = RGB_4X6,
    *,
    preprocessing: Preprocessing | None = None,
    validation: Any = None,
    limit: int | None = None,
    audience: Audience | None = None,
) -> Calibration:
    found = open_calibration(
        source,
        validation=validation,
        signature=signature,
        preprocessing=preprocessing or Preprocessing(stated=True),
        progress=audience or Audience(),
        limit=limit,
    )
    assert found is not None
    return found


def all_values(calibration: Calibration, name: str = "x") -> list[npt.NDArray[np.float32]]:
    return [sample[name] for samples in (calibration.fit, calibration.held_out) for sample in samples]


def picture(number: int = 0, height: int = 4, width: int = 6) -> npt.NDArray[np.uint8]:
    """A picture that no other number gives, [height, width, 3]."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_pictures(folder: Path, count: int, height: int = 4, width: int = 6) -> list[npt.NDArray[np.uint8]]:
    """`000.png`, `001.png`, ... of the model's own size, so that nothing is resized."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [picture(number, height, width) for number in range(count)]
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return pictures
