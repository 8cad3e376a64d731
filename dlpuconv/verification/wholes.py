"""What is measured of whole outputs, as the source model gives them: what they are, and what a tail makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.verification.kinds.glance import Lookout
from dlpuconv.verification.kinds.tally import KindTally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.division.division import Division, Rest
    from dlpuconv.ir import Model
    from dlpuconv.ir.output_kind import OutputKind
    from dlpuconv.verification.behind import Behind
    from dlpuconv.verification.kinds.kind import Kinds
    from dlpuconv.verification.output_parity import ParityReport

    type Values = Mapping[str, npt.NDArray[np.generic]]


class Wholes:
    """Sums over the samples.

    Args:
        kinds: of the outputs of the network that the chip runs.
        behind: compares what the tail of a divided network makes of them; None where there is no tail.
    """

    def __init__(self, kinds: Kinds, behind: Behind | None = None) -> None:
        self._kinds, self._behind, self._lookout = KindTally(kinds), behind, Lookout(kinds)

    def add(self, sample: Values, expected: Values, got: Values) -> None:
        """One sample.

        Args:
            sample: what the source takes.
            expected: the source's outputs, at the cut of a divided network.
            got: those of the file, in the source's layouts and real units.
        """
        self._kinds.add(expected, got)
        self._lookout.add(sample, expected, got)
        if self._behind is not None:
            self._behind.add(sample, expected, got)

    def told(self, parity: ParityReport) -> ParityReport:
        """The report with these figures."""
        if self._behind is None:
            return replace(parity, kinds=self._kinds.result(), glance=self._lookout.glance)
        return replace(
            parity,
            kinds=(*self._kinds.result(), *self._behind.kinds()),
            behind=self._behind.result(),
            not_behind=self._behind.problem,
            glance=self._behind.glance or self._lookout.glance,
        )


def wholes_maker(
    source: Model,
    division: Division | None,
    stated: Mapping[str, OutputKind],
    delivered: Rest | None = None,
) -> Callable[[], Wholes]:
    """Makes what one comparison of a network measures, by what its graph tells: that is looked at once for all.

    Args:
        source: the network, or the chip's part of it.
        division: how it was divided; None where the chip runs all of it.
        stated: kinds of outputs, as the user states them.
        delivered: the tail that lies beside the file; None for the division's own.
    """
    from dlpuconv.verification.kinds.evidence import kinds_behind, kinds_of

    kinds = kinds_of(source.graph.graph, stated)
    if division is None or division.tail is None:
        return lambda: Wholes(kinds)
    import onnx_ir

    from dlpuconv.verification.behind import Behind, TailFunction

    tail = onnx_ir.from_proto(division.tail.model).graph
    made = {name: regions for name, regions in kinds.items() if name in division.outputs}
    behind = made | kinds_behind(source.graph.graph, tail, stated)
    outputs = division.outputs
    of_source = TailFunction(division.tail, outputs)
    of_file = TailFunction(delivered, outputs) if delivered else of_source
    return lambda: Wholes(kinds, Behind(outputs, behind, of_source, of_file))
