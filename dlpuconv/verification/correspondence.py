"""Which activation of a file stands for which value of the source model, and in which order of axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.view import FileView, LayerView, TensorView

type Order = tuple[int, ...]

_MOST_AXES = 5  # axes longer than one; beyond this nothing is tried
_CHANNELS_LAST: Order = (1, 2, 0)  # CHW -> HWC: TFLite's order is the likeliest


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """An activation and the source value that it stands for.

    Attributes:
        layer: makes the activation.
        tensor: the activation.
        source: name of the value in the source model.
        orders: axis orders that make the source's shape the file's, of the axes longer than one; the likeliest first.
    """

    layer: LayerView
    tensor: TensorView
    source: str
    orders: tuple[Order, ...]


def counterparts(view: FileView, shapes: Mapping[str, tuple[int, ...]]) -> list[Counterpart]:
    """Every activation that bears the name of a source value and can have its shape, in the file's order.

    Args:
        view: the file.
        shapes: of the source model's values, by name.
    """
    names = _named(view, shapes)
    found = []
    for layer in view.layers:
        for index in layer.outputs:
            tensor, source = view.tensors[index], names.get(index)
            if source is None or not _is_real(tensor):
                continue
            orders = tuple(_orders(shapes[source], tensor.shape))
            if orders:
                found.append(Counterpart(layer=layer, tensor=tensor, source=source, orders=orders))
    return found


def plain_name(name: str) -> str:
    """A value's name without what converters put around it: `serving_default_x:0`, `StatefulPartitionedCall_y`."""
    plain = name.removeprefix("serving_default_").removeprefix("StatefulPartitionedCall_")
    stem, colon, number = plain.rpartition(":")
    return stem if colon and number.isdigit() else plain


def in_order(value: npt.NDArray[np.generic], order: Order, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """A source value in the file's order of axes and shape."""
    return value.squeeze().transpose(order).reshape(shape)


def _named(view: FileView, shapes: Mapping[str, tuple[int, ...]]) -> dict[int, str]:
    """Name in the source by tensor index; QUANTIZE changes codes but no value, so what it reads is what it makes."""
    found = {tensor.index: name for tensor in view.tensors if (name := _source_name(tensor.name, shapes))}
    steps = [(step.inputs[0], step.outputs[0]) for step in view.layers if step.op == "QUANTIZE" and step.inputs]
    for read, made in steps:
        if read in found:
            found.setdefault(made, found[read])
    for read, made in reversed(steps):
        if made in found:
            found.setdefault(read, found[made])
    return found


def _is_real(tensor: TensorView) -> bool:
    """Whether its values are numbers of some unit, not indices or truth values."""
    if tensor.quantization is None:
        return tensor.is_float
    return not tensor.quantization.per_channel


def _source_name(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    return next((candidate for candidate in (name, plain_name(name)) if candidate in shapes), "")


def _orders(source: tuple[int, ...], file: tuple[int, ...]) -> Iterator[Order]:
    """Orders of the source's axes that give the file's shape, axes of one left out."""
    have, want = [n for n in source if n != 1], [n for n in file if n != 1]
    if sorted(have) != sorted(want) or len(have) > _MOST_AXES or any(n < 0 for n in want):
        return
    likely = [_CHANNELS_LAST, tuple(range(len(have)))]
    first = [o for o in likely if len(o) == len(have) and [have[axis] for axis in o] == want]
    yield from first
    for order in _arrangements(have, want, ()):
        if order not in first:
            yield order


def _arrangements(have: list[int], want: list[int], taken: Order) -> Iterator[Order]:
    if len(taken) == len(want):
        yield taken
        return
    for axis, extent in enumerate(have):
        if axis not in taken and extent == want[len(taken)]:
            yield from _arrangements(have, want, (*taken, axis))
