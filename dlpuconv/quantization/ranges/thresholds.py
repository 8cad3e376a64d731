"""Logits that a file gives instead of probabilities: their codes hold every threshold, and little below the lowest.

A logit of -16 stands for a probability of 0.0000001, and nobody ranks those. Where codes reach no lower than the lowest
threshold, they are finer for all that pass one: on the objectness of two detectors of the zoo, 7 to 30 % fewer pairs of
what is found are swapped or tied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.network import Range, Scales

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.ir import FinalActivation
    from dlpuconv.network import Network, Value


def holding_thresholds(
    network: Network, ranges: Mapping[str, Range], endings: Sequence[FinalActivation | None]
) -> dict[str, Range]:
    """Ranges with those of logits made as the activations behind them need it.

    Args:
        network: float.
        ranges: lowest and highest observed value by name.
        endings: of each output, the activation that is left to whoever reads it, or None.
    """
    changed = dict(ranges)
    for value, ending in zip(network.outputs, endings, strict=False):
        if ending is not None:
            for name in _moved(network, value):
                if name in changed:
                    changed[name] = Range(*ending.held(changed[name].low, changed[name].high))
    return changed


def _moved(network: Network, value: Value) -> list[str]:
    """The activation, and all that share its scale on the way to it and are read for nothing else."""
    makers, readers = network.producers(), network.consumers()
    found: dict[Value, None] = {}
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if at in found or (at is not value and (at in network.outputs or len(readers.get(at, ())) > 1)):
            continue
        found[at] = None
        maker = makers.get(at)
        if maker is not None and maker.meaning.scales is Scales.SAME:
            waiting.extend(maker.data_activations)
    return [each.name for each in found]
