"""A rule about what a network is fed: it says something only where samples were looked at before the conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats import FileView
    from dlpuconv.verification.rule import Context


def as_trained(_: FileView, context: Context) -> Iterator[Hit]:
    """Every input that the network itself speaks against."""
    for misfit in context.misfits:
        yield Hit(misfit.detail, misfit.input)


INPUT_RULES: tuple[Rule, ...] = (
    Rule(
        id="IN-NORMALIZATION",
        severity=Severity.WARN,
        sentence="The normalization of the input must be the one that the network was trained with.",
        source="the samples, beside what batch normalizations remember of training or the biases that took them in",
        check=as_trained,
        fix="State the mean and std of training, in 0-255 units (--mean, --std), or a --preset; give arrays and loaders"
        " that were prepared with them.",
    ),
)
