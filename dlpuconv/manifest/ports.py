"""The ends of a file in its manifest: how to feed each input, and how to read each output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from dlpuconv.ir import ActivationKind, Affine, FinalActivation, InputBinding, Part, Port
from dlpuconv.manifest.fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json
    from dlpuconv.manifest.fields import Fields

_CODES = (-(1 << 31), (1 << 31) - 1)  # what a zero point may be, and an index at most


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """How to read an output: `real = (code - zero_point) * scale`, permuted back; a part goes where it says.

    Where it has an activation, that makes the source model's output of these values, which are logits.

    Attributes:
        port: the output, beside the source model's.
        layout: `NHWC` or `NCHW`; None where no axis is known to hold channels.
    """

    port: Port
    layout: str | None = None

    def to_json(self) -> dict[str, Json]:
        """An entry of `outputs`."""
        return {
            **_port_to_json(self.port, self.layout),
            "part": _part_to_json(self.port.part, "output") if self.port.part else None,
            **({"activation": _activation_to_json(self.port.activation)} if self.port.activation else {}),
        }

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """Such an entry.

        Raises:
            FieldError: a field of it cannot be.
        """
        port = _port(entry)
        if entry.has("activation"):
            port = replace(port, activation=_activation(entry.inside("activation"), port.source_shape))
        return cls(port=port, layout=_layout(entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """How to feed an input.

    Raw pixels: `code = pixel + pixel_offset`. Else `code = round((source * multiplier + offset) / scale) + zero_point`,
    saturated, then permuted.

    Attributes:
        port: the input, beside the source model's.
        layout: `NHWC` or `NCHW`; None where no axis is known to hold channels.
        binding: how values of the source model become the input's; None in a manifest that does not say.
        pixel_offset: None where no raw pixels go in.
        picture: what is known of the pictures that go in, for those who write applications; None: nothing is.
    """

    port: Port
    layout: str | None = None
    binding: InputBinding | None = None
    pixel_offset: int | None = None
    picture: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Json]:
        """An entry of `inputs`."""
        binding = self.binding or InputBinding(name=self.port.name)
        return {
            **_port_to_json(self.port, self.layout),
            "raw_pixels": binding.raw_pixels,
            "pixel_offset": self.pixel_offset,
            "channel_order": list(binding.order),
            "multiplier": list(binding.multiplier),
            "offset": list(binding.offset),
            "channel_axis": binding.channel_axis,
            "picture": None if self.picture is None else dict(self.picture),
            **({"part": _part_to_json(self.port.part, "input")} if self.port.part else {}),
        }

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """Such an entry.

        Raises:
            FieldError: a field of it cannot be.
        """
        return cls(
            port=_port(entry),
            layout=_layout(entry),
            binding=_binding(entry) if entry.has("multiplier") else None,
            pixel_offset=entry.integer("pixel_offset", *_CODES) if entry.has("pixel_offset") else None,
            picture=entry.inside("picture").content if entry.has("picture") else None,
        )


def _port_to_json(port: Port, layout: str | None) -> dict[str, Json]:
    return {
        "name": port.name,
        "file_name": port.name_in_file,
        "dtype": port.dtype,
        "shape": list(port.shape),
        "layout": layout,
        "source_shape": list(port.source_shape),
        "permutation": list(port.permutation),
        "scale": port.quantization.scale if port.quantization else None,
        "zero_point": port.quantization.zero_point if port.quantization else None,
    }


def _port(entry: Fields) -> Port:
    source_shape = entry.shape("source_shape")
    return Port(
        name=entry.text("name"),
        source_shape=source_shape,
        shape=entry.shape("shape"),
        permutation=entry.order("permutation"),
        dtype=entry.dtype("dtype"),
        quantization=_affine(entry),
        file_name=entry.text("file_name") if entry.has("file_name") else "",
        part=_part(entry.inside("part"), source_shape) if entry.has("part") else None,
    )


def _affine(entry: Fields) -> Affine | None:
    scale = entry.number("scale", positive=True) if entry.has("scale") else None
    zero_point = entry.integer("zero_point", *_CODES) if entry.has("zero_point") else None
    return None if scale is None or zero_point is None else Affine.of(scale, zero_point)


def _layout(entry: Fields) -> str | None:
    return entry.text("layout") if entry.has("layout") else None


def _part_to_json(part: Part, noun: str) -> dict[str, Json]:
    """Neighbours have neither a step nor a run."""
    told: dict[str, Json] = {noun: part.output, "axis": part.axis, "start": part.start, "stop": part.stop}
    return told if part.step == 1 else {**told, "step": part.step, "run": part.run}


def _part(entry: Fields, shape: tuple[int, ...]) -> Part:
    start = entry.integer("start", 0, _CODES[1])
    step = entry.integer("step", 2, _CODES[1]) if entry.has("step") else 1
    part = Part(
        output=entry.text("input" if entry.has("input") else "output"),
        axis=entry.integer("axis", 0, max(len(shape) - 1, 0)),
        start=start,
        stop=entry.integer("stop", start + 1, _CODES[1]),
        step=step,
        run=entry.integer("run", 1, step - 1) if entry.has("run") else 1,
    )
    if part.step > 1 and shape[part.axis : part.axis + 1] != (part.stride.count,):
        raise FieldError(f"{entry.place}step makes {part.stride.count} slices, and source_shape has another number")
    return part


def _activation_to_json(activation: FinalActivation) -> dict[str, Json]:
    told: dict[str, Json] = {"kind": activation.kind.value, "output": activation.output}
    return told if activation.axis is None else {**told, "axis": activation.axis}


def _activation(entry: Fields, shape: tuple[int, ...]) -> FinalActivation:
    kind = entry.word("kind", ActivationKind)
    softmax = kind is ActivationKind.SOFTMAX
    if entry.has("axis") is not softmax:
        raise FieldError(f"{entry.place}axis is for a softmax, which needs one")
    axis = entry.integer("axis", 0, max(len(shape) - 1, 0)) if softmax else None
    return FinalActivation(kind=kind, output=entry.text("output"), axis=axis)


def _binding(entry: Fields) -> InputBinding:
    shape, order = entry.shape("source_shape"), entry.order("channel_order")
    multiplier, offset = entry.numbers("multiplier", divisor=True), entry.numbers("offset")
    nothing = not order and multiplier == (1.0,) and offset == (0.0,)  # then there need be no channels either
    return InputBinding(
        name=entry.text("name"),
        channel_axis=entry.integer("channel_axis", 0, _CODES[1] if nothing else max(len(shape) - 1, 0)),
        multiplier=multiplier,
        offset=offset,
        order=order,
        raw_pixels=entry.flag("raw_pixels"),
    )
