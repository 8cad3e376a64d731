"""Every input gets a static shape: batch 1, what the user said, and what the model says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import ShapeError, UnsupportedModelError, did_you_mean
from dlpuconv.frontends.batches import FirstAxis, first_axis, holds_pictures
from dlpuconv.frontends.options import shape_flag
from dlpuconv.frontends.report import raise_together
from dlpuconv.frontends.weights import FLOATS, INTEGERS, SMALL, type_name
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

type Declared = tuple[int | str, ...]
"""An input's shape as the model gives it: a number, a symbol, or "" where it says nothing."""

_BATCHES = ("batch", "batch_size", "n", "b", "bs")
"""What people call a batch."""
_ONLY = "; only tensors of numbers can be converted"
_TOO_SMALL = ", which only weights of quantized models can be: give the model float32, or integers of 8 bits or more"
_LETTERS = {3: ("N", "C", "L"), 4: ("N", "C", "H", "W"), 5: ("N", "C", "D", "H", "W")}


def screen_types(graph: onnx.GraphProto) -> None:
    """Check that every input and output is a tensor of numbers.

    Raises:
        UnsupportedModelError: one is a sequence, a map, optional, text or complex.
    """
    screen_inputs(graph)
    found = {value.name: what for value in graph.output if (what := _strange(value))}
    if found:
        told = [f"the output {name!r} is {what}" for name, what in found.items()]
        raise UnsupportedModelError(listed(told, separator="; "), told, found, id="ports-not-numbers")


def screen_inputs(graph: onnx.GraphProto) -> None:
    """Check that every input is a tensor of numbers.

    Raises:
        UnsupportedModelError: one is something else, or of no known type.
    """
    untyped = f"a tensor of no known type{_ONLY}"
    told = [
        f"the input {value.name!r} is {what}"
        for value in graph.input
        if (what := _strange(value) or ("" if value.type.tensor_type.elem_type else untyped))
    ]
    if told:
        raise UnsupportedModelError(listed(told, separator="; "), told, id="ports-not-numbers")


def _strange(value: onnx.ValueInfoProto) -> str:
    """What a value is that is no tensor of numbers; empty for one that is, or may be."""
    form = value.type.WhichOneof("value") or "tensor_type"
    data_type = value.type.tensor_type.elem_type
    if form != "tensor_type":
        kind = form.removesuffix("_type").replace("_", " ")
        return f"{'an' if kind[0] == 'o' else 'a'} {kind}{_ONLY}"
    if data_type and data_type not in FLOATS and data_type not in INTEGERS:
        return f"a tensor of {type_name(data_type)}{_TOO_SMALL if data_type in SMALL else _ONLY}"
    return ""


def bind_inputs(graph: onnx.GraphProto, asked: Mapping[str, tuple[int, ...]]) -> None:
    """Give every input a static shape, in place.

    Args:
        graph: without initializers among its inputs.
        asked: shape by input name; "" stands for the only input.

    Raises:
        ShapeError: an input's shape is unknown, impossible, or asked for in another rank; or there is no such input.
    """
    named = _resolve_names([value.name for value in graph.input], asked)
    declared = {value.name: declared_shape(value) for value in graph.input}
    symbols = _symbols(declared, named)
    shapes: dict[str, tuple[int, ...]] = {}
    problems: list[ShapeError] = []
    for name, shape in declared.items():
        try:
            shapes[name] = _static(name, shape, named.get(name), symbols)
        except ShapeError as error:
            problems.append(error)
    batches = _batches(graph, {name: shape for name, shape in shapes.items() if name not in named})
    problems += [ShapeError(text, id="shape-batch-fixed") for text in batches]
    raise_together(problems)
    for value in graph.input:
        set_shape(value, shapes[value.name])


def declared_shape(value: onnx.ValueInfoProto) -> Declared | None:
    """The shape that the model gives, or None where it does not even give a rank."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    dims = value.type.tensor_type.shape.dim
    # Some exporters write -1 for an unknown extent.
    known = (dim.HasField("dim_value") and dim.dim_value >= 0 for dim in dims)
    return tuple(dim.dim_value if k else dim.dim_param for k, dim in zip(known, dims, strict=True))


def set_shape(value: onnx.ValueInfoProto, shape: tuple[int, ...]) -> None:
    """Declare a static shape, in place."""
    value.type.tensor_type.ClearField("shape")
    value.type.tensor_type.shape.SetInParent()
    for extent in shape:
        value.type.tensor_type.shape.dim.add(dim_value=extent)


def _resolve_names(known: list[str], asked: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    named: dict[str, tuple[int, ...]] = {}
    inputs = listed(map(repr, known))
    for name, shape in asked.items():
        if not name and len(known) != 1:
            raise ShapeError(
                f"the model has {len(known)} inputs, so --input-shape must name one of {inputs}",
                id="shape-input-unnamed",
            )
        if name and name not in known:
            raise ShapeError(f"--input-shape names {name!r}, and the model's inputs are {inputs}"
                             f"{did_you_mean(name, known)}", id="shape-input-unknown")  # fmt: skip
        if not all(0 < extent < 2**31 for extent in shape):
            raise ShapeError(f"{shape_flag(name, shape)} has an extent outside of 1..2147483647", id="shape-impossible")
        named[name or known[0]] = tuple(shape)
    return named


def _symbols(declared: Mapping[str, Declared | None], named: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Extent by symbol: what was asked for one input holds for all; a symbol that is a batch is 1."""
    symbols: dict[str, int] = {}
    for name, shape in declared.items():
        if name in named and shape is not None and len(shape) == len(named[name]):
            symbols |= {s: n for s, n in zip(shape, named[name], strict=True) if isinstance(s, str) and s}
    for shape in declared.values():
        if shape and isinstance(shape[0], str) and shape[0]:
            symbols.setdefault(shape[0], 1)
        # A recurrent state, [layers, batch, features].
        if shape and len(shape) == 3 and isinstance(shape[0], int) and str(shape[1]).lower() in _BATCHES:
            symbols.setdefault(str(shape[1]), 1)
    return symbols


def _static(
    name: str, declared: Declared | None, asked: tuple[int, ...] | None, symbols: Mapping[str, int]
) -> tuple[int, ...]:
    if declared is None and asked is None:
        raise ShapeError(f"the model does not say the shape of its input {name!r}: give it with"
                         f" {shape_flag(name, (1, 3, 'H', 'W'))} (or as many extents as it has)",
                         id="shape-unknown")  # fmt: skip
    if asked is not None:
        if declared is not None and len(declared) != len(asked):
            raise ShapeError(
                f"{shape_flag(name, asked)} has {len(asked)} extents, and the input is {shown(declared)}",
                id="shape-rank",
            )
        return asked
    assert declared is not None
    bound = tuple(symbols.get(extent, extent) if isinstance(extent, str) else extent for extent in declared)
    if bound and bound[0] == "":
        bound = (1, *bound[1:])
    _check_known(name, declared, bound)
    return tuple(int(extent) for extent in bound)


def _batches(graph: onnx.GraphProto, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """A sentence for each of these inputs that has a batch of another size than 1."""
    batched = {value.name for value in graph.input if shapes.get(value.name, ())[:1] == (1,)}
    return [
        f"the input {name!r} has the fixed batch {shape[0]} in {shown(shape)}, and a camera runs one sample at"
        f" a time: try {shape_flag(name, (1, *shape[1:]))}"
        + ("" if holds_pictures(shape) else f" (or {shape_flag(name, shape)} if that is not a batch)")
        for name, shape in shapes.items()
        if len(shape) > 1 and shape[0] != 1 and first_axis(graph, name, shape, batched) is FirstAxis.BATCH
    ]


def _check_known(name: str, declared: Declared, bound: Declared) -> None:
    if any(isinstance(extent, int) and extent <= 0 for extent in bound):
        bad = next(axis for axis, extent in enumerate(bound) if isinstance(extent, int) and extent <= 0)
        raise ShapeError(f"the input {name!r} of shape {shown(declared)} has the extent {bound[bad]} on axis {bad};"
                         f" give the real one with {shape_flag(name, _flag_shape(bound))}",
                         id="shape-unknown")  # fmt: skip
    unknown = [axis for axis, extent in enumerate(bound) if isinstance(extent, str)]
    if unknown:
        which = ", ".join(f"{axis} ({bound[axis]})" if bound[axis] else str(axis) for axis in unknown)
        raise ShapeError(f"the input {name!r} of shape {shown(declared)} has no extent on axis {which}; give it with"
                         f" {shape_flag(name, _flag_shape(bound))}",
                         id="shape-unknown")  # fmt: skip


def _flag_shape(bound: Declared) -> tuple[int | str, ...]:
    letters = _LETTERS.get(len(bound), tuple(f"D{axis}" for axis in range(len(bound))))
    if len(bound) == 3 and bound[0] in (3, 4):
        letters = ("C", "H", "W")
    channels_last = len(bound) == 4 and bound[3] in (1, 3, 4)
    if channels_last:
        letters = ("N", "H", "W", "C")
    return tuple(
        extent if isinstance(extent, int) and extent > 0 else letter
        for extent, letter in zip(bound, letters, strict=True)
    )


def shown(shape: Declared) -> str:
    """A shape for people, unknown extents as `?`."""
    return f"[{', '.join(str(extent) if extent != '' else '?' for extent in shape)}]"
