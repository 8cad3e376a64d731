"""One network and its samples, quantized under any number of recipes: all that a backend has to call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlpuconv.ir.source_names import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dlpuconv.analysis import Blame
    from dlpuconv.calibration.cache import StatisticsCache
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir.affine import Affine
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.network import Feed, Network
    from dlpuconv.network.range import Range
    from dlpuconv.quantization.recipe import Recipe
    from dlpuconv.scheme import Scheme

    type Realize = Callable[[Any], Network]
    """Makes the integer network of a `Quantized`, between integer ends.

    It has the layers in the same order, and every activation of the float network that is still there under its name.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a backend knows beside the network.

    Attributes:
        feeds: the calibration samples as real values of the network's inputs, as often as it is called.
        samples: how many there are.
        evidence: how many of them are real: made-up ones prove no channel dead.
        digest: of everything that the feeds depend on, and of what computes: a key for caches.
        inputs: scale and zero point that inputs must have, by name.
        cache: of statistics.
        progress: where long work reports.
        names: what the source model calls its nodes.
    """

    feeds: Callable[[], Iterable[Feed]]
    samples: int
    evidence: int
    digest: str
    cache: StatisticsCache
    progress: Progress
    inputs: Mapping[str, Affine] = field(default_factory=dict)
    names: SourceNames = UNKNOWN


class Quantizer:
    """Quantizes one network; what was measured, and networks that techniques made, are kept for the next recipe.

    Attributes:
        network: float, legal.
        ranges: lowest and highest observed value by activation name.
    """

    network: Network
    ranges: Mapping[str, Range]

    def __init__(self, network: Network, given: Given, realize: Realize) -> None:
        """Measure the network's activations on all samples, or find in the cache what was measured.

        Raises:
            CalibrationError: an activation is not finite, or a sample does not fit.
            UnsupportedModelError: a root or logarithm of negative values.
            BackendError: the network cannot be run.
        """
        raise NotImplementedError

    def quantize(self, recipe: Recipe, scheme: Scheme) -> Any:
        """Apply every technique of the recipe; what the format cannot do is skipped and told in `dropped`.

        Returns:
            `Quantized`: the float network that was quantized (techniques make another one), the scales of its
            activations, the integers of its layers, `facts`, `warnings` and `dropped` for the artifact.

        Raises:
            UsageError: an override names no layer.
            UnsupportedModelError: values are so large that no scale holds them beside others.
            BackendError: a network cannot be run.
        """
        raise NotImplementedError

    def blame(self, recipe: Recipe, scheme: Scheme, samples: Sequence[Feed]) -> Blame:
        """What each layer loses under a recipe.

        Args:
            recipe: see `quantize`.
            scheme: see `quantize`.
            samples: real values of the network's inputs, which calibration did not see; the first few are used.
        """
        raise NotImplementedError
