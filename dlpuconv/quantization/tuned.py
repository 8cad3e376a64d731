"""What a recipe makes of the float network before it is quantized."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.ir.given_scales import NOT_GIVEN
from dlpuconv.ir.source_names import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.ir.given_scales import GivenScales
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.jsonable import Json
    from dlpuconv.network import Network, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What is quantized.

    Attributes:
        network: float.
        ranges: that the scales must hold, by name.
        channels: [C, 4] lowest, highest, mean and mean square by name; empty where the recipe needs none.
        moved: [C] by how much the mean of each channel differs in the quantized network, by name; where known.
        facts: what was done, for the manifest.
        dropped: what could not be done.
        names: what the source model calls its nodes.
        stated: scales of the source that are to be kept.
        scaled: activations whose channels were multiplied, by name: they hold other numbers than the source's.
    """

    network: Network
    ranges: Mapping[str, Range]
    channels: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    moved: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    names: SourceNames = UNKNOWN
    stated: GivenScales = NOT_GIVEN
    scaled: frozenset[str] = frozenset()
