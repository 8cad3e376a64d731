"""One-operator graphs, and how tests run and compare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from dlpuconv.quantization import Recipe
from dlpuconv.quantization.quantize import Quantized, quantize
from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.tuned import Tuned
from dlpuconv.scheme import Granularity, Numbers, Scheme
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode
from dlpuconv_backends.tflite.emission import Interface, build
from dlpuconv_backends.tflite.network import TFLiteNetwork
from dlpuconv_backends.tflite.versions import versions_of
from tests.quantization.support import measured_ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.ir.affine import Affine

PLAIN = Scheme(numbers=Numbers.INT8)
INT8 = Interface(input_dtype="int8", output_dtype="int8")
UINT8 = Interface(input_dtype="uint8", output_dtype="uint8")
PER_TENSOR = Recipe(granularity=Granularity.PER_TENSOR)
PER_CHANNEL = Recipe(granularity=Granularity.PER_CHANNEL)

type Arrays = dict[str, npt.NDArray[Any]]


def activation(name: str, *shape: int, dtype: type = np.float32) -> Tensor:
    """A value that is computed."""
    return Tensor(name, shape, np.dtype(dtype), None, None, (name,))


def constant(name: str, values: Any, dtype: type = np.float32) -> Tensor:
    """A value that the file holds."""
    return Tensor.constant(name, np.array(values, dtype))


def graph_of(
    kind: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], options: Any = None, name: str = "node"
) -> Graph:
    """A graph of one operator."""
    op = Operator(kind, list(inputs), list(outputs), options, name)
    return Graph([t for t in inputs if t is not None and not t.is_constant], list(outputs), [op])


def run(graph: Graph, feed: Arrays) -> Arrays:
    """Run a float or integer graph on TFLite's plain kernels: arrays of the graph's own types by name."""
    interpreter = Interpreter(
        model_content=encode(graph, versions_of(graph)),
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    for tensor, detail in zip(graph.inputs, interpreter.get_input_details(), strict=True):
        interpreter.set_tensor(detail["index"], feed[tensor.name])
    interpreter.invoke()
    found = zip(graph.outputs, interpreter.get_output_details(), strict=True)
    return {tensor.name: interpreter.get_tensor(detail["index"]) for tensor, detail in found}


@dataclass(frozen=True)
class Made:
    """An integer graph and what it was made of."""

    graph: Graph
    quantized: Quantized

    def scale(self, tensor: Tensor) -> Affine:
        """What was planned for an activation of the float graph."""
        return next(affine for value, affine in self.quantized.plan.scales.items() if value.handle is tensor)


def quantized(
    graph: Graph,
    samples: Sequence[Arrays],
    recipe: Recipe = PER_CHANNEL,
    interface: Interface = INT8,
    scheme: Scheme = PLAIN,
) -> Made:
    """Measure a float graph on samples and quantize it."""
    network = TFLiteNetwork(graph)
    ranges = measured_ranges(network, observed_values(network), samples)
    found = quantize(Tuned(network=network, ranges=ranges), recipe, scheme)
    return Made(build(found, interface), found)


def as_integers(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    """Real values in a quantized tensor's codes; other tensors' values as they are."""
    if tensor.quantization is None:
        return np.asarray(values, tensor.dtype)
    limits = np.iinfo(tensor.dtype)
    codes = np.rint(values / tensor.quantization.scale) + tensor.quantization.zero_point
    return np.asarray(np.clip(codes, limits.min, limits.max), tensor.dtype)


def as_reals(codes: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    """The real values of a quantized tensor's codes; other tensors' values as they are."""
    if tensor.quantization is None:
        return codes
    reals = (codes.astype(np.float64) - tensor.quantization.zero_point) * tensor.quantization.scale
    return np.asarray(reals)


def run_quantized(graph: Graph, feed: Arrays) -> Arrays:
    """Run an integer graph on real values, and give real values back."""
    integers = {t.name: as_integers(feed[t.name], t) for t in graph.inputs}
    found = run(graph, integers)
    return {t.name: as_reals(found[t.name], t) for t in graph.outputs}


def sqnr_db(expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> float:
    """Signal-to-quantization-noise ratio."""
    signal = float((expected.astype(np.float64) ** 2).mean())
    noise = float(((expected.astype(np.float64) - found) ** 2).mean())
    return float(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-30)))
