"""Where a contract is known from: what a backend has just made, or a file that is read, with a manifest or without."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpuconv.calibration import Color, Resize
from dlpuconv.calibration.geometry import LETTERBOX_FILL
from dlpuconv.contract.description import Contract, Feed, Picture, height_width_channels, is_picture
from dlpuconv.contract.manifest_entries import images_record
from dlpuconv.formats.names import port_names
from dlpuconv.ir import InputBinding, Links, Port
from dlpuconv.manifest import ImagesRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.formats import FileView, TensorView
    from dlpuconv.manifest import Manifest
    from dlpuconv.plugin import Artifact


def contract_of_artifact(
    artifact: Artifact, preprocessing: Preprocessing, *, of_images: bool, computed: frozenset[str] = frozenset()
) -> Contract:
    """What a conversion knows of what it has made.

    Args:
        artifact: as the backend made it.
        preprocessing: what the network expects of an image.
        of_images: the samples were images, which came to the input's size as `preprocessing` says.
        computed: inputs that the front of a divided network computes.
    """
    told = _Said(images_record(preprocessing), of_images=of_images, computed=computed)
    return Contract(
        inputs=tuple(_feed(port, artifact.bindings.get(port.name), told) for port in artifact.inputs),
        outputs=artifact.outputs,
        known=True,
    )


def contract_of_file(view: FileView, manifest: Manifest | None) -> Contract:
    """What the file declares, and what a manifest tells of the source; a manifest of other ends tells nothing."""
    inputs, outputs = (_declared(view, indices) for indices in (view.inputs, view.outputs))
    links = manifest.links if manifest else Links(inputs=(), outputs=())
    if manifest is None or not (_same_ends(inputs, links.inputs) and _same_ends(outputs, links.outputs)):
        return Contract(inputs=tuple(_feed(port, None, _NOTHING) for port in inputs), outputs=outputs, known=False)
    told = replace(_NOTHING, computed=manifest.division.computed) if manifest.division else _NOTHING
    if manifest.images is not None:
        told = replace(told, recorded=manifest.images, of_images=manifest.samples.of_images)
    return Contract(
        inputs=tuple(_feed(port, links.bindings.get(port.name), told) for port in _known(inputs, links.inputs)),
        outputs=_known(outputs, links.outputs),
        known=True,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What is told of a model's pictures.

    Attributes:
        recorded: what the network expects of them.
        of_images: the user gave some, which came to the input's size as `recorded` says.
        computed: inputs that operators in front compute: no picture goes into them.
    """

    recorded: ImagesRecord
    of_images: bool
    computed: frozenset[str] = frozenset()


_NOTHING = _Said(ImagesRecord(resize=Resize.STRETCH, color=Color.RGB), of_images=False)


def _feed(port: Port, binding: InputBinding | None, told: _Said) -> Feed:
    binding = binding or InputBinding(name=port.name)
    if port.source_name in told.computed:
        return Feed(port=port, binding=binding, computed=True)
    return Feed(port=port, binding=binding, picture=_picture(port, binding, told))


def _picture(port: Port, binding: InputBinding, told: _Said) -> Picture | None:
    """What is known of an input's pictures; None where nothing shows that it takes any."""
    if not is_picture(port):
        return None
    recorded = told.recorded
    resized = told.of_images or recorded.resize != Resize.STRETCH
    stated = recorded.mean is not None or recorded.color != Color.RGB
    if not (binding.raw_pixels or resized or stated):
        return None
    _, _, channels = height_width_channels(port) or (0, 0, 0)
    resize = Resize(recorded.resize) if resized and recorded.resize in Resize else None
    mean, std = (_each(values, channels) for values in _left_to_do(binding, told))
    return Picture(
        color=_color(channels, binding, recorded),
        resize=resize,
        fill=LETTERBOX_FILL if resize is Resize.LETTERBOX else None,
        mean=mean if std else (),
        std=std if mean else (),
    )


def _left_to_do(binding: InputBinding, told: _Said) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std of what the application does; images that nobody normalized are pixels as they are."""
    if binding.raw_pixels:
        return (), ()
    if told.recorded.mean is None and told.of_images:
        return (0.0,), (1.0,)
    return told.recorded.mean or (), told.recorded.std or ()


def _each(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """One value for each channel; none where they are of another picture."""
    values = values * channels if len(values) == 1 else values
    return values if len(values) == channels else ()


def _color(channels: int, binding: InputBinding, recorded: ImagesRecord) -> str:
    """A camera delivers RGB, which is what raw pixels are: another order was folded into the first layer."""
    if channels == 1:
        return "GRAY"
    if channels != len("RGB"):
        return ""
    return "BGR" if recorded.color == Color.BGR and not binding.raw_pixels else "RGB"


def _same_ends(declared: Sequence[Port], said: Sequence[Port]) -> bool:
    return {port.name for port in declared} == {port.name_in_file for port in said}


def _known(declared: Sequence[Port], said: Sequence[Port]) -> tuple[Port, ...]:
    told = {port.name_in_file: port for port in said}
    return tuple(_with_source(port, told[port.name]) for port in declared)


def _with_source(declared: Port, said: Port) -> Port:
    """What the file declares, with the source's names and axes as far as they make sense."""
    fits = sorted(said.permutation) == list(range(len(declared.shape)))
    same = math.prod(said.source_shape) == math.prod(declared.shape)
    return replace(
        declared,
        name=said.name,
        file_name=declared.name,
        permutation=said.permutation if fits else declared.permutation,
        source_shape=said.source_shape if same else declared.shape,
        part=said.part,
        activation=said.activation,
    )


def _declared(view: FileView, indices: Sequence[int]) -> tuple[Port, ...]:
    tensors = [view.tensors[index] for index in indices]
    return tuple(_port(name, tensor) for name, tensor in zip(port_names(view, indices), tensors, strict=True))


def _port(name: str, tensor: TensorView) -> Port:
    affine = tensor.quantization
    sound = affine is not None and math.isfinite(affine.scale) and affine.scale > 0
    return Port(
        name=name,
        source_shape=tensor.shape,
        shape=tensor.shape,
        permutation=tuple(range(len(tensor.shape))),
        dtype=tensor.dtype,
        quantization=affine.first if affine is not None and sound else None,
    )
