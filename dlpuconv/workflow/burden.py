"""What a chip's rules say against a file: what makes it faster or more exact is not worth a layer on the CPU."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.formats import FileView
    from dlpuconv.plugin import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """It.

    Attributes:
        hits: how many places break a rule, by the rule's id and the layer's name.
        pieces: into how many the graph falls; None where nothing is known of that.
        outside: how many layers do not run on the accelerator, or may not.
    """

    hits: Mapping[tuple[str, str], int]
    pieces: int | None
    outside: int

    @classmethod
    def of(cls, view: FileView, target: Target) -> Burden:
        """What a target says of a file."""
        from dlpuconv.placement.predict import foresee
        from dlpuconv.verification.engine import check

        findings = check(view, target.rules, target.context)
        forecast, _ = foresee(view, target.placement, target.context)
        outside = [layer for layer in forecast.layers if layer.why] if forecast else []
        return cls(
            hits=Counter((finding.rule, hit.layer) for finding in findings for hit in finding.hits),
            pieces=forecast.pieces if forecast else None,
            outside=len(outside),
        )

    def exceeds(self, other: Burden) -> bool:
        """Whether any rule is broken more often, or more pieces or layers are the CPU's, than in another file."""
        more_pieces = (self.pieces or 0) > (other.pieces or 0)
        return more_pieces or self.outside > other.outside or bool(self._worse_rules(other))

    def new_places(self, other: Burden) -> set[str]:
        """Names of layers that break rules which are broken more often than in another file."""
        worse = self._worse_rules(other)
        return {layer for rule, layer in self.hits.keys() - other.hits.keys() if rule in worse}

    def _worse_rules(self, other: Burden) -> set[str]:
        return {rule for rule, count in self._by_rule().items() if count > other._by_rule()[rule]}

    def _by_rule(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (rule, _), count in self.hits.items():
            found[rule] += count
        return found
