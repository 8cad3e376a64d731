"""Arrays of unknown origin -> samples of a known input: shapes, dtypes and names are checked.

What has another name than the input feeds it only where nothing else could.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.hints import hint
from dlpuconv.errors import CalibrationError, did_you_mean
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.ir import Signature, ValueSpec

type Array = npt.NDArray[np.generic]
type ShapeOf = Callable[[str], tuple[int, ...] | None]
"""The shape of what has this name; None for what is no array of numbers."""

_UNNAMED = "arr_0"
"""What numpy.savez calls an array that was given no name."""
_NUMBERS = "biuf"
"""Kinds of dtypes: truth values and real numbers."""


def rows_of(spec: ValueSpec, shape: tuple[int, ...], origin: str) -> int:
    """How many samples an array of this shape holds for the input `spec`.

    `[N, C, H, W]` and `[N, 1, C, H, W]` hold N samples of an input `[1, C, H, W]`; `[C, H, W]` holds one. Axes
    of extent 1 may be left out: `[N, H, W]` holds gray pictures, `[N, L, F]` recurrent states `[L, 1, F]`.

    Raises:
        CalibrationError: the shape does not fit.
    """
    count = _rows(spec.shape, shape)
    if count is None:
        raise CalibrationError(
            f"{origin} has the shape {_text(shape)}, but the input {spec.name!r} takes {_text(spec.shape)}: "
            f"N samples are {_form(spec)}{hint(spec, shape)}",
            id="calibration-shape",
        )
    return count


def _rows(want: tuple[int, ...], shape: tuple[int, ...]) -> int | None:
    if shape[1:] == want and len(shape) == len(want) + 1:
        return shape[0]
    if len(shape) == len(want) >= 1 and shape[1:] == want[1:] and shape[0] % want[0] == 0:
        return shape[0] // want[0]
    if want[:1] == (1,) and shape == want[1:]:
        return 1
    if shape and _bare(shape[1:]) == _bare(want):
        return shape[0]
    return 1 if _bare(shape) == _bare(want) else None


def _bare(shape: tuple[int, ...]) -> list[int]:
    """Without the axes that hold nothing apart."""
    return [extent for extent in shape if extent != 1]


def _form(spec: ValueSpec) -> str:
    """The shape that N samples have, for messages."""
    return f"[N{''.join(f', {extent}' for extent in spec.shape[spec.shape[:1] == (1,) :])}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What feeds a model's inputs.

    Attributes:
        keys: name of the array by name of the input, in the model's order.
        notes: what was not settled by names, for the user to read.
    """

    keys: Mapping[str, str]
    notes: tuple[str, ...] = ()


def choose(signature: Signature, names: Collection[str], shape_of: ShapeOf, origin: str) -> Choice:
    """Which of `names` feeds each input; names that feed none, such as labels, are left alone.

    A model of one input accepts a single array of any name. Otherwise an array of another name feeds an input where it
    is the only one with that input's shape.

    Raises:
        CalibrationError: an input has no array, or several that could be meant.
    """
    inputs = signature.inputs
    if len(inputs) == 1 and len(names) == 1:
        (key,) = names
        taken = f"in the calibration data, {key!r} is taken for the input {inputs[0].name!r}: nothing else is there"
        return Choice(keys={inputs[0].name: key}, notes=() if key in (inputs[0].name, origin, _UNNAMED) else (taken,))
    missing = [spec for spec in inputs if spec.name not in names]
    if not missing:
        return Choice(keys={spec.name: spec.name for spec in inputs})
    others = [name for name in names if name not in {spec.name for spec in inputs}]
    shapes = {name: shape for name in others if (shape := shape_of(name)) is not None}
    asked = f"{origin} holds {_names(names) or 'no arrays'}, but the model takes {_names([i.name for i in inputs])}"
    found = _by_shape(missing, shapes, asked)
    if not found:
        gone = [spec.name for spec in missing]
        raise CalibrationError(
            f"{asked}: {_names(gone)} missing{did_you_mean(gone[0], list(map(str, others)))}"
            f"{_why_none(missing, shapes)}",
            id="calibration-input-missing",
        )
    notes = [
        f"in the calibration data, {key!r} is taken for the input {name!r}: nothing else there has its shape"
        for name, key in found.items()
    ]
    return Choice(keys={spec.name: found.get(spec.name, spec.name) for spec in inputs}, notes=tuple(notes))


def _by_shape(missing: list[ValueSpec], shapes: Mapping[str, tuple[int, ...]], asked: str) -> dict[str, str]:
    """Arrays by input, matched by shape; empty if an input has no array of its own shape, or two inputs share one."""
    feeds: dict[str, str] = {}
    for spec in missing:
        fitting = [name for name, shape in shapes.items() if _rows(spec.shape, shape) is not None]
        # Labels of a batch that happens to be as long as the input is: what has a batch axis comes first.
        most = max((len(shapes[name]) for name in fitting), default=0)
        fitting = [name for name in fitting if len(shapes[name]) == most]
        if len(fitting) > 1:
            found = listed((f"{name!r} {_text(shapes[name])}" for name in fitting), 3)
            single = all(_bare(shapes[name]) == _bare(spec.shape) for name in fitting)
            way = "if each is one sample, stack them in one array (numpy.stack)" if single else "rename the right one"
            raise CalibrationError(
                f"{asked}: {found} have the shape of {spec.name!r} {_text(spec.shape)}; {way}",
                id="calibration-inputs-ambiguous",
            )
        if fitting:
            feeds[spec.name] = fitting[0]
    return feeds if len(set(feeds.values())) == len(missing) else {}


def _why_none(missing: Iterable[ValueSpec], shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What was found and what was wanted, where there are arrays of other names."""
    if not shapes:
        return ""
    found = listed(f"{name!r} is {_text(shape)}" for name, shape in shapes.items())
    wanted = ", ".join(f"{spec.name!r} takes {_text(spec.shape)}" for spec in missing)
    hints = (hint(spec, shape) for spec in missing for shape in shapes.values())
    return f"; no other array fits: {found}; {wanted}{next(filter(None, hints), '')}"


def shape_of_value(value: object) -> tuple[int, ...] | None:
    """The shape of an array of numbers; None for anything else."""
    try:
        array = as_array(value, "")
    except CalibrationError:
        return None
    return array.shape if array.dtype.kind in _NUMBERS else None


def fit(spec: ValueSpec, values: Array, origin: str) -> Array:
    """One sample's values with the input's shape and dtype.

    Floats may lose precision; integers must keep their value.

    Raises:
        CalibrationError: the dtype is no number, or a value has no exact form in the input's dtype.
    """
    dtype = np.dtype(spec.dtype)
    check_dtype(values.dtype, origin)
    values = values.reshape(spec.shape)
    if values.dtype == dtype:
        return values
    with np.errstate(all="ignore"):
        converted = values.astype(dtype)
    both_float = np.issubdtype(values.dtype, np.floating) and np.issubdtype(dtype, np.floating)
    if not both_float and not np.array_equal(converted.astype(values.dtype), values):
        raise CalibrationError(
            f"{origin} has the dtype {values.dtype} and values that {dtype}, which the input {spec.name!r} takes, "
            "cannot hold exactly",
            id="calibration-dtype",
        )
    return converted


def check_dtype(dtype: np.dtype[np.generic], origin: str) -> None:
    """Refuse what are no numbers.

    Raises:
        CalibrationError: objects, strings, complex numbers, dates, records.
    """
    if dtype.kind not in _NUMBERS:
        kind = "Python objects, which could run code when they are read" if dtype.hasobject else str(dtype)
        raise CalibrationError(
            f"{origin} holds {kind}: only arrays of real numbers are accepted", id="calibration-not-numbers"
        )


def as_array(value: object, origin: str) -> Array:
    """An array from numpy, torch, TensorFlow or nested lists.

    Raises:
        CalibrationError: it is none of these.
    """
    try:
        value = _out_of_framework(value)
    except Exception as error:
        raise CalibrationError(
            f"{origin} is a {type(value).__name__} that cannot be read as an array: {error}",
            id="calibration-not-an-array",
        ) from error
    if isinstance(value, (str, bytes)):
        raise CalibrationError(
            f"{origin} is text, not an array: for images in files, give their folder", id="calibration-not-an-array"
        )
    if type(value).__module__.startswith("PIL."):
        raise CalibrationError(
            f"{origin} is a PIL image, but arrays are taken as they are, neither resized nor normalized: give the "
            "dataset the transform that the model was trained with, or give a folder of images",
            id="calibration-picture-object",
        )
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.hasobject:
        raise CalibrationError(
            f"{origin} is a {type(value).__name__}, not an array or tensor", id="calibration-not-an-array"
        )
    return array


def _out_of_framework(value: object) -> object:
    """What torch and TensorFlow give for numpy; anything else as it is."""
    detach = getattr(value, "detach", None)
    if callable(detach):  # torch: a tensor may need gradients, be on a GPU, or have a dtype that numpy lacks
        tensor = detach().cpu()
        value = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    to_numpy = getattr(value, "numpy", None)
    return to_numpy() if callable(to_numpy) else value


def split(signature: Signature, arrays: Mapping[str, Array], origin: str) -> list[dict[str, Array]]:
    """Stacked arrays by input name -> one mapping a sample, as views.

    Raises:
        CalibrationError: a shape does not fit, or the inputs have different numbers of samples.
    """
    count = same_count(
        [(spec, rows_of(spec, arrays[spec.name].shape, f"{origin}, {spec.name!r},")) for spec in signature.inputs],
        origin,
    )
    stacked = {spec.name: arrays[spec.name].reshape(count, *spec.shape) for spec in signature.inputs}
    return [{name: values[row] for name, values in stacked.items()} for row in range(count)]


def same_count(counts: Sequence[tuple[ValueSpec, int]], origin: str) -> int:
    """The number of samples that all inputs agree on.

    Args:
        counts: of each input.
        origin: what the samples are called in messages.

    Raises:
        CalibrationError: they don't.
    """
    if len({count for _, count in counts}) > 1:
        found = ", ".join(f"{count} for {spec.name!r}" for spec, count in counts)
        forms = ", ".join(f"{spec.name!r} {_form(spec)}" for spec, _ in counts)
        raise CalibrationError(
            f"{origin} has different numbers of samples for the inputs: {found}; N samples have the shapes {forms}",
            id="calibration-counts-differ",
        )
    return counts[0][1] if counts else 0


def _text(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _names(names: Collection[str]) -> str:
    return listed(map(repr, names))
