"""The options of a job: those of `dlpuconv.convert`, as JSON and TOML hold them, and as the workflow takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlpuconv.display.wording import python_words
from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from dlpuconv.jsonable import Json
    from dlpuconv.workflow.request import Request

type Read = Callable[[str, Any], Any]
"""What reads an option's value; it raises UsageError for one of another form."""


def request_of(target: str, options: Mapping[str, Json]) -> Request:
    """What `dlpuconv.convert` would be asked with these keywords.

    Raises:
        UsageError: there is no such option, or it has no such value.
        MetricError: the metric's module fails while it is imported.
    """
    from dlpuconv.workflow.option_values import make_request

    read = {name: _read(name, value) for name, value in options.items()}
    stated = {_KEYWORDS.get(name, name): value for name, value in read.items() if value is not None}
    with python_words():
        return make_request(**{**_USUAL, **stated}, targets=(target,))


def check_options(options: Mapping[str, Json]) -> None:
    """Refuse what no conversion would take, as far as that can be told without reading or running anything.

    Raises:
        UsageError: there is no such option, or it has no such value.
    """
    for name in options:
        if name not in OPTIONS:
            raise UsageError(f"there is no option {name!r}{did_you_mean(name, OPTIONS)}", id="option-unknown")
    from_outside = {name: _read(name, options[name]) for name in (*CODE, "recipe") if name in options}
    if (drop := options.get("max_drop")) is not None and not from_outside.get("metric"):
        raise UsageError(f"max_drop={drop} is in the unit of a metric: give metric as well", id="option-needs-another")
    plain = {name: value for name, value in options.items() if name not in (*from_outside, "max_drop")}
    request_of("any", plain)
    if "max_drop" in options:
        _number("max_drop", options["max_drop"])


def _read(name: str, value: Any) -> Any:
    return None if value is None else OPTIONS[name](name, value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _other_form(name, value, "a text")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _other_form(name, value, "true or false")
    return value


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _other_form(name, value, "a whole number")
    return value


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _other_form(name, value, "a number")
    try:
        return float(value)
    except OverflowError:
        raise _other_form(name, value, "a number") from None


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    """One or several; as in Python, a text with one number will do."""
    if isinstance(value, list | tuple):
        return tuple(_number(name, each) for each in value)
    return (_number(name, value),)


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_text(name, each) for each in value)
    return (_text(name, value),)


def _shapes(name: str, value: Any) -> dict[str, tuple[int, ...]]:
    if not isinstance(value, Mapping) or not all(isinstance(shape, list | tuple) for shape in value.values()):
        raise _other_form(name, value, "a table of shapes, such as {images = [1, 3, 224, 224]}")
    return {str(key): tuple(_whole(name, extent) for extent in shape) for key, shape in value.items()}


def _items(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, Mapping):
        raise _other_form(name, value, "a table of words by name")
    return tuple(f"{key}={_text(name, word)}" for key, word in value.items())


def _other_form(name: str, value: Any, wanted: str) -> UsageError:
    from dlpuconv.toml_table import quoted

    return UsageError(f"{name} is {quoted(value)}, not {wanted}", id="option-value")


_USUAL: Mapping[str, Any] = {
    "input_shape": {}, "cut_at": (), "resize": "stretch", "color": "rgb", "mean": None, "std": None, "preset": None,
}  # fmt: skip
_KEYWORDS = {"report": "layers"}
"""Options that the workflow calls otherwise."""

CODE = ("factory", "metric")
"""Options that name a function of the user's own."""

OPTIONS: Mapping[str, Read] = {
    "input_names": _names, "output_names": _names, "factory": _text, "allow_pickle": _flag, "signature": _text,
    "input_shape": _shapes, "cut_at": _names, "tail": _text, "resize": _text, "color": _text, "mean": _numbers,
    "std": _numbers, "preset": _text, "fold_preprocess": _text, "granularity": _text, "overrides": _items,
    "input_dtype": _text, "output_dtype": _text, "input_layout": _text, "opset": _whole, "split_inputs": _text,
    "split_outputs": _text, "final_activation": _text, "effort": _text, "recipe": _text, "metric": _text,
    "max_drop": _number, "backend": _text, "min_sqnr": _number, "output_kinds": _items, "report": _flag,
    "bom": _flag, "cache": _flag,
}  # fmt: skip
"""All of `dlpuconv.convert`, but for what a job holds itself, and what only Python can give."""
