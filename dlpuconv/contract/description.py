"""The description itself: what an application gives a file, and what it makes of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.ir.signature import IMAGE_CHANNELS, Layout

if TYPE_CHECKING:
    from dlpuconv.calibration import Resize
    from dlpuconv.ir import Affine, InputBinding, Part, Port

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
"""Types of ends that have codes."""

_INT8_LEAST = -128


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a camera's picture must be like for an input, and what the application does to its pixels.

    Attributes:
        color: `RGB`, `BGR` or `GRAY`, as the input takes it; empty where its channels have no such names.
        resize: how a picture of another size comes to the input's; None where nobody said.
        fill: gray level of pixels beside a letterboxed picture; None for another `resize`.
        mean: what the application subtracts of each pixel, in 0-255 units, by channel; zeros where calibration took
            pixels as they are. Empty where pixels are codes, or where nobody said what becomes of them.
        std: what it divides by after that, likewise.
    """

    color: str = ""
    resize: Resize | None = None
    fill: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def as_numbers(self) -> bool:
        """Whether pixels are the real values that the network was made for: there is nothing to normalize."""
        return set(self.mean) == {0.0} and set(self.std) == {1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One input, and what goes into it.

    Attributes:
        port: the input.
        binding: how values of the source model become the input's.
        picture: what is known of the pictures that go in; None for anything else.
        computed: the front of a divided network gives it, and nobody else.
    """

    port: Port
    binding: InputBinding
    picture: Picture | None = None
    computed: bool = False

    @property
    def pixel_offset(self) -> int | None:
        """`code = pixel + offset`, where raw pixels go in: neither scale nor zero point is theirs. None elsewhere."""
        if not self.binding.raw_pixels:
            return None
        return _INT8_LEAST if self.port.dtype == "int8" else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Both ends of a file, in the file's own order.

    Attributes:
        inputs: what goes in.
        outputs: what comes out.
        known: False where nothing but the file itself tells what its ends are.
    """

    inputs: tuple[Feed, ...]
    outputs: tuple[Port, ...]
    known: bool

    @property
    def parts(self) -> dict[tuple[str, int], list[tuple[int, Part]]]:
        """By name and axis of each output of the source model that was split: its parts in order, with their number."""
        found: dict[tuple[str, int], list[tuple[int, Part]]] = {}
        for number, port in enumerate(self.outputs):
            if port.part is not None:
                found.setdefault((port.source_name, port.part.axis), []).append((number, port.part))
        return {whole: sorted(pieces, key=lambda piece: piece[1].start) for whole, pieces in found.items()}


def affine_of(port: Port) -> Affine | None:
    """What the codes of an end stand for; None where it has real values, or numbers that are what they say."""
    return port.quantization if port.dtype in INTEGERS else None


def layout(port: Port) -> Layout:
    """The order of an end's axes, where it has four of which one may hold channels; else `PLAIN`.

    Where the axes are those of the source model, only the number of channels can tell; where they were turned, the
    source model's channels are followed, which an exporter puts on axis 1 unless only the last one can be theirs.
    """
    if len(port.shape) != len("NHWC") or len(port.source_shape) != len(port.shape):
        return Layout.PLAIN
    first, last = (port.source_shape[axis] in IMAGE_CHANNELS for axis in (1, 3))
    if port.permutation == tuple(range(len(port.shape))):
        return Layout.PLAIN if first == last else Layout.NCHW if first else Layout.NHWC
    channels = 3 if last and not first else 1
    return {1: Layout.NCHW, 3: Layout.NHWC}.get(port.permutation.index(channels), Layout.PLAIN)


def height_width_channels(port: Port) -> tuple[int, int, int] | None:
    """Height, width and channels of a port that can be a picture or a feature map; None for any other port."""
    match layout(port):
        case Layout.NHWC:
            return port.shape[1], port.shape[2], port.shape[3]
        case Layout.NCHW:
            return port.shape[2], port.shape[3], port.shape[1]
        case Layout.PLAIN:
            return None


def is_picture(port: Port) -> bool:
    """Whether a camera's picture could be put into this end."""
    extents = height_width_channels(port)
    return extents is not None and extents[2] in IMAGE_CHANNELS
