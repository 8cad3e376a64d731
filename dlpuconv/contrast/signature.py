"""What the samples of a comparison look like: the inputs and outputs that both files are seen through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.names import port_names
from dlpuconv.ir import Layout, Signature, ValueSpec
from dlpuconv.ir.ports import source_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dlpuconv.contrast.compare import ComparedFile
    from dlpuconv.formats import FileView
    from dlpuconv.ir import Model, Port

_IMAGE_CHANNELS = (1, 3, 4)
_IMAGE_RANK = 4


def signature_of(reference: Model | None, files: Sequence[ComparedFile]) -> Signature:
    """The float source's; else that of the first manifest there is, which is its source's too; else the first file's.

    Args:
        reference: the float source, if the user gave it.
        files: both, the first one first.
    """
    if reference is not None:
        return reference.signature
    for file in files:
        if file.manifest is not None:
            return Signature(_of_ports(file.manifest.links.inputs), _of_ports(file.manifest.links.outputs))
    view = files[0].view
    return Signature(_of_tensors(view, view.inputs), _of_tensors(view, view.outputs))


def _of_ports(ports: Iterable[Port]) -> tuple[ValueSpec, ...]:
    """Values of the source model; the parts of one are one again."""
    return tuple(_spec(name, shape) for name, shape in source_shapes(ports).items())


def _of_tensors(view: FileView, indices: tuple[int, ...]) -> tuple[ValueSpec, ...]:
    named = zip(port_names(view, indices), indices, strict=True)
    return tuple(_spec(name, view.tensors[index].shape) for name, index in named)


def _spec(name: str, shape: tuple[int, ...]) -> ValueSpec:
    layout = Layout.NCHW if len(shape) == _IMAGE_RANK else Layout.PLAIN
    if layout is Layout.NCHW and shape[3] in _IMAGE_CHANNELS and shape[1] not in _IMAGE_CHANNELS:
        layout = Layout.NHWC
    return ValueSpec(name=name, shape=shape, dtype="float32", layout=layout)
