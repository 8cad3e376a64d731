"""All parts of a divided network as one function again: source inputs in, source outputs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError, ShapeError
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir.weights import split_proto
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.division.division import Division, Rest
    from dlpuconv.formats.runner import Runner

    type Arrays = Mapping[str, npt.NDArray[np.generic]]


class Chain:
    """The front, the chip's part and the tail, one after the other. It is a `Runner` of the source network.

    Args:
        division: how the network is divided.
        chip: runs the chip's part under the source's value names and in the source's layouts and real units: the float
            model of it, or a converted file whose outputs were brought back (`verification.predictor`).

    Raises:
        ArtifactError: ONNX Runtime cannot run the front or the tail, such as one with operators of a vendor's domain.
    """

    def __init__(self, division: Division, chip: Runner) -> None:
        before = [runner_of(division.front, "the front")] if division.front else []
        behind = [runner_of(division.tail, "the tail")] if division.tail else []
        self._outputs = division.outputs
        self._parts = (*before, chip, *behind)

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        """One inference: the source's inputs by name, the source's outputs by name.

        Raises:
            ArtifactError: a part cannot run on what it is given.
            ShapeError: no part makes an output.
        """
        return run_through(self._parts, inputs, self._outputs)


def run_through(parts: Sequence[Runner], values: Arrays, outputs: Sequence[str]) -> dict[str, npt.NDArray[np.generic]]:
    """Parts of a network one after the other: each reads what was given, and what those before it made.

    Raises:
        ArtifactError: a part cannot run on that.
        ShapeError: no part makes an output.
    """
    known = dict(values)
    for part in parts:
        known |= part.run(known)
    if missing := [name for name in outputs if name not in known]:
        raise ShapeError(
            f"no part of the divided network gives {listed(missing)}; the parts give {listed(known)}",
            id="output-missing",
        )
    return {name: known[name] for name in outputs}


def runner_of(rest: Rest, name: str) -> OrtRunner:
    """What runs a part of the camera's CPU here.

    Raises:
        ArtifactError: ONNX Runtime cannot, or the part is damaged.
    """
    try:
        return OrtRunner(split_proto(rest.model), name)
    except UnicodeDecodeError as error:
        raise ArtifactError(
            f"{name}: this part is damaged: a text in it is not UTF-8", id="artifact-damaged"
        ) from error
