"""One inference of the source model and of a lowered graph, and how far their values are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin import ArtifactError
from dlpuconv.plugin.onnx import OrtRunner, Powers
from dlpuconv.plugin.tflite import PLAIN_ON_TWO
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.plugin.onnx import Signature, Split, ValueSpec
    from dlpuconv_backends.flatbuffer.graph import Graph

type Array = npt.NDArray[Any]
type Arrays = Mapping[str, Array]
type Permutation = tuple[int, ...]

REQUIRED_DB = 60.0
"""Rounding alone leaves 100 to 150 dB of a trained network in float32; of one with random weights, maybe 50."""
_SEED = 20240229
_VISIBLE = 1e-5
_RESOLUTION = 5e-7


def excite(model: bytes | Split, signature: Signature) -> tuple[Arrays, Arrays]:
    """A random sample on which every output varies visibly, and the source model's outputs for it.

    Where ONNX Runtime refuses the sample, all integers become 0 or 1: they may be positions of which there is one, or
    divisors.

    Raises:
        ArtifactError: ONNX Runtime cannot run the model on any of these.
    """
    source = OrtRunner(model, optimize=False)  # fusions would only blur what is compared
    refused = None
    for integer in (None, 0, 1):
        try:
            return _awake(source, signature, integer)
        except ArtifactError as error:
            refused = refused or error
            if all(np.dtype(spec.dtype).kind == "f" for spec in signature.inputs):
                break
    raise refused or AssertionError


def _awake(source: OrtRunner, signature: Signature, integer: int | None) -> tuple[Arrays, Arrays]:
    """Noise of small amplitude leaves some networks silent (a detector that finds nothing); louder noise wakes them."""
    sample: dict[str, Array] = {}
    outputs: Arrays = {}
    for amplitude in (1.0, 4.0, 32.0):
        sample = {spec.name: random_values(spec, amplitude, integer) for spec in signature.inputs}
        outputs = source.run(sample)
        if all(np.ptp(values.astype(np.float64)) > _VISIBLE for values in outputs.values() if values.size > 1):
            break
    return sample, outputs


def random_values(spec: ValueSpec, amplitude: float = 1.0, integer: int | None = None) -> Array:
    """Reproducible values for an input: uniform in [-amplitude, amplitude) for floats; for all else one, or 0 and 1."""
    generator = np.random.default_rng(_SEED)
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return generator.uniform(-amplitude, amplitude, spec.shape).astype(dtype)
    return (
        generator.integers(0, 2, spec.shape).astype(dtype) if integer is None else np.full(spec.shape, integer, dtype)
    )


def nudged(sample: Arrays) -> Arrays:
    """The sample with the last bit of each float moved, every second one up, to see what rounding grows to."""
    moved = {}
    for name, values in sample.items():
        ends = np.where(np.arange(values.size) % 2, np.inf, -np.inf).reshape(values.shape)
        moved[name] = np.nextafter(values, ends.astype(values.dtype)) if values.dtype.kind == "f" else values
    return moved


def permuted(sample: Arrays, inputs: Mapping[str, Permutation]) -> Arrays:
    """A sample as a graph takes it: axis i of its input is axis permutation[i] of the source's."""
    return {name: np.transpose(value, inputs[name]) for name, value in sample.items()}


def run_graph(graph: Graph, sample: Arrays) -> dict[str, Array]:
    """The outputs of a graph by tensor name, on LiteRT's plain kernels.

    Raises:
        BackendError: LiteRT refuses the graph, or crashes on it.
    """
    made = LoadedGraph(graph, kernels=PLAIN_ON_TWO).run(sample)
    return {t.name: values for t, values in zip(graph.outputs, made, strict=True)}


def sqnr_db(want: Array, have: Array) -> float:
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


def agree(want: Array, have: Array) -> bool:
    """True when all that is between them is the rounding of a few operations.

    That is where the ratio is enough, or no error exceeds float32's own for values around one: ONNX Runtime's Sigmoid
    moves in steps of 6e-8.
    """
    close = sqnr_db(want, have) >= REQUIRED_DB
    return close or bool(np.allclose(have, want, rtol=0.0, atol=_RESOLUTION, equal_nan=True))
