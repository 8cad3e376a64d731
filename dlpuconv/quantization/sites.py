"""Where in a network a recipe changes what is computed how: frozen values that a recipe's file holds and replays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dlpuconv.network.edit import detour_name, is_part

STEPS_IN_AN_OCTAVE: Final = 8
"""Factors of channels are powers of 2 ** (1 / 8): a recipe's file then holds small whole numbers."""


class Proposal(StrEnum):
    """What of a recipe only measurements tell."""

    DETOURS = "detours"
    GATES = "gates"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True)
class Gate:
    """A product y = x g(x) whose x is stored with other factors by channel than its gate reads it with.

    Attributes:
        site: name of the activation y.
        steps: [C] whole number for each channel, whose factor is 2 ** (step / 8).
    """

    site: str
    steps: tuple[int, ...]

    def is_at(self, name: str) -> bool:
        """Whether an activation of this name is what it makes."""
        return name == self.site


@dataclass(frozen=True, slots=True)
class Detour:
    """A depthwise layer between an activation and those of its readers that must have its channels as they are.

    Attributes:
        site: name of the activation.
        readers: which of its readers these are, in the network's order, counted from 0.
    """

    site: str
    readers: tuple[int, ...]

    def is_at(self, name: str) -> bool:
        """Whether an activation of this name is what it makes."""
        return name == detour_name(self.site)


@dataclass(frozen=True, slots=True)
class LayerGroups:
    """A layer that is cut into several by its output channels, each with one scale for its weights.

    Attributes:
        layer: its name.
        of: [O] number of the group that each output channel is in, as the source model counts channels.
    """

    layer: str
    of: tuple[int, ...]

    def is_at(self, name: str) -> bool:
        """Whether an activation of this name is what the layer makes, or a part of it."""
        return name == self.layer or is_part(name, self.layer)
