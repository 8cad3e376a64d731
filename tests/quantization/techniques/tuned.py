"""Networks with the ranges and means that they have on samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.techniques.stepwise import Stepwise
from dlpuconv.quantization.tuned import Tuned
from tests.network.numpy_integer import realized
from tests.quantization.support import measured, outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network
    from dlpuconv.quantization.quantize import Quantized


def as_measured(network: Network, feeds: Sequence[Feed]) -> Tuned:
    """All values of all activations."""
    details = measured(network, feeds)
    return Tuned(
        network=network,
        ranges={name: details.range_of(name) for name in details.channels},
        channels=details.channels,
    )


def errors(network: Network, made: Quantized, feeds: Sequence[Feed]) -> npt.NDArray[np.float64]:
    """[samples, positions, C] of the first output."""
    run = Stepwise(realized(made), feeds)
    while run.node is not None:
        run.step()
    out = run.network.outputs[0]
    found = [run.real(out, at).astype(np.float64) - outputs(network, feed)[0] for at, feed in enumerate(feeds)]
    return np.stack([values.reshape(-1, values.shape[-1]) for values in found])
