"""Products of two activations: what the file means is what LiteRT computes, whichever kernels it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode
from dlpuconv_backends.tflite.versions import versions_of
from tests.backends.tflite.models import Arrays, activation, as_integers, as_reals, quantized, run, sqnr_db

if TYPE_CHECKING:
    import numpy.typing as npt

SHAPE = (1, 4, 16, 16)


def product(a: Tensor, b: Tensor, y: Tensor, *, transposed: bool = False) -> Operator:
    options = schema.BatchMatMulOptionsT()
    options.adjX, options.adjY, options.asymmetricQuantizeInputs = False, transposed, False
    return Operator("BATCH_MATMUL", [a, b], [y], options, "product")


def samples(mean: float, *names: str) -> list[Arrays]:
    rng = np.random.default_rng(2)
    return [{name: rng.normal(mean, 1, SHAPE).astype(np.float32) for name in names} for _ in range(6)]


def computed(graph: Graph, sample: Arrays, kernels: OpResolverType) -> npt.NDArray[Any]:
    """The output of an integer graph on real values."""
    interpreter = Interpreter(
        model_content=encode(graph, versions_of(graph)), num_threads=1, experimental_op_resolver_type=kernels
    )
    interpreter.allocate_tensors()
    for tensor, detail in zip(graph.inputs, interpreter.get_input_details(), strict=True):
        interpreter.set_tensor(detail["index"], as_integers(sample[tensor.name], tensor))
    interpreter.invoke()
    (detail,) = interpreter.get_output_details()
    return as_reals(interpreter.get_tensor(detail["index"]), graph.outputs[0])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_the_plain_kernels_and_xnnpack_agree_on_a_product(mean: float, transposed: bool) -> None:
    a, b, y = activation("a", *SHAPE), activation("b", *SHAPE), activation("y", *SHAPE)
    graph, given = Graph([a, b], [y], [product(a, b, y, transposed=transposed)]), samples(mean, "a", "b")
    made = quantized(graph, given).graph
    plain, fast = (
        computed(made, given[0], kernels)
        for kernels in (OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.AUTO)
    )
    step = made.outputs[0].quantization
    assert step is not None
    assert np.abs(plain - fast).max() <= step.scale * 1.01
    assert sqnr_db(run(graph, given[0])["y"], fast) > 33


def test_a_second_factor_whose_scale_is_prescribed_is_given_another_one() -> None:
    """A sigmoid's zero is the lowest code."""
    a, b, gate, y = (activation(name, *SHAPE) for name in ("a", "b", "gate", "y"))
    graph = Graph([a, b], [y], [Operator("LOGISTIC", [b], [gate], None, "gate"), product(a, gate, y)])
    made = quantized(graph, samples(0, "a", "b")).graph
    assert [op.kind for op in made.operators] == ["LOGISTIC", "QUANTIZE", "BATCH_MATMUL"]
    zeros = [t.quantization.zero_point for t in made.operators[-1].inputs if t is not None and t.quantization]
    assert zeros[1] == 0 != zeros[0]


def test_a_first_factor_keeps_its_zero_point_and_all_of_its_codes() -> None:
    a, b, y = activation("a", *SHAPE), activation("b", *SHAPE), activation("y", *SHAPE)
    made = quantized(Graph([a, b], [y], [product(a, b, y)]), samples(3, "a", "b"))
    first, second = made.scale(a), made.scale(b)
    assert first.zero_point < -80
    assert second.zero_point == 0
