"""Rules about the camera around the chip: its memory, its caches, its image scaler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.placement import parameter_bytes
from dlpuconv.plugin.rules import Hit, advice, image_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context, Rule
    from dlpuconv.plugin.views import FileView

_MIB = 2**20
_ACE_WIDTH, _ACE_HEIGHT, _ACE_PIXELS = 8, 4, 4_194_304


def largest_tried(rule: str, mib: float, known: str, source: str) -> Rule:
    """Advice on models with more parameters than the largest that is known to load, or the smallest that did not.

    Args:
        rule: its id.
        mib: parameters of that model.
        known: what is known of it, as a sentence.
        source: where that is known from.
    """

    def check(view: FileView, _: Context) -> Iterator[Hit]:
        size = parameter_bytes(view)
        if size > mib * _MIB:
            yield Hit(f"there are {size / _MIB:.1f} MiB of parameters, and activations beside them")

    return advice(rule, known, source, check, "Try it on the camera that will run it, with its applications running.")


def fits_compile_cache(rule: str, mib: int, source: str) -> Rule:
    """Advice on models that are compiled anew whenever they are loaded."""

    def check(view: FileView, _: Context) -> Iterator[Hit]:
        size = parameter_bytes(view)
        if size > mib * _MIB:
            yield Hit(f"there are {size / _MIB:.1f} MiB of parameters")

    sentence = f"The camera keeps {mib} MiB of compiled models: a larger one is compiled, for minutes, at every load."
    return advice(rule, sentence, source, check, "Choose a smaller network, or load it once and keep it loaded.")


def scalable_by_ace(view: FileView, _: Context) -> Iterator[Hit]:
    """What ARTPEC-8's image scaler makes of a camera's NV12 pictures."""
    for tensor in image_inputs(view):
        height, width, channels = tensor.shape[1:]
        if channels != 3:
            continue
        if width % _ACE_WIDTH or height < _ACE_HEIGHT or width * height >= _ACE_PIXELS:
            yield Hit(f"it is {width} x {height}", tensor.name)
