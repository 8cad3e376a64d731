"""The lowered graph runs once beside the source model: numbers decide whether it, and each permutation, is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin import BackendError
from dlpuconv.plugin.isolation import ExcessError
from dlpuconv.plugin.onnx import ROUNDING_MARGIN_DB, OrtRunner
from dlpuconv_backends.lowering.measure import REQUIRED_DB, agree, excite, nudged, permuted, run_graph, sqnr_db

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.plugin.onnx import Signature, Split
    from dlpuconv_backends.flatbuffer.graph import Graph
    from dlpuconv_backends.lowering.measure import Array, Arrays, Permutation

_WRONG_DB = 30.0
"""A wrong permutation or operator leaves less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the comparison found.

    Attributes:
        sample: the source model's inputs by name.
        sqnr_db: signal-to-noise ratio of each output, in dB; -inf where LiteRT does not run the graph.
        doubted: outputs that differ by more than what rounding of the sample makes of them.
    """

    sample: Arrays
    sqnr_db: Mapping[str, float]
    doubted: tuple[str, ...]


def prove(
    graph: Graph,
    model: Split,
    signature: Signature,
    inputs: Mapping[str, Permutation],
    outputs: Mapping[str, Permutation],
) -> Proof:
    """Compare every output on one random sample.

    Args:
        graph: float, as it will be used.
        model: what it was made from.
        signature: of the model.
        inputs: axis i of the graph's input is axis permutation[i] of the model's.
        outputs: likewise.

    Raises:
        BackendError: the graph takes more memory or time than it may.
        ArtifactError: ONNX Runtime cannot run the model.
    """
    sample, expected = excite(model, signature)
    try:
        found = run_graph(graph, permuted(sample, inputs))
    except BackendError as error:
        if isinstance(error.__cause__, ExcessError):
            raise
        return Proof(sample=sample, sqnr_db=dict.fromkeys(expected, float("-inf")), doubted=tuple(expected))
    ratios: dict[str, float] = {}
    doubted = []
    rounded: Arrays = {}  # what rounding alone makes of the source's outputs
    for spec in signature.outputs:
        want, have = _alike(expected[spec.name], found[spec.name], outputs[spec.name])
        ratios[spec.name] = sqnr_db(want, have) if want.shape == have.shape else float("-inf")
        if want.shape != have.shape or not agree(want, have):
            rounded = rounded or OrtRunner(model).run(nudged(sample))
            kept = sqnr_db(expected[spec.name], rounded[spec.name])
            if ratios[spec.name] < max(min(REQUIRED_DB, kept - ROUNDING_MARGIN_DB), _WRONG_DB):
                doubted.append(spec.name)
    return Proof(sample=sample, sqnr_db=ratios, doubted=tuple(doubted))


def _alike(want: Array, have: Array, permutation: Permutation) -> tuple[Array, Array]:
    """Both in the graph's order of axes; some kernels make [1] of a scalar."""
    if want.size == have.size == 1:
        return want, have.reshape(want.shape)
    return np.transpose(want, permutation), have
