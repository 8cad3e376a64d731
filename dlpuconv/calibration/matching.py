"""Arrays of unknown origin -> samples of a known input: shapes, dtypes and names are checked, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import CalibrationError, did_you_mean
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt

    from dlpuconv.ir import Signature, ValueSpec

type Array = npt.NDArray[np.generic]


def rows_of(spec: ValueSpec, shape: tuple[int, ...], origin: str) -> int:
    """How many samples an array of this shape holds for the input `spec`.

    `[N, C, H, W]` and `[N, 1, C, H, W]` hold N samples of an input `[1, C, H, W]`; `[C, H, W]` holds one.

    Raises:
        CalibrationError: the shape does not fit.
    """
    want = spec.shape
    if shape[1:] == want and len(shape) == len(want) + 1:
        return shape[0]
    if len(shape) == len(want) >= 1 and shape[1:] == want[1:] and shape[0] % want[0] == 0:
        return shape[0] // want[0]
    if want[:1] == (1,) and shape == want[1:]:
        return 1
    raise CalibrationError(
        f"{origin} has the shape {_text(shape)}, but the input {spec.name!r} takes {_text(want)}, "
        f"so [N{''.join(f', {n}' for n in want[1:])}]{_layout_hint(spec, shape)}"
    )


def choose(signature: Signature, names: Collection[str], origin: str) -> dict[str, str]:
    """Which of `names` feeds each input; names that feed none are left alone.

    A model of one input accepts a single array of any name.

    Raises:
        CalibrationError: an input has no array.
    """
    inputs = [spec.name for spec in signature.inputs]
    if len(inputs) == 1 and len(names) == 1:
        return {inputs[0]: next(iter(names))}
    missing = [name for name in inputs if name not in names]
    if missing:
        raise CalibrationError(
            f"{origin} holds {_names(names) or 'no arrays'}, but the model takes {_names(inputs)}: "
            f"{_names(missing)} missing{did_you_mean(missing[0], names)}"
        )
    return {name: name for name in inputs}


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
            "cannot hold exactly"
        )
    return converted


def check_dtype(dtype: np.dtype[np.generic], origin: str) -> None:
    """Refuse what are no numbers.

    Raises:
        CalibrationError: objects, strings, complex numbers, dates, records.
    """
    if dtype.kind not in "biuf":
        kind = "Python objects, which could run code when they are read" if dtype.hasobject else str(dtype)
        raise CalibrationError(f"{origin} holds {kind}: only arrays of real numbers are accepted")


def as_array(value: object, origin: str) -> Array:
    """An array from numpy, torch, TensorFlow or nested lists.

    Raises:
        CalibrationError: it is none of these.
    """
    detach = getattr(value, "detach", None)
    if callable(detach):  # torch: a tensor may need gradients, be on a GPU, or have a dtype that numpy lacks
        tensor = detach().cpu()
        value = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    to_numpy = getattr(value, "numpy", None)
    if callable(to_numpy):
        value = to_numpy()
    if isinstance(value, (str, bytes)):
        raise CalibrationError(f"{origin} is text, not an array")
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.hasobject:
        raise CalibrationError(f"{origin} is a {type(value).__name__}, not an array or tensor")
    return array


def split(signature: Signature, arrays: Mapping[str, Array], origin: str) -> list[dict[str, Array]]:
    """Stacked arrays by input name -> one mapping a sample, as views.

    Raises:
        CalibrationError: a shape does not fit, or the inputs have different numbers of samples.
    """
    counts = {
        spec.name: rows_of(spec, arrays[spec.name].shape, f"{origin}, {spec.name!r},") for spec in signature.inputs
    }
    count = same_count(counts, origin)
    stacked = {spec.name: arrays[spec.name].reshape(count, *spec.shape) for spec in signature.inputs}
    return [{name: values[row] for name, values in stacked.items()} for row in range(count)]


def same_count(counts: Mapping[str, int], origin: str) -> int:
    """The number of samples that all inputs agree on.

    Raises:
        CalibrationError: they don't.
    """
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} for {name!r}" for name, count in counts.items())
        raise CalibrationError(f"{origin} has different numbers of samples for the inputs: {found}")
    return next(iter(counts.values()), 0)


def _layout_hint(spec: ValueSpec, shape: tuple[int, ...]) -> str:
    if spec.layout is Layout.PLAIN or len(spec.shape) != 4 or len(shape) not in (3, 4):
        return ""
    _, a, b, c = spec.shape
    other, order = ((b, c, a), "0, 3, 1, 2") if spec.layout is Layout.NCHW else ((c, a, b), "0, 2, 3, 1")
    if shape[-3:] != other:
        return ""
    found = "NHWC" if spec.layout is Layout.NCHW else "NCHW"
    return f"; the array is {found} and the model is {spec.layout.upper()}: transpose it with x.transpose({order})"


def _text(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _names(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
