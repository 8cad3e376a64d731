"""Rules that look at one layer at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.verification.rule import Context


class LayerCheck(Protocol):
    """Judges one layer."""

    def __call__(self, view: FileView, layer: LayerView, /) -> str:
        """What was found where the rule is broken; empty where it holds."""
        ...


def at_layers(check: LayerCheck, *ops: str) -> Callable[[FileView, Context], Iterable[Hit]]:
    """A rule's check from one of a layer.

    Args:
        check: judges a layer; one whose tensors are not all there is not handed to it.
        ops: the ops to look at; none for every op.
    """

    def check_all(view: FileView, _: Context) -> Iterator[Hit]:
        for layer in view.layers:
            if (not ops or layer.op in ops) and layer.inputs and layer.outputs:
                detail = check(view, layer)
                if detail:
                    yield Hit(detail, layer.name, index=layer.index)

    return check_all


def advice(
    rule: str,
    sentence: str,
    source: str,
    check: Callable[[FileView, Context], Iterable[Hit]],
    fix: str = "",
    listed: frozenset[str] = frozenset(),
) -> Rule:
    """A rule that only warns."""
    return Rule(id=rule, severity=Severity.WARN, sentence=sentence, source=source, check=check, fix=fix, listed=listed)
