"""The source's outputs behind the tail of a divided network: made of the file's values, beside made of the source's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.division.chain import run_through, runner_of
from dlpuconv.errors import ArtifactError
from dlpuconv.ir import Port
from dlpuconv.language.brief import listed
from dlpuconv.verification.kinds.glance import Lookout
from dlpuconv.verification.kinds.tally import KindTally
from dlpuconv.verification.output_parity import OutputParity
from dlpuconv.verification.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.division.division import Division, Rest
    from dlpuconv.formats import Runner
    from dlpuconv.verification.kinds.glance import Glance
    from dlpuconv.verification.kinds.kind import Kinds
    from dlpuconv.verification.kinds.parity import KindParity

    type Values = Mapping[str, npt.NDArray[np.generic]]


class TailFunction:
    """What the tail makes of values at the cut, as far as ONNX Runtime can run it.

    Attributes:
        problem: why it makes nothing here, such as an operator that only a vendor's runtime has; empty where it does.
    """

    def __init__(self, tail: Rest, outputs: tuple[str, ...]) -> None:
        """Load it.

        Args:
            tail: the part behind the cut.
            outputs: of the source.
        """
        self.problem = ""
        self._reads, self._outputs = tail.reads, outputs
        self._runner: Runner | None = None
        try:
            self._runner = runner_of(tail, "the tail")
        except ArtifactError as error:
            self.problem = str(error)

    def outputs(self, sample: Values, values: Values) -> dict[str, npt.NDArray[np.generic]] | None:
        """The source's outputs by name; None where there is a problem.

        Args:
            sample: what the source takes, some of which a tail may read too.
            values: at the cut, in the source's layouts and real units.
        """
        if self._runner is None:
            return None
        known = {**sample, **values}
        if missing := [name for name in self._reads if name not in known]:
            self._runner = None
            self.problem = f"the tail reads {listed(map(repr, missing))}, which the samples do not tell"
            return None
        try:
            return run_through([self._runner], known, self._outputs)
        except ArtifactError as error:
            self._runner, self.problem = None, str(error)
            return None


class Behind:
    """What the tail makes of the source's values and of the file's, summed over the samples.

    Args:
        outputs: of the source.
        kinds: of those whose kind is known.
        of_source: the tail of the source model itself.
        of_file: the tail that was delivered with the file, which may well be the same.
    """

    def __init__(self, outputs: tuple[str, ...], kinds: Kinds, of_source: TailFunction, of_file: TailFunction) -> None:
        self._of_source, self._of_file = of_source, of_file
        self._kinds, self._lookout = KindTally(kinds, behind=True), Lookout(kinds)
        self._found = {name: _Output(name) for name in outputs}

    @property
    def problem(self) -> str:
        """See `TailFunction`."""
        return self._of_source.problem or self._of_file.problem

    def add(self, sample: Values, expected: Values, got: Values) -> None:
        """One sample.

        Args:
            sample: what the source takes.
            expected: values of the source at the cut.
            got: those of the file.
        """
        wanted = self._of_source.outputs(sample, expected)
        found = self._of_file.outputs(sample, got)
        if wanted is None or found is None:
            return
        for name, output in self._found.items():
            output.add(wanted[name], found[name])
        self._kinds.add(wanted, found)
        self._lookout.add(sample, wanted, found)

    @property
    def glance(self) -> Glance | None:
        """One sample to look at, if these outputs can be drawn."""
        return None if self.problem else self._lookout.glance

    def kinds(self) -> tuple[KindParity, ...]:
        """How much agrees of those whose kind is known; none where there is a problem."""
        return () if self.problem else self._kinds.result()

    def result(self) -> tuple[OutputParity, ...]:
        """The figures of every output of the source; none where there is a problem."""
        return () if self.problem else tuple(output.result() for output in self._found.values())


def tail_of(division: Division | None) -> TailFunction | None:
    """The tail of a divided network, where it has one."""
    return None if division is None or division.tail is None else TailFunction(division.tail, division.outputs)


class _Output:
    """One output of the source, whose shape may differ from sample to sample, and between the two."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tally: Tally | None = None
        self._samples = self._unlike = 0
        self._such_as = ""

    def add(self, wanted: npt.NDArray[np.generic], found: npt.NDArray[np.generic]) -> None:
        self._samples += 1
        if wanted.shape == found.shape:
            self._tally = self._tally or Tally(_port(self._name, wanted.shape))
            self._tally.add(wanted, np.asarray(found, np.float64))
            return
        self._unlike += 1
        self._such_as = self._such_as or f"{list(found.shape)} where the source's is {list(wanted.shape)}"

    def result(self) -> OutputParity:
        if self._tally is not None and not self._unlike:
            return self._tally.result(self._samples)
        varies = f"its shape differs in {self._unlike} of {self._samples} samples, such as {self._such_as}"
        return OutputParity(
            name=self._name, sqnr_db=None, exact=False, cosine=None, max_error=0.0, peak=0.0, varies=varies
        )


def _port(name: str, shape: tuple[int, ...]) -> Port:
    """An output that holds real values, or labels where the source gives some; `Tally` sees which."""
    return Port(name=name, source_shape=shape, shape=shape, permutation=tuple(range(len(shape))), dtype="float32")
