"""A network that was read from files, as one function: the source's inputs in, the source's outputs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, override

import numpy as np

from dlpuconv.errors import UsageError
from dlpuconv.language.brief import listed
from dlpuconv.verification.predictor import checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    import numpy.typing as npt

    from dlpuconv.division.division import Division
    from dlpuconv.formats import Runner

    type Reals = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An input or output of a network.

    Attributes:
        name: in the source model.
        shape: in the source model; None for an extent that only a run tells.
    """

    name: str
    shape: tuple[int | None, ...]

    @override
    def __str__(self) -> str:
        return f"{self.name} [{', '.join('?' if extent is None else str(extent) for extent in self.shape)}]"


@dataclass(kw_only=True, slots=True, repr=False, eq=False)
class LoadedNetwork:
    """What `dlpuconv.load` returns: call it with the source model's inputs. It closes itself when nobody needs it.

    Attributes:
        file: its name.
        inputs: of the source model, in its order.
        outputs: likewise.
        kernels: what runs the chip's part here.
        division: how the network is divided between the chip and the CPU; None where the file is all of it.
        notes: what cannot be known of the file.
        runner: of the whole network, in the source model's names, layouts and values; None once it was closed.
    """

    file: str
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    kernels: str
    division: Division | None = None
    notes: tuple[str, ...] = ()
    runner: Runner | None

    def __call__(
        self, inputs: Mapping[str, npt.ArrayLike] | npt.ArrayLike | None = None, /, **by_name: npt.ArrayLike
    ) -> Reals:
        """One inference, or several in a row where a network of one picture is given a batch of them.

        Args:
            inputs: arrays by input name; the array itself, where there is one input. Each is in the source model's
                shape, layout and values: normalized, where that is what the model was trained on.
            by_name: the same as keywords.

        Returns:
            The source model's outputs by name, float32, in its shapes, layouts and real units.

        Raises:
            UsageError: an input is missing, unknown, no array or of another shape; or the network was closed.
            ArtifactError: the file, or a part beside it, cannot run.
            ShapeError: the manifest does not tell of this file.
        """
        if self.runner is None:
            raise UsageError(f"{self.file} was closed: load it again")
        answers = [self._run_once(single) for single in self._singles(self._named(inputs, by_name))]
        return self._joined(answers)

    def close(self) -> None:
        """End what runs it."""
        self.runner = None

    def __enter__(self) -> Self:
        """The network itself, closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `close`."""
        self.close()

    @override
    def __repr__(self) -> str:
        ends = f"{', '.join(map(str, self.inputs))} -> {', '.join(map(str, self.outputs))}"
        parts = self.division
        beside = [name for name, part in (("front", parts.front), ("tail", parts.tail)) if part] if parts else []
        told = f" with a {' and a '.join(beside)}" if beside else ""
        return f"<LoadedNetwork {self.file}{told}: {ends} ({self.kernels})>"

    def _run_once(self, inputs: Reals) -> Reals:
        assert self.runner is not None
        return {name: np.asarray(value, np.float32) for name, value in self.runner.run(inputs).items()}

    def _named(
        self, inputs: Mapping[str, npt.ArrayLike] | npt.ArrayLike | None, by_name: Mapping[str, npt.ArrayLike]
    ) -> dict[str, npt.ArrayLike]:
        if inputs is None:
            return dict(by_name)
        if isinstance(inputs, Mapping):
            return {**inputs, **by_name}
        if len(self.inputs) != 1 or by_name:
            names = listed(end.name for end in self.inputs)
            raise UsageError(f"an array without a name is for a network of one input; {self.file} has {names}")
        return {self.inputs[0].name: inputs}

    def _singles(self, inputs: Mapping[str, npt.ArrayLike]) -> Iterator[Reals]:
        """The inputs as the network takes them: one of it, or those of a batch one after the other."""
        batched = {end.name for end in self.inputs if end.shape[:1] == (1,)}
        known = {end.name: (None, *end.shape[1:]) if end.name in batched else end.shape for end in self.inputs}
        given = checked(inputs, known, self.file, UsageError)
        sizes = {len(given[name]) for name in batched} - {1}
        if not sizes:
            yield given
            return
        if len(sizes) > 1 or 0 in sizes:
            raise UsageError(
                f"{self.file} was given batches of {listed(map(str, sorted(sizes)))}: they must be one size"
            )
        # What lies behind a tail may have as many rows as there are detections, one among other numbers.
        fine = {(1,)} if self.division else {(1,), (None,)}
        self._refuse_several(end.name for end in self.outputs if end.shape[:1] not in fine)
        for at in range(sizes.pop()):
            one = {name: given[name][at : at + 1] for name in batched if len(given[name]) > 1}
            yield {**given, **one}

    def _joined(self, answers: Sequence[Reals]) -> Reals:
        if len(answers) == 1:
            return answers[0]
        self._refuse_several(name for answer in answers for name, value in answer.items() if value.shape[:1] != (1,))
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def _refuse_several(self, lone: Iterable[str]) -> None:
        if names := dict.fromkeys(lone):
            raise UsageError(
                f"{self.file} takes one sample at a time, and its outputs of several cannot be joined, since"
                f" {listed(names)} has no batch axis of 1: call it for each sample"
            )
