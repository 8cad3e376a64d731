"""From what a user types to a Preprocessing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv.calibration.preprocess import PRESETS, Color, Preprocessing, Resize
from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum

type Numbers = str | float | Sequence[float]
"""One number or several: `127.5`, `(1, 2, 3)`, or as typed, `"123.675,116.28,103.53"`."""

_WHITE = 255.0


def make_preprocessing(
    *,
    resize: str | Resize | None = None,
    color: str | Color | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    preset: str | None = None,
) -> Preprocessing:
    """The preprocessing that these options describe; None stands for the default.

    Args:
        resize: `stretch` (default), `letterbox` or `center-crop`.
        color: `rgb` (default), `bgr` or `gray`.
        mean: in 0-255 units, one value or one a channel, in the network's channel order.
        std: like mean.
        preset: a name in PRESETS, instead of mean and std. Its values follow the colours: with `bgr` they are reversed.

    Raises:
        UsageError: an unknown word, a number that is none, a std that is not positive, a wrong count, a mean and std
            for pixels of 0-1, or a preset beside mean or std.
    """
    geometry = _choice("--resize", resize, Resize) or Resize.STRETCH
    order = _choice("--color", color, Color) or Color.RGB
    if preset is not None:
        if mean is not None or std is not None:
            raise UsageError(
                f"--preset {preset} already sets mean and std: give either --preset or --mean and --std",
                id="options-conflict",
            )
        means, stds = _preset(preset, order)
    else:
        means = (0.0,) if mean is None else _numbers("--mean", mean)
        stds = (1.0,) if std is None else _numbers("--std", std)
    _check(means, stds, order)
    _demand_pixel_units(means, stds)
    stated = not (mean is None and std is None and preset is None)
    return Preprocessing(resize=geometry, color=order, mean=means, std=stds, stated=stated)


def _choice[C: StrEnum](option: str, value: str | C | None, kind: type[C]) -> C | None:
    if value is None:
        return None
    known = [member.value for member in kind]
    if value not in known:
        raise UsageError(
            f"{option} {value!r} is not one of {', '.join(known)}{did_you_mean(value, known)}", id="option-value"
        )
    return kind(value)


def _preset(name: str, color: Color) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if name not in PRESETS:
        raise UsageError(
            f"--preset {name!r} is not one of {', '.join(PRESETS)}{did_you_mean(name, PRESETS)}", id="option-value"
        )
    mean, std = PRESETS[name]
    return (mean[::-1], std[::-1]) if color is Color.BGR else (mean, std)


def _numbers(option: str, value: Numbers) -> tuple[float, ...]:
    parts: Sequence[str | float]
    if isinstance(value, str):
        parts = value.strip().strip("[]()").replace(",", " ").split()
    else:
        parts = (value,) if isinstance(value, (int, float)) else tuple(value)
    try:
        numbers = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not all(map(math.isfinite, numbers)):
        raise UsageError(
            f"{option} {value!r} is not a list of numbers in 0-255 units such as 123.675,116.28,103.53",
            id="option-value",
        )
    return numbers


def _check(mean: tuple[float, ...], std: tuple[float, ...], color: Color) -> None:
    allowed = (1,) if color is Color.GRAY else (1, 3) if color is Color.BGR else (1, 3, 4)
    for option, values in (("--mean", mean), ("--std", std)):
        if len(values) not in allowed:
            raise UsageError(
                f"{option} has {len(values)} values; with --color {color}, it takes {' or '.join(map(str, allowed))}",
                id="preprocessing-channels",
            )
    if min(std) <= 0:
        raise UsageError(
            f"--std {','.join(f'{s:g}' for s in std)}: every value must be greater than 0", id="option-value"
        )


def _demand_pixel_units(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Refuse what was meant for pixels of 0-1, where training code states it: pixels here are 0-255.

    Only a mean of 0 with a std of 1 is the same in both units: none at all.
    """
    fractions = max(map(abs, mean)) < 1 and max(std) <= 1
    if (set(mean), set(std)) == ({0.0}, {1.0}) or not (fractions or max(std) < 1):
        return
    scaled = [f"{option} {_listed(value)}" for option, value in (("--mean", mean), ("--std", std))]
    wanted = [f"--mean {_listed(mean, _WHITE if fractions else 1)}", f"--std {_listed(std, _WHITE)}"]
    raise UsageError(
        f"{' '.join(scaled)}: these are probably values for pixels of 0-1, but mean and std are stated for pixels of"
        f" 0-255, as cameras deliver them: give {' '.join(wanted)}",
        id="preprocessing-units",
    )


def _listed(values: tuple[float, ...], factor: float = 1) -> str:
    return ",".join(f"{value * factor:.7g}" for value in values)
