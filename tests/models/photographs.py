"""Pictures to look for people in: shots of a few free photographs, and scenes that several of them are pasted into.

All are made anew from the photographs in `_data/photos`, with random numbers that are the same each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

type Pixels = npt.NDArray[np.uint8]
type Boxes = npt.NDArray[np.float32]
"""[n, 4]: x1, y1, x2, y2 in pixels."""

PHOTOS = Path(__file__).parent / "_data" / "photos"
FACES = {"astronaut": (167, 53, 255, 164), "camera": (183, 105, 239, 185), "grace_hopper": (144, 86, 276, 268)}
"""The photographs with a person, and where the face is."""
WITHOUT = ("bricks", "cat", "coffee", "grass", "rocket")
"""Those with none."""

_SEEDS = {"calib": 1, "eval": 2}
_SIDE = 320
_MOST_TRIED = 16
"""People that a scene is to take; there is no room for most of them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """People in front of something.

    Attributes:
        pixels: [320, 320, 3] uint8, RGB.
        faces: the box of each face.
    """

    pixels: Pixels
    faces: Boxes


def scenes(split: str, count: int) -> list[Scene]:
    """None to some people in each, their faces 20 to 90 pixels high; `split` is "calib" or "eval"."""
    random = np.random.default_rng(_SEEDS[split])
    return [_scene(random) for _ in range(count)]


def shots(split: str, count: int, side: int, names: tuple[str, ...]) -> Pixels:
    """[N, side, side, 3] uint8, RGB: pieces of the named photographs in turn, turned round and lit as it comes."""
    random = np.random.default_rng(_SEEDS[split])
    return np.stack([_shot(_photo(names[at % len(names)]), side, random) for at in range(count)])


@cache
def _photo(name: str) -> Image.Image:
    with Image.open(PHOTOS / f"{name}.jpg") as image:
        return image.convert("RGB")


def _scene(random: np.random.Generator) -> Scene:
    ground = _photo(WITHOUT[random.integers(len(WITHOUT))])
    pixels, faces, taken = _shot(ground, _SIDE, random), [], np.zeros((_SIDE, _SIDE), bool)
    for _ in range(random.integers(_MOST_TRIED)):
        patch, face = _person(random)
        height, width, _ = patch.shape
        top, left = random.integers(_SIDE - height + 1), random.integers(_SIDE - width + 1)
        place = np.s_[top : top + height, left : left + width]
        if not taken[place].any():
            pixels[place], taken[place] = patch, True
            faces.append(face + np.tile([left, top], 2))
    return Scene(pixels, np.array(faces, np.float32).reshape(-1, 4))


def _person(random: np.random.Generator) -> tuple[Pixels, npt.NDArray[np.float64]]:
    """A piece around a face, and the face in it."""
    name = list(FACES)[random.integers(len(FACES))]
    photo, (x1, y1, x2, y2) = _photo(name), FACES[name]
    around, scale = random.uniform(0.3, 1.0) * (y2 - y1), random.uniform(20, 90) / (y2 - y1)
    window = (max(x1 - around, 0), max(y1 - around, 0), min(x2 + around, photo.width), min(y2 + around, photo.height))
    size = [min(round(scale * (window[i + 2] - window[i])), _SIDE) for i in (0, 1)]
    scales = np.tile([size[i] / (window[i + 2] - window[i]) for i in (0, 1)], 2)
    face = (np.array([x1, y1, x2, y2]) - np.tile(window[:2], 2)) * scales
    patch = _lit(photo.resize((size[0], size[1]), Image.Resampling.BILINEAR, window, reducing_gap=2.0), random)
    if random.random() < 0.5:
        return patch[:, ::-1], np.array([size[0] - face[2], face[1], size[0] - face[0], face[3]])
    return patch, face


def _shot(photo: Image.Image, side: int, random: np.random.Generator) -> Pixels:
    """A square piece of at least 0.7 of what the photograph allows."""
    length = random.uniform(0.7, 1.0) * min(photo.size)
    left, top = random.uniform(0, photo.width - length), random.uniform(0, photo.height - length)
    window = (left, top, left + length, top + length)
    pixels = _lit(photo.resize((side, side), Image.Resampling.BILINEAR, window), random)
    return np.ascontiguousarray(pixels[:, ::-1]) if random.random() < 0.5 else pixels


def _lit(image: Image.Image, random: np.random.Generator) -> Pixels:
    bright: npt.NDArray[Any] = np.asarray(image, np.float32) * np.float32(random.uniform(0.7, 1.15))
    return np.clip(np.round(bright), 0, 255).astype(np.uint8)
