"""What a model takes and gives: names, static shapes, dtypes, and which axes are an image's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IMAGE_CHANNELS = (1, 3, 4)
LAYOUT = "dlpuconv.layout"
"""Key of a value's metadata in a graph: the order of its axes, where the source's format tells."""


class Layout(StrEnum):
    """Which axis holds the channels of a value."""

    NCHW = "nchw"
    NHWC = "nhwc"
    PLAIN = "plain"
    """Not an image: the axes have no spatial meaning that dlpuconv knows of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSpec:
    """One input or output.

    Attributes:
        name: the name in the source model.
        shape: static extents, batch first where there is one.
        dtype: numpy name, such as `float32`.
        layout: NCHW for rank-4 values with channels on axis 1, NHWC for those with channels on axis 3.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    layout: Layout

    @classmethod
    def of(cls, name: str, shape: tuple[int, ...], dtype: str, told: str = "") -> ValueSpec:
        """A value whose layout is what is told of it, or else what its shape says."""
        layout = Layout.NCHW if len(shape) == len("NCHW") else Layout.PLAIN
        last = shape[3] in IMAGE_CHANNELS and shape[1] not in IMAGE_CHANNELS if layout is Layout.NCHW else False
        if layout is Layout.NCHW and (told == Layout.NHWC or last):
            layout = Layout.NHWC
        return cls(name=name, shape=shape, dtype=dtype, layout=layout)

    @property
    def is_image(self) -> bool:
        """True for a rank-4 value of 1, 3 or 4 channels, which a camera could deliver."""
        return self.layout is not Layout.PLAIN and self.channels in IMAGE_CHANNELS

    @property
    def channels(self) -> int:
        """Extent of the channel axis; 1 for a plain value."""
        if self.layout is Layout.PLAIN:
            return 1
        return self.shape[1] if self.layout is Layout.NCHW else self.shape[-1]

    @property
    def height_width(self) -> tuple[int, int]:
        """Height and width in pixels.

        Raises:
            ValueError: the value is not an image.
        """
        if self.layout is Layout.PLAIN:
            raise ValueError(f"{self.name} is not an image: {self.shape}")
        h, w = self.shape[2:] if self.layout is Layout.NCHW else self.shape[1:3]
        return h, w


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of a model, in the source model's order."""

    inputs: tuple[ValueSpec, ...]
    outputs: tuple[ValueSpec, ...]

    def input(self, name: str) -> ValueSpec:
        """The input of this name.

        Raises:
            KeyError: there is none.
        """
        return next_named(self.inputs, name)

    def output(self, name: str) -> ValueSpec:
        """The output of this name.

        Raises:
            KeyError: there is none.
        """
        return next_named(self.outputs, name)


def next_named(values: tuple[ValueSpec, ...], name: str) -> ValueSpec:
    """The value of this name.

    Raises:
        KeyError: there is none.
    """
    for value in values:
        if value.name == name:
            return value
    raise KeyError(name)


def is_planar_image(shape: tuple[int, ...]) -> bool:
    """Whether a value of this shape could be a picture with its channels on axis 1."""
    return len(shape) == len("NCHW") and shape[1] in IMAGE_CHANNELS
