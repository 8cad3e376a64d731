"""Option texts that hold more than one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dlpuconv.workflow.reference import ComparisonData


def numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Read `123.7,116.3,103.5`.

    Raises:
        UsageError: a part is not a number.
    """
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--{option} {text!r} is not a number or a comma-separated list of them", id="option-value"
        ) from None


def evidence(  # the options of `verify` and `compare` that say what a file is compared with, as they are typed
    reference: Path | None,
    data: str | None,
    input_shape: Iterable[str] | None,
    cut_at: str | None,
    resize: str | None,
    color: str | None,
    mean: str | None,
    std: str | None,
    preset: str | None,
    factory: str,
    allow_pickle: bool,
    signature: str,
) -> ComparisonData:
    """What a file is compared with, and on.

    Raises:
        UsageError: an option has a value that cannot be used.
    """
    from dlpuconv.frontends import SourceOptions
    from dlpuconv.workflow.option_values import stated_preprocessing
    from dlpuconv.workflow.reference import ComparisonData

    return ComparisonData(
        reference=reference,
        data=data,
        source=SourceOptions(
            input_shapes=shapes(input_shape),
            cut_at=names(cut_at),
            factory=factory,
            allow_pickle=allow_pickle,
            signature=signature,
        ),
        preprocessing=stated_preprocessing(
            resize=resize, color=color, mean=numbers("mean", mean), std=numbers("std", std), preset=preset
        ),
    )


def shapes(texts: Iterable[str] | None) -> dict[str, tuple[int, ...]]:
    """Read several `NAME=1,3,224,224`.

    Raises:
        UsageError: one is not of that form.
    """
    from dlpuconv.frontends import parse_input_shape

    return dict(map(parse_input_shape, texts or ()))


def names(text: str | None) -> tuple[str, ...]:
    """Read `NAME,NAME`."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()
