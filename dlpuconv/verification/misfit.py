"""An input that a network is fed in another way than it was trained on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """What speaks against the values of an input.

    Attributes:
        input: its name.
        found: the evidence, one clause with its figure.
        presets: names of `--preset` that would fit, the best first; empty where none would, or nothing can be told.
    """

    input: str
    found: str
    presets: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """The evidence and what would fit, in one clause."""
        if not self.presets:
            return f"{self.found}; none of the presets is known to fit"
        if len(self.presets) == 1:
            return f"{self.found}; --preset {self.presets[0]} would fit"
        listed = f"{', '.join(self.presets[:-1])} or {self.presets[-1]}"
        return f"{self.found}; --preset {listed} would fit; which of them is right cannot be told from the network"
