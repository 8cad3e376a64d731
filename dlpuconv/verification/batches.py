"""A network that takes one sample at a time, as a function of batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import did_you_mean
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from dlpuconv.errors import DlpuconvError

    type Reals = dict[str, npt.NDArray[np.float32]]
    type Extents = Sequence[int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How batches are taken apart, and their answers joined.

    Attributes:
        who: takes them, for messages.
        inputs: shape by name; None for an extent that may be any.
        lone: outputs whose answers to several samples cannot be joined.
        refuse: makes the error that is raised where inputs are missing, unknown, no arrays or of another shape.
    """

    who: str
    inputs: Mapping[str, Extents]
    lone: tuple[str, ...]
    refuse: Callable[[str], DlpuconvError]

    def named(self, inputs: Mapping[str, npt.ArrayLike] | npt.ArrayLike) -> Mapping[str, npt.ArrayLike]:
        """Inputs by name: an array without one is the only input's."""
        if isinstance(inputs, Mapping):
            return inputs
        if len(self.inputs) != 1:
            raise self.refuse(
                f"an array without a name is for a network of one input; {self.who} has {listed(self.inputs)}"
            )
        return dict.fromkeys(self.inputs, inputs)

    def run(self, inputs: Mapping[str, npt.ArrayLike], each: Callable[[Iterable[Reals]], Iterable[Reals]]) -> Reals:
        """The outputs for one sample, or for a batch of them.

        Args:
            inputs: by name.
            each: the answers to single samples, in order.
        """
        return self._joined(list(each(self._singles(inputs))))

    def _singles(self, inputs: Mapping[str, npt.ArrayLike]) -> Iterator[Reals]:
        """The inputs as the network takes them: one of it, or those of a batch one after the other."""
        batched = {name for name, shape in self.inputs.items() if tuple(shape[:1]) == (1,)}
        known = {name: (None, *shape[1:]) if name in batched else shape for name, shape in self.inputs.items()}
        given = checked(inputs, known, self.who, self.refuse)
        sizes = {len(given[name]) for name in batched} - {1}
        if not sizes:
            yield given
            return
        if len(sizes) > 1 or 0 in sizes:
            raise self.refuse(
                f"{self.who} was given batches of {listed(map(str, sorted(sizes)))}: they must be one size"
            )
        self._refuse_several(self.lone)
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
            raise self.refuse(
                f"{self.who} takes one sample at a time, and its outputs of several cannot be joined, since"
                f" {listed(names)} has no batch axis of 1: call it for each sample"
            )


def checked(
    inputs: Mapping[str, npt.ArrayLike],
    known: Mapping[str, Sequence[int | None]],
    who: str,
    refuse: Callable[[str], DlpuconvError],
) -> dict[str, npt.NDArray[np.float32]]:
    """What somebody gives a network, where it is that.

    Args:
        inputs: arrays by input name.
        known: shape by input name; None for an extent that may be any.
        who: is given them, for messages.
        refuse: makes the error that is raised where they are something else.
    """
    try:
        given = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise refuse(f"{who} takes a dict of arrays by input name ({listed(known)}): {error}") from error
    for name in given:
        if name not in known:
            raise refuse(
                f"{who} was given {name!r}; the model's inputs are {listed(known)}{did_you_mean(str(name), known)}"
            )
    for name, shape in known.items():
        if name not in given:
            raise refuse(f"{who} was not given the input {name!r}; it was given {listed(given) or 'none'}")
        if tuple(shape[:1]) in ((1,), (None,)) and given[name].ndim == len(shape) - 1:
            given[name] = given[name][None]  # one picture, of a source that takes it without a batch
        elif given[name].shape[:1] == (1,) and given[name].ndim == len(shape) + 1:
            given[name] = given[name][0]  # and one with a batch, of a source that takes none
        if not _fits(given[name].shape, shape):
            takes = str(tuple(shape)).replace("None", "any")
            raise refuse(f"{who} was given {name!r} with the shape {given[name].shape}; the model takes {takes}")
    return given


def _fits(shape: tuple[int, ...], known: Sequence[int | None]) -> bool:
    return len(shape) == len(known) and all(
        wanted in (None, extent) for extent, wanted in zip(shape, known, strict=True)
    )
