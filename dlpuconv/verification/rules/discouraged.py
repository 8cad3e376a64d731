"""A weight granularity that the chip pays dearly for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.granularity import granularity
from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView
    from dlpuconv.verification.rule import Context


def discouraged_granularity(*, rule: str, sentence: str, source: str, fix: str) -> Rule:
    """A rule that fails what the target's scheme discourages, and only warns where the user asked for it.

    Args:
        rule: its id.
        sentence: what must hold.
        source: where that is known from.
        fix: what to do about it.
    """
    return Rule(id=rule, severity=Severity.FAIL, sentence=sentence, source=source, check=_discouraged, fix=fix)


def _discouraged(view: FileView, context: Context) -> Iterator[Hit]:
    for layer in granularity(view).layers:
        if layer.granularity in context.discouraged:
            asked = layer.granularity in context.asked
            detail = f"{layer.op} has {layer.scales} weight scales" + (", as asked for" if asked else "")
            yield Hit(detail, layer.name, Severity.WARN if asked else None)
