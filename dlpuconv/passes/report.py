"""What the passes did, for people and for `--explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.passes.contract import Declined


@dataclass(frozen=True, slots=True)
class PassReport:
    """One pass over the whole normalization.

    Attributes:
        name: the pass.
        title: what has become of what it changed, in words for people.
        fired: how often it changed something, over all rounds.
        nodes: what it changed, as the source model's names; a pass over the whole graph does not say.
        declined: what it looked at and left as it was, the last time that there was any, with the reasons.
    """

    name: str
    title: str
    fired: int
    nodes: tuple[str, ...] = ()
    declined: tuple[Declined, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalFormReport:
    """How a model came to its normal form.

    Attributes:
        passes: in the order of the list.
        rounds: how often the repeated part of the list was run.
        unshaped: values whose shape nothing could tell; empty for a model that can be converted.
    """

    passes: tuple[PassReport, ...]
    rounds: int
    unshaped: tuple[str, ...] = ()

    def fired(self, name: str) -> int:
        """How often the pass of this name changed something.

        Raises:
            KeyError: there is no such pass.
        """
        for entry in self.passes:
            if entry.name == name:
                return entry.fired
        raise KeyError(name)
