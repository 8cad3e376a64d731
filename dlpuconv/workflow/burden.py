"""What a chip's rules say against a file: a technique that gains a little is not worth a layer on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.formats import FileView
    from dlpuconv.plugin import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Burden:
    """What a file breaks and loses on its target: rules, places that fail, pieces and layers off the accelerator.

    Attributes:
        broken: ids of the rules that are broken.
        failing: how many places fail the file.
        pieces: into how many the graph falls; 1 where nothing is known of that.
        outside: layers that do not run on the accelerator, or may not: names of what each makes and reads, by its own.
    """

    broken: frozenset[str]
    failing: int
    pieces: int
    outside: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, view: FileView, target: Target) -> Burden:
        """What a target says of a file."""
        from dlpuconv.placement.predict import foresee
        from dlpuconv.verification.engine import check
        from dlpuconv.verification.rule import Severity

        findings = check(view, target.rules, target.context)
        forecast, _ = foresee(view, target.placement, target.context)
        outside = [view.layers[layer.index] for layer in forecast.layers if layer.why] if forecast else []
        return cls(
            broken=frozenset(finding.rule for finding in findings),
            failing=sum(len(finding.hits) for finding in findings if finding.severity is Severity.FAIL),
            pieces=forecast.pieces if forecast else 1,
            outside={layer.name: _names(view, (*layer.outputs, *layer.inputs)) for layer in outside},
        )

    def exceeds(self, other: Burden, *, advised: bool = True) -> bool:
        """Whether more of this file fails, or is the CPU's, or it breaks a rule that the other one keeps.

        Args:
            other: before an edit.
            advised: False for an edit that is kept only where it was measured to be worth what it takes.
        """
        return (
            (advised and not self.broken <= other.broken)
            or self.failing > other.failing
            or self.pieces > other.pieces
            or len(self.outside) > len(other.outside)
        )

    def concerned(self, other: Burden) -> set[str]:
        """Names around the layers that are outside in this file and not in another one."""
        return {name for layer in self.outside.keys() - other.outside.keys() for name in self.outside[layer]}


def _names(view: FileView, indices: tuple[int, ...]) -> tuple[str, ...]:
    found = (view.tensor(index) for index in indices)
    return tuple(tensor.name for tensor in found if tensor is not None)
