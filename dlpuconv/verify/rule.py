"""A rule: one predicate, the sentence that a user reads, and its source. Targets hold rules; nothing here is heavy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dlpuconv.formats.view import FileView
    from dlpuconv.scheme import Granularity


class Severity(StrEnum):
    """What a finding does to the verdict."""

    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule is broken.

    Attributes:
        detail: completes the rule's sentence with what was found.
        layer: name of the layer or tensor, empty for the whole file.
        severity: of this place, where it is not the rule's own.
    """

    detail: str
    layer: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a rule may know beside the file.

    Attributes:
        weights: granularity that the target's scheme prefers.
        discouraged: granularities that the chip pays dearly for.
        asked: granularities that the user asked for by name (option, override or the manifest beside the file).
    """

    weights: Granularity
    discouraged: frozenset[Granularity] = frozenset()
    asked: frozenset[Granularity] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that must hold of a file.

    Attributes:
        id: stable, such as `TFL-FLOAT` or `A8-PARTITIONS`.
        severity: unless a hit is softened by the context.
        sentence: what must hold, as the user reads it.
        source: where that is known from.
        check: yields the places where it does not hold.
        fix: what to do about it.
    """

    id: str
    severity: Severity
    sentence: str
    source: str
    check: Callable[[FileView, Context], Iterable[Hit]]
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that was broken, with every place."""

    rule: str
    severity: Severity
    sentence: str
    hits: tuple[Hit, ...]
    fix: str = ""
