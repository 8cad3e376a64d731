"""What ends an output, and the same network without it: proven in ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import ActivationKind, FinalActivation
from dlpuconv.passes import normalize
from dlpuconv.passes.final_activations import final_activations, without_final_activations
from tests.passes.rewriting import ints
from tests.passes.rewriting import model as written

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir import Model


def model(text: str, **constants: npt.NDArray[np.int64]) -> Model:
    """In normal form: every shape known."""
    return normalize(written(text, **constants))[0]


def outputs(source: Model) -> dict[str, npt.NDArray[np.float64]]:
    """Of random numbers."""
    random = np.random.default_rng(0)
    feed = {spec.name: random.normal(0, 3, spec.shape).astype(np.float32) for spec in source.signature.inputs}
    return {name: values.astype(np.float64) for name, values in OrtRunner(source.split()).run(feed).items()}


def check_same(text: str, **constants: npt.NDArray[np.int64]) -> list[str]:
    """Cut what can be, demand that the activations make the source's outputs again; the operators that are left."""
    source = model(text, **constants)
    activations = final_activations(source)
    cut = without_final_activations(source, activations)
    expected, got = outputs(source), outputs(cut)
    assert list(got) == [activations[n].logits if n in activations else n for n in expected]
    for name, values in expected.items():
        found = activations[name].of(got[f"{name}_logits"]) if name in activations else got[name]
        np.testing.assert_allclose(found, values, atol=1e-6)
    return [node.op_type for node in cut.graph.graph]


def test_a_final_sigmoid_is_left_to_the_reader() -> None:
    assert check_same("(float[1,8] x) => (float[1,8] y) { a = Relu(x)  y = Sigmoid(a) }") == ["Relu"]


def test_a_final_softmax_is_left_to_the_reader() -> None:
    source = model("(float[1,8,2] x) => (float[1,8,2] y) { a = Relu(x)  y = Softmax<axis=1>(a) }")
    softmax = FinalActivation(kind=ActivationKind.SOFTMAX, output="y", axis=1)
    assert final_activations(source) == {"y": softmax}
    assert check_same("(float[1,8,2] x) => (float[1,8,2] y) { a = Relu(x)  y = Softmax<axis=1>(a) }") == ["Relu"]


def test_an_activation_moves_behind_what_only_moves_values() -> None:
    left = check_same(
        "(float[1,6,2,2] x, float[1,6,1,1] z) => (float[1,10,3] y) {"
        " a = Relu(x)  b = Sigmoid(a)  c = Transpose<perm=[0,2,3,1]>(b)  d = Reshape(c, s)"
        " e = Neg(z)  f = Sigmoid(e)  g = Reshape(f, t)  y = Concat<axis=1>(d, g) }",
        s=ints(1, 8, 3),
        t=ints(1, 2, 3),
    )
    assert sorted(left) == ["Concat", "Mul", "Relu", "Reshape", "Reshape", "Transpose"]


def test_a_softmax_whose_axis_is_turned_and_kept_by_a_reshape_is_one_of_the_new_axis() -> None:
    text = (
        "(float[1,3,4,5] x) => (float[1,20,3] y) {"
        " a = Relu(x)  b = Softmax<axis=1>(a)  c = Transpose<perm=[0,2,3,1]>(b)  y = Reshape(c, s) }"
    )
    assert final_activations(model(text, s=ints(1, 20, 3)))["y"].axis == 2
    assert check_same(text, s=ints(1, 20, 3)) == ["Relu", "Transpose", "Reshape"]


@pytest.mark.parametrize(
    "body",
    [
        "a = Relu(x)  b = Softmax<axis=1>(a)  y = Reshape(b, s)",  # the axis becomes two
        "a = Relu(x)  b = Softmax<axis=1>(a)  c = Neg(x)  d = Softmax<axis=1>(c)  y = Concat<axis=1>(b, d)",
        "a = Relu(x)  b = Sigmoid(a)  c = Neg(x)  d = Softmax<axis=1>(c)  y = Concat<axis=1>(b, d)",
        "a = Relu(x)  b = Sigmoid(a)  y = Concat<axis=1>(b, a)",
        "a = Relu(x)  y = LogSoftmax<axis=1>(a)",
        "a = Relu(x)  b = Sigmoid(a)  y = Mul(b, a)",
        "y = Sigmoid(x)",  # nothing would be left to compute
    ],
)
def test_what_is_no_activation_of_the_whole_output_stays(body: str) -> None:
    shape = "1,8" if "Concat" in body else "1,2,2" if "Reshape" in body else "1,4"
    assert final_activations(model(f"(float[1,4] x) => (float[{shape}] y) {{ {body} }}", s=ints(1, 2, 2))) == {}


def test_logits_that_are_an_output_already_are_not_given_twice() -> None:
    text = "(float[1,4] x) => (float[1,4] a, float[1,4] y) { a = Relu(x)  y = Sigmoid(a) }"
    assert final_activations(model(text)) == {}


def test_what_else_reads_the_probabilities_still_gets_them() -> None:
    left = check_same("(float[1,4] x) => (float[1,4] y, float[1,4] z) { a = Relu(x)  y = Sigmoid(a)  z = Mul(y, x) }")
    assert sorted(left) == ["Mul", "Relu", "Sigmoid"]


def test_a_value_inside_that_has_the_name_gets_another_one() -> None:
    text = "(float[1,4] x) => (float[1,4] y) { y_logits = Sin(x)  a = Relu(y_logits)  y = Sigmoid(a) }"
    assert check_same(text) == ["Sin", "Relu"]


def test_a_constant_that_has_the_name_gets_another_one() -> None:
    text = "(float[1,4] x) => (float[1,4] y) { a = Mul(x, y_logits)  y = Sigmoid(a) }"
    assert check_same(text, y_logits=np.full(4, 2, np.float32)) == ["Mul"]


def test_an_output_that_has_the_name_keeps_it() -> None:
    text = "(float[1,4] x) => (float[1,4] y, float[1,4] y_logits) { a = Relu(x)  y = Sigmoid(a)  y_logits = Sin(x) }"
    assert final_activations(model(text)) == {}


def test_nothing_to_cut_gives_the_very_model() -> None:
    source = model("(float[1,4] x) => (float[1,4] y) { y = Relu(x) }")
    assert without_final_activations(source, {}) is source


def test_a_wide_graph_is_looked_at_once() -> None:
    doubled = "  ".join(f"v{i + 1} = Concat<axis=1>(v{i}, v{i})" for i in range(20))
    source = model(f"(float[1,1] x) => (float[1,1048576] v20) {{ a = Relu(x)  v0 = Sigmoid(a)  {doubled} }}")
    activations = final_activations(source)
    assert list(activations) == ["v20"]
    assert len(list(without_final_activations(source, activations).graph.graph)) == 21
