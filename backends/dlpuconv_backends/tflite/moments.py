"""A float graph that, on made-up samples, gives values like those that the network saw in training.

What made-up samples make of a network drifts away from what real ones do, layer by layer. Where the mean and the
deviation of a layer's output channels are known from training, its weights and bias are changed so that it gives these;
the next layers then read what they would. The graph is for measuring only: ranges, means and distributions by name are
those of the original's activations.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.channels import LAYERS
from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.stepwise import Stepwise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.ir import Model
    from dlpuconv.ir.moments import Moments
    from dlpuconv_backends.tflite.statistics import Feed

    type Reals = npt.NDArray[np.float64]

_MOST_FACTOR = 10.0
"""A channel that made-up samples hardly move tells too little to be stretched further."""
_CREDIBLE = 3.0
"""Of a layer's typical factor, and 1 / 3: networks whose statistics belong to their weights have 0.7 to 1.3."""
_SAME = 1e-5


def moments_of_layers(graph: Graph, model: Model, known: Mapping[str, Moments]) -> dict[Operator, Moments]:
    """What is known of each layer's output before its activation.

    Args:
        graph: float, lowered from `model`.
        model: in normal form.
        known: by value name.

    Returns:
        Only layers that still have the bias that the model's have: lowering may have folded more into others.
    """
    nodes = {node.name: node for node in model.graph.graph if node.outputs[0].name in known}
    found: dict[Operator, Moments] = {}
    for op in graph.operators:
        node, bias = nodes.get(op.source_name), _bias(op)
        if node is None or bias is None or bias.data is None or len(node.inputs) < 3:
            continue
        value = node.inputs[2]
        source = value.const_value.numpy() if value is not None and value.const_value is not None else None
        if source is not None and source.size == bias.data.size and _equal(source, bias.data):
            found[op] = known[str(node.outputs[0].name)]
    return found


def with_moments(graph: Graph, known: Mapping[Operator, Moments], samples: Sequence[Feed]) -> Graph | None:
    """A graph whose layers give the known moments; all its activations are the original's.

    None where what is known contradicts the weights: some published networks hold statistics of another training.

    Args:
        graph: float; it is not changed.
        known: of layers' outputs before their activations.
        samples: values of its inputs by name.

    Raises:
        BackendError: LiteRT cannot run an operator.
    """
    run = Stepwise(graph, samples)
    operators = []
    for op in graph.operators:
        made = _adapted(op, known[op], run) if op in known else op
        if made is None:
            return None
        run.step(made)
        operators.append(made)
    return Graph(list(graph.inputs), list(graph.outputs), operators, graph.description, dict(graph.metadata))


def _adapted(op: Operator, known: Moments, run: Stepwise) -> Operator | None:
    """The layer with y (d / s) + m - mean(y) (d / s), for its outputs y of deviation s and the known m and d.

    None where the typical factor d / s is beyond belief.
    """
    at, bias = SPECS[op.kind].weights, _bias(op)
    assert at is not None
    assert bias is not None
    assert bias.data is not None
    mean, deviation = _measured(run.made(_without_activation(op))[0], known.mean.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(deviation > 0, known.deviation / deviation, 1.0)
    if not 1 / _CREDIBLE < np.median(factor) < _CREDIBLE:
        return None
    factor = np.clip(factor, 1 / _MOST_FACTOR, _MOST_FACTOR)
    weights = op.input(at.weights)
    assert weights.data is not None
    along = factor.reshape([-1 if axis == at.axis else 1 for axis in range(weights.data.ndim)])
    inputs = list(op.inputs)
    inputs[at.weights] = _constant(weights, weights.data * along)
    inputs[at.bias] = _constant(bias, (bias.data.reshape(-1) - mean) * factor + known.mean)
    return Operator(op.kind, inputs, list(op.outputs), op.options, op.source_name)


def _measured(values: Sequence[npt.NDArray[np.float32]], channels: int) -> tuple[Reals, Reals]:
    """[C] mean and standard deviation of values with channels last."""
    rows = [v.reshape(-1, channels).astype(np.float64) for v in values]
    mean = np.mean([r.mean(axis=0) for r in rows], axis=0)
    variance = np.mean([np.square(r - mean).mean(axis=0) for r in rows], axis=0)
    return mean, np.sqrt(variance)


def _without_activation(op: Operator) -> Operator:
    options = copy(op.options)
    options.fusedActivationFunction = 0
    outputs = [Tensor(t.name, t.shape, t.dtype) for t in op.outputs]
    return Operator(op.kind, list(op.inputs), outputs, options, op.source_name)


def _bias(op: Operator) -> Tensor | None:
    at = SPECS[op.kind].weights if op.kind in LAYERS else None
    return op.inputs[at.bias] if at is not None and at.bias < len(op.inputs) else None


def _equal(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> bool:
    return bool(np.allclose(one.reshape(-1), other.reshape(-1), rtol=_SAME, atol=1e-7))


def _constant(old: Tensor, values: Reals) -> Tensor:
    return Tensor(old.name, old.shape, old.dtype, values.reshape(old.shape).astype(np.float32))
