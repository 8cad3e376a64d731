"""The lowered graph runs once beside the source model: numbers decide whether it, and each permutation, is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin import BackendError, listed
from dlpuconv.plugin.onnx import ROUNDING_MARGIN_DB, OrtRunner, Powers
from dlpuconv.plugin.tflite import PLAIN_ON_TWO
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.plugin.onnx import Signature, Split, ValueSpec
    from dlpuconv_backends.flatbuffer.graph import Graph

type Permutation = tuple[int, ...]
type Arrays = Mapping[str, npt.NDArray[Any]]

REQUIRED_DB = 60.0
"""Rounding alone leaves 100 to 150 dB of a trained network in float32; of one with random weights, maybe 50."""
_WRONG_DB = 30.0
"""A wrong permutation or operator leaves less."""
_SEED = 20240229
_VISIBLE = 1e-5
_RESOLUTION = 5e-7


def prove(
    graph: Graph,
    model: Split,
    signature: Signature,
    inputs: Mapping[str, Permutation],
    outputs: Mapping[str, Permutation],
) -> dict[str, float]:
    """Signal-to-noise ratio of each output, in dB, on one random sample.

    Args:
        graph: float, as it will be used.
        model: what it was made from.
        signature: of the model.
        inputs: axis i of the graph's input is axis permutation[i] of the model's.
        outputs: likewise.

    Raises:
        BackendError: an output differs from ONNX Runtime's; the sentence names it.
        ArtifactError: ONNX Runtime cannot run the model.
    """
    sample, expected = excite(model, signature)
    found = run_graph(graph, {name: np.transpose(value, inputs[name]) for name, value in sample.items()})
    ratios: dict[str, float] = {}
    wrong: dict[str, float] = {}
    rounded: Arrays = {}  # what rounding alone makes of the source's outputs
    for spec in signature.outputs:
        want, have = expected[spec.name], found[spec.name]
        if want.size == have.size == 1:
            have = have.reshape(want.shape)  # some kernels make [1] of a scalar
        else:
            want = np.transpose(want, outputs[spec.name])
        if have.shape != want.shape:
            raise BackendError(
                f"lowering {spec.name!r} gives the shape {have.shape}, but the model gives {want.shape} in this layout"
            )
        ratios[spec.name] = sqnr_db(want, have)
        if ratios[spec.name] < REQUIRED_DB and not _within_resolution(want, have):
            rounded = rounded or OrtRunner(model).run(_nudged(sample))
            kept = sqnr_db(expected[spec.name], rounded[spec.name])
            if ratios[spec.name] < max(min(REQUIRED_DB, kept - ROUNDING_MARGIN_DB), _WRONG_DB):
                wrong[spec.name] = ratios[spec.name]
    if wrong:
        told = listed(f"{name!r} ({db:.0f} dB)" for name, db in wrong.items())
        raise BackendError(
            f"the lowered model does not compute what the source model computes: {told}; {REQUIRED_DB:.0f} dB are"
            " needed, so an operator of this model is lowered wrongly (cut the model with --cut-at to find it)"
        )
    return ratios


def excite(model: bytes | Split, signature: Signature) -> tuple[Arrays, Arrays]:
    """A random sample on which every output varies visibly, and the source model's outputs for it.

    Noise of small amplitude leaves some networks silent (a detector that finds nothing); louder noise wakes them.

    Raises:
        ArtifactError: ONNX Runtime cannot run the model.
    """
    sample: dict[str, npt.NDArray[Any]] = {}
    outputs: Arrays = {}
    source = OrtRunner(model, optimize=False)  # fusions would only blur what is compared
    for amplitude in (1.0, 4.0, 32.0):
        sample = {spec.name: random_values(spec, amplitude) for spec in signature.inputs}
        outputs = source.run(sample)
        if all(np.ptp(values.astype(np.float64)) > _VISIBLE for values in outputs.values() if values.size > 1):
            break
    return sample, outputs


def random_values(spec: ValueSpec, amplitude: float = 1.0) -> npt.NDArray[Any]:
    """Reproducible values for an input: uniform in [-amplitude, amplitude) for floats, 0 or 1 for all else."""
    generator = np.random.default_rng(_SEED)
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return generator.uniform(-amplitude, amplitude, spec.shape).astype(dtype)
    return generator.integers(0, 2, spec.shape).astype(dtype)


def _nudged(sample: Arrays) -> Arrays:
    """The sample with the last bit of each float moved, every second one up, to see what rounding grows to."""
    nudged = {}
    for name, values in sample.items():
        ends = np.where(np.arange(values.size) % 2, np.inf, -np.inf).reshape(values.shape)
        nudged[name] = np.nextafter(values, ends.astype(values.dtype)) if values.dtype.kind == "f" else values
    return nudged


def run_graph(graph: Graph, sample: Arrays) -> dict[str, npt.NDArray[Any]]:
    """The outputs of a graph by tensor name, on LiteRT's plain kernels.

    Raises:
        BackendError: LiteRT refuses the graph, or does not survive it.
    """
    made = LoadedGraph(graph, kernels=PLAIN_ON_TWO).run(sample)
    return {t.name: values for t, values in zip(graph.outputs, made, strict=True)}


def sqnr_db(want: npt.NDArray[Any], have: npt.NDArray[Any]) -> float:
    """Signal-to-noise ratio; infinite for equal arrays, -inf where only one of them is finite."""
    reference = np.asarray(want, np.float64)
    value = np.asarray(have, np.float64)
    usable = np.isfinite(reference)
    if not np.array_equal(usable, np.isfinite(value)):
        return float("-inf")
    powers = Powers()
    powers.add(reference[usable], value[usable])
    ratio = powers.decibels
    return ratio if ratio is not None else float("-inf") if powers.noise else float("inf")


def _within_resolution(want: npt.NDArray[Any], have: npt.NDArray[Any]) -> bool:
    """True when no error exceeds float32's own for values around one: ONNX Runtime's Sigmoid moves in steps of 6e-8."""
    return bool(np.allclose(have, want, rtol=0.0, atol=_RESOLUTION, equal_nan=True))
