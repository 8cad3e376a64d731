"""A contract in sentences: the same ones in the report, in the code's comments and in the README beside the file."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from dlpuconv.calibration.geometry import IN_WORDS
from dlpuconv.contract.description import INTEGERS, affine_of, layout
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.contract.description import Contract, Feed, Picture
    from dlpuconv.ir import InputBinding, Part, Port

_COLORS = {"RGB": ", RGB", "BGR": ", BGR", "GRAY": ", gray", "": ""}


def shaped(port: Port) -> str:
    """`[1, 224, 224, 3] NHWC`; where the order of axes is another one than the source model's, that too."""
    order = layout(port)
    told = f"[{', '.join(map(str, port.shape))}]"
    if order is not Layout.PLAIN:
        return f"{told} {order.upper()}"
    if port.permutation in ((), tuple(range(len(port.permutation)))):
        return told
    return f"{told}, the source model's axes in the order {', '.join(map(str, port.permutation))}"


def takes(feed: Feed, contract: Contract) -> str:
    """What goes into an input, in a sentence without a full stop."""
    if feed.computed:
        return f"what the front of the network gives as {feed.port.source_name}"
    if feed.binding.raw_pixels:
        return f"raw pixels 0 to 255{_color(feed.picture)}, as the camera delivers them: {_as_they_are(feed)}"
    if not contract.known:
        return "the network's own values: see how it was trained"
    if feed.port.dtype in (*INTEGERS, "bool") and affine_of(feed.port) is None:
        return "whole numbers as they are, as the source model takes them"
    if feed.picture is not None and feed.picture.as_numbers:
        return f"pixels 0 to 255{_color(feed.picture)} as real values, which nothing normalizes"
    if feed.picture is not None and feed.picture.mean:
        mean, std = (", ".join(f"{value:.6g}" for value in values) for values in (feed.picture.mean, feed.picture.std))
        return (
            f"pixels 0 to 255{_color(feed.picture)} that the application normalizes: real = (pixel - mean) / std with "
            f"mean {mean} and std {std}"
        )
    return f"values preprocessed as for the source model{_color(feed.picture)}{_changed(feed.binding)}"


def resized(feed: Feed) -> str:
    """How a picture of another size comes to the input's, as a sentence; empty where nobody said."""
    picture = feed.picture
    if picture is None or picture.resize is None:
        return ""
    return f"Pictures of another size come to this one by {picture.resize}: {IN_WORDS[picture.resize]}."


def gives(port: Port) -> str:
    """What an output holds, and what it stands for."""
    if (affine := affine_of(port)) is not None:
        zero_point = affine.zero_point
        moved = f"(code {'+' if zero_point < 0 else '-'} {abs(zero_point)})"
        return f"codes: real = {moved if zero_point else 'code'} * {affine.scale:.9g}{logits(port)}"
    if port.dtype.startswith("float"):
        return f"real values{logits(port)}"
    return "true or false" if port.dtype == "bool" else "whole numbers as they are"


def logits(port: Port) -> str:
    """A sentence that these are no probabilities yet, where the final activation was left out; empty elsewhere."""
    activation = port.activation
    if activation is None:
        return ""
    how = "1 / (1 + exp(-real))" if activation.axis is None else f"the softmax along axis {activation.axis}"
    return f". These are logits and no probabilities: the source model's {activation.output} is {how}"


def part_of(port: Port) -> str:
    """Which slice of a source model's input or output it is; empty for a whole one."""
    if port.part is None:
        return ""
    whose = "the logits of " if port.activation else ""
    return f"{places_of(port.part)} of {whose}the source model's {port.source_name}"


def places_of(part: Part) -> str:
    """`4 to 6 on axis 1`."""
    last = part.stop - 1
    which = f"{part.start}{f' to {last}' if last > part.start else ''} on axis {part.axis}"
    runs = f" {part.run}" if part.run > 1 else ""
    return which if part.step == 1 else f"the first{runs} of every {part.step} from {which}"


def _as_they_are(feed: Feed) -> str:
    """What becomes of a pixel; normalization and scale are inside the file already."""
    if feed.pixel_offset:
        return f"code = pixel - {-feed.pixel_offset}, and nothing else"
    if feed.port.dtype.startswith("float"):
        return "the same numbers as floats, not normalized"
    return "they go in unchanged, neither normalized nor quantized"


def lines_of(text: str, width: int = 100) -> list[str]:
    """A sentence in lines that are not too long to read beside code."""
    return wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _color(picture: Picture | None) -> str:
    return _COLORS[picture.color] if picture else ""


def _changed(binding: InputBinding) -> str:
    return "".join(f", {step}" for step in _steps(binding))


def _steps(binding: InputBinding) -> Iterator[str]:
    """What happens to source values on their way into the file, where anything does."""
    if binding.order:
        yield f"channels in the order {', '.join(map(str, binding.order))}"
    if binding.multiplier != (1.0,):
        yield f"times {', '.join(f'{value:.9g}' for value in binding.multiplier)}"
    if binding.offset != (0.0,):
        yield f"plus {', '.join(f'{value:.9g}' for value in binding.offset)}"
