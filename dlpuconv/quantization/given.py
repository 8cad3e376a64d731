"""What a backend hands to the quantizer beside the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.ir.given_scales import NOT_GIVEN, GivenScales
from dlpuconv.ir.source_names import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dlpuconv.calibration.cache import StatisticsCache
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir.activation import FinalActivation
    from dlpuconv.ir.affine import Affine
    from dlpuconv.ir.moments import NodeMoments
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.network import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Samples, and what is known beside them.

    Attributes:
        feeds: the calibration samples as real values of the network's inputs, as often as it is called.
        samples: how many there are.
        measures: False where samples were made up although a quantized source states what they would tell: what it
            does not state is an error then.
        evidence: how many of them are real: synthetic ones prove no channel dead.
        digest: of everything that the feeds depend on, and of what computes: a key for caches.
        cache: of statistics.
        progress: where long work reports.
        inputs: scale and zero point that inputs must have, by name.
        moments: of what nodes of the source model make, by its name, where the samples are made up.
        scales: that the source states, by the names of its values and nodes.
        names: what the source model calls its nodes.
        endings: of each output of the network, the final activation that is left out behind it; empty for none at all.
    """

    feeds: Callable[[], Iterable[Feed]]
    samples: int
    evidence: int
    digest: str
    cache: StatisticsCache
    progress: Progress
    measures: bool = True
    inputs: Mapping[str, Affine] = field(default_factory=dict)
    moments: Mapping[str, NodeMoments] = field(default_factory=dict)
    names: SourceNames = UNKNOWN
    scales: GivenScales = NOT_GIVEN
    endings: tuple[FinalActivation | None, ...] = ()
