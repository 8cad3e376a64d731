"""Which input and output of a file stands for which of the source model's, for files that came without a manifest."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from dlpuconv.errors import ShapeError
from dlpuconv.formats.names import port_names
from dlpuconv.ir import Port
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.formats.view import FileView, TensorView
    from dlpuconv.ir import ValueSpec

_MOST_PERMUTED = 5  # axes; beyond this the order is kept


def match(
    view: FileView,
    indices: Sequence[int],
    wanted: Sequence[ValueSpec],
    noun: str,
    *,
    same_layout: bool = False,
    known: Mapping[str, str] | None = None,
) -> list[tuple[str, Port]]:
    """For each wanted value: the name in the file, and its port.

    Args:
        view: the file.
        indices: its tensors to choose from.
        wanted: values of the source model.
        noun: `input` or `output`, for the message.
        same_layout: axes that can stay in their order do; else channels last is the likelier order for images.
        known: names in the source model of some of the file's, where they are others there.

    Raises:
        ShapeError: a value has no counterpart.
    """

    def order(value: ValueSpec, tensor: TensorView) -> tuple[int, ...] | None:
        if same_layout and value.shape == tensor.shape:
            return tuple(range(len(value.shape)))
        return _order(value.shape, tensor.shape)

    known = known or {}
    free = dict(zip(port_names(view, indices), (view.tensors[index] for index in indices), strict=True))
    found: list[tuple[str, Port]] = []
    for value in wanted:
        fitting = [name for name, tensor in free.items() if order(value, tensor) is not None]
        name = next((n for n in fitting if _same_name(known.get(n, n), value.name)), next(iter(fitting), None))
        if name is None:
            left = listed(f"{n} {list(t.shape)}" for n, t in free.items()) or "none"
            raise ShapeError(
                f"no {noun} of the file has the shape of {value.name!r} {list(value.shape)} of the reference;"
                f" not taken yet in the file: {left}",
                id="ports-unmatched",
            )
        tensor = free.pop(name)
        found.append((name, _port(value, tensor, order(value, tensor) or tuple(range(len(value.shape))))))
    return found


def _port(value: ValueSpec, tensor: TensorView, permutation: tuple[int, ...]) -> Port:
    return Port(
        name=value.name,
        source_shape=value.shape,
        shape=tensor.shape,
        permutation=permutation,
        dtype=tensor.dtype,
        quantization=tensor.quantization and tensor.quantization.first,
    )


def _same_name(in_file: str, in_source: str) -> bool:
    """Converters decorate names: `serving_default_x:0`, `StatefulPartitionedCall_y:0`, `x:0`."""
    plain = in_file.removeprefix("serving_default_").removeprefix("StatefulPartitionedCall_").rsplit(":", 1)[0]
    return in_source in (in_file, plain)


def _order(source: tuple[int, ...], file: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axis order that makes the source's shape the file's, channels last first; None where there is none.

    Shapes that differ only in axes of one count as the same order: reshaping does the rest.
    """
    rank = len(source)
    if rank != len(file):
        same = [n for n in source if n != 1] == [n for n in file if n != 1]
        return tuple(range(rank)) if same else None
    orders = [tuple(range(rank))]
    if rank == len("NCHW"):
        orders.insert(0, (0, 2, 3, 1))  # where all fits, TFLite's own order is the likelier one
    if rank <= _MOST_PERMUTED:
        orders += [(0, *order) for order in permutations(range(1, rank))]
    return next((order for order in orders if tuple(source[axis] for axis in order) == file), None)
