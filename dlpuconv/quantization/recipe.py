"""What is done to a network's numbers, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from dlpuconv.scheme import Granularity


@dataclass(frozen=True, slots=True)
class Override:
    """Another weight granularity for the layers whose name matches a glob."""

    pattern: str
    granularity: Granularity

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read `features.0.*=per-channel`.

        Raises:
            UsageError: no `=`, or an unknown granularity.
        """
        from dlpuconv.scheme import Granularity

        pattern, equals, value = text.rpartition("=")
        known = [g.value for g in Granularity]
        if not equals or not pattern or value not in known:
            raise UsageError(
                f"--override {text!r} is not GLOB=GRANULARITY with one of {', '.join(known)}"
                f"{did_you_mean(value, known)}"
            )
        return cls(pattern, Granularity(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How weights and activations get their scales.

    Attributes:
        granularity: of the weights of convolutions.
        overrides: in order; the last one that matches a layer's name decides.
    """

    granularity: Granularity
    overrides: tuple[Override, ...] = ()

    def granularity_of(self, *names: str) -> Granularity | None:
        """What an override says of a layer known under `names`; None where none matches."""
        found = None
        for override in self.overrides:
            if any(fnmatchcase(name, override.pattern) for name in names):
                found = override.granularity
        return found
