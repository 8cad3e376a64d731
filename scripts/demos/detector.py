"""A face detector, and a picture of what it finds: the float model beside the int8 file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from scripts.demos.attempt import Attempt, answers, source, table, tell_failures
from tests.models import zoo
from tests.models.photographs import scenes

if TYPE_CHECKING:
    import numpy.typing as npt
    from rich.console import Console

    from tests.models.photographs import Scene

    type Boxes = npt.NDArray[Any]
    """[n, 6]: class, score, x1, y1, x2, y2."""

TITLE = "a face detector, whose boxes are drawn: the float model's beside the int8 file's"

_NAME = "face_retinaface_mnet025"
_SAMPLES, _DRAWN, _LEAST_SCORE = 60, 4, 0.5
FLOAT, INT8 = (46, 204, 113), (255, 159, 28)
"""Colours of boxes."""
_CAPTION, _GAP = 18, 6


def run(output: Path, console: Console) -> int:
    """Convert, measure, print, draw.

    Returns:
        0 if the file passed its verification, else 1.
    """
    console.print(f"Converting {_NAME}, trained on WIDER FACE, for artpec8 ...")
    with tempfile.TemporaryDirectory() as folder:
        for number, scene in enumerate(scenes("calib", _SAMPLES)):
            Image.fromarray(scene.pixels).save(Path(folder, f"{number:03}.png"))
        found = Attempt.of(
            source(_NAME), output, target="artpec8", calibration=folder, color="bgr", mean=(104, 117, 123), std=(1,) * 3
        )
    console.print("", table(_NAME, [found]), "", sep="\n")
    console.print(
        "(average precision at an IoU of 0.5, over 60 scenes that were not used for calibration, composed of a few"
    )
    console.print("free photographs)\n")
    tell_failures(console, [found])
    picture = output / "faces.png"
    _drawn(source(_NAME), found.paths[0]).save(picture)
    console.print(f"The boxes that both find, float on the left, int8 on the right: {picture}", soft_wrap=True)
    return 0 if found.conversion.verdict == "pass" else 1


def _drawn(model: Path, file: Path) -> Image.Image:
    """Some scenes twice, one above the other."""
    task = zoo.task(_NAME)
    shown = sorted(scenes("eval", 60), key=lambda scene: -len(scene.faces))[:_DRAWN]
    samples = task.prepare(np.stack([scene.pixels for scene in shown]))
    columns = [task.detections(answers(path, samples)) for path in (model, file)]
    rows = [
        np.hstack([_with_boxes(scene, boxes, colour) for boxes, colour in zip(found, (FLOAT, INT8), strict=True)])
        for scene, *found in zip(shown, *columns, strict=True)
    ]
    sheet = Image.new("RGB", (rows[0].shape[1], _CAPTION + sum(len(row) for row in rows)), "white")
    for at, text in enumerate(("float", "int8 for ARTPEC-8")):
        ImageDraw.Draw(sheet).text((at * sheet.width // 2 + _GAP, 3), text, "black")
    sheet.paste(Image.fromarray(np.vstack(rows)), (0, _CAPTION))
    return sheet


def _with_boxes(scene: Scene, found: Boxes, colour: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    image = Image.fromarray(scene.pixels)
    draw = ImageDraw.Draw(image)
    for _, score, *box in found[found[:, 1] > _LEAST_SCORE]:
        draw.rectangle(box, outline=colour, width=2)
        draw.text((box[0], box[1] - 12), f"{score:.2f}", colour)
    return np.pad(np.asarray(image), ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
