"""Something that computes: a converted file, or the float model that it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.view import TensorView


class Runner(Protocol):
    """Runs a file on arrays of the file's own types: nothing is quantized, permuted or scaled on the way."""

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference.

        Args:
            inputs: by input name, in the file's own shape, layout and dtype.

        Returns:
            The outputs by name, in the file's order, layout and dtype.
        """
        ...


class Tracer(Protocol):
    """A runner that also tells what activations were."""

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`."""
        ...

    def value(self, tensor: TensorView) -> npt.NDArray[np.generic]:
        """What an activation was in the last inference, in the file's own codes."""
        ...
