"""Shapes, constants and constant branches."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.formats import onnx_values
from dlpuconv.formats.onnx_values import evaluate
from dlpuconv.passes import fold_constants, normalize
from dlpuconv.passes.editor import Editor
from tests.error_ids import raises_error
from tests.passes.rewriting import floats, ints, model, positive, random, rewrite, run, samples, scalar


def test_arithmetic_on_shapes_becomes_one_constant() -> None:
    source = model(
        """(float[1,8,4,4] x) => (float[1,128] y) {
            s = Shape(x)  b = Gather(s, zero)  u = Unsqueeze(b, axis)  t = Concat<axis=0>(u, rest)  y = Reshape(x, t)
        }""",
        zero=np.asarray(0, np.int64),
        axis=ints(0),
        rest=ints(-1),
    )
    result = rewrite(source)
    assert result.operators == ["Reshape"]
    assert result.constant("Reshape", 1).tolist() == [1, -1]


def test_constants_behind_identity_become_initializers() -> None:
    source = model(
        "(float[1,4] x) => (float[1,4] y) { i = Identity(w)  s = Add(c, i)  y = Mul(x, s) }",
        w=random(4),
        c=floats(1, 2, 3, 4),
    )
    result = rewrite(source)
    assert result.operators == ["Mul"]
    np.testing.assert_allclose(result.constant("Mul", 1), random(4) + np.arange(1, 5), rtol=1e-6)


def test_a_constant_that_would_blow_up_the_file_is_not_folded() -> None:
    source = model(
        "(float[1,512,600] x) => (float[1,512,600] y) { e = Expand(c, s) y = Add(x, e) }",
        c=random(1, 1, 1),
        s=ints(1, 512, 600),
    )
    assert rewrite(source).operators == ["Expand", "Add"]


def test_weights_that_are_stored_in_8_bits_are_constants_again() -> None:
    stored = np.arange(-128, 128).astype(np.int8).repeat(2048).reshape(1024, 512, 1, 1)  # 2 MB in float32
    source = model(
        "(float[1,512,1,1] x) => (float[1,1024,1,1] y) { c = Cast<to = 1>(q) w = Mul(c, s) y = Conv(x, w) }",
        q=stored,
        s=scalar(0.5),
    )
    result = rewrite(source)
    assert result.operators == ["Conv"]
    np.testing.assert_array_equal(result.constant("Conv", 1), stored.astype(np.float32) / 2)


def test_large_weights_that_are_written_as_a_filling_are_constants() -> None:
    source = model(
        """(float[1,600,1,1] x) => (float[1,512,1,1] y) {
            w = ConstantOfShape<value = float[1] {0.5}>(s)  y = Conv(x, w)
        }""",
        s=ints(512, 600, 1, 1),
    )
    result = rewrite(source)
    assert result.operators == ["Conv"]
    np.testing.assert_array_equal(result.constant("Conv", 1), np.full((512, 600, 1, 1), 0.5, np.float32))


def test_so_are_those_that_are_moved_on_their_way() -> None:
    source = model(
        """(float[1,600] x) => (float[1,512] y) {
            f = ConstantOfShape<value = float[1] {0.5}>(s)  w = Reshape(f, flat)  y = Gemm<transB = 1>(x, w)
        }""",
        s=ints(1, 1, 512, 600),
        flat=ints(512, 600),
    )
    assert rewrite(source).operators == ["Gemm"]


def test_a_filling_that_something_else_reads_too_stays_as_it_is() -> None:
    source = model(
        """(float[1,600,1,1] x, float[512,600,1,1] z) => (float[1,512,1,1] y, float[512,600,1,1] v) {
            w = ConstantOfShape<value = float[1] {0.5}>(s)  y = Conv(x, w)  v = Add(z, w)
        }""",
        s=ints(512, 600, 1, 1),
    )
    assert "ConstantOfShape" in rewrite(source).operators


@pytest.mark.parametrize(
    ("nodes", "operators"),
    [
        ("y = ConvTranspose(x, w)", ["ConvTranspose"]),
        ("n = Relu(w)  y = ConvTranspose(x, n)", ["ConvTranspose"]),
        ("n = Add(w, z)  y = ConvTranspose(x, n)", ["ConstantOfShape", "Add", "ConvTranspose"]),
    ],
)
def test_it_depends_on_what_comes_of_a_filling(nodes: str, operators: list[str]) -> None:
    source = model(
        f"""(float[1,600,1,1] x, float[600,512,1,1] z) => (float[1,512,1,1] y) {{
            w = ConstantOfShape<value = float[1] {{0.5}}>(s)  {nodes}
        }}""",
        s=ints(600, 512, 1, 1),
    )
    fold_constants.PASS.run(Editor(source.graph))
    assert [node.op_type for node in source.graph.graph] == operators


def test_a_filling_that_the_user_sees_stays_as_it_is() -> None:
    source = model(
        """(float[1,600,1,1] x) => (float[1,512,1,1] y, float[512,600,1,1] w) {
            w = ConstantOfShape<value = float[1] {0.5}>(s)  y = Conv(x, w)
        }""",
        s=ints(512, 600, 1, 1),
    )
    fold_constants.PASS.run(Editor(source.graph))
    assert [node.op_type for node in source.graph.graph] == ["ConstantOfShape", "Conv"]


def test_a_filling_beyond_all_networks_for_cameras_is_not_made() -> None:
    source = model(
        "(float[1,8192,1,1] x) => (float[1,8193,1,1] y) { w = ConstantOfShape(s) y = Conv(x, w) }",
        s=ints(8193, 8192, 1, 1),
    )
    fold_constants.PASS.run(Editor(source.graph))
    assert [node.op_type for node in source.graph.graph] == ["ConstantOfShape", "Conv"]


def test_a_constant_output_keeps_its_name() -> None:
    source = model("(float[3] x) => (float[3] y, float[3] z) { y = Relu(x)  z = Add(a, b) }", a=random(3), b=random(3))
    result = rewrite(source)
    assert sorted(result.operators) == ["Identity", "Relu"]


def test_quantization_of_constants_stays_for_whoever_reads_its_ranges() -> None:
    source = model(
        "(float[1,4] x) => (float[1,4] y) { d = DequantizeLinear(q, s, z)  y = Add(x, d) }",
        q=np.asarray([1, 2, 3, 4], np.int8),
        s=np.asarray(0.5, np.float32),
        z=np.asarray(0, np.int8),
    )
    assert rewrite(source).operators == ["DequantizeLinear", "Add"]


def test_random_numbers_are_not_folded() -> None:
    source = model("(float[2] x) => (float[2] y) { r = RandomUniform<shape=[2], seed=1.0>()  y = Add(x, r) }")
    copy = normalize(source)[0]
    assert [n.op_type for n in copy.graph.graph] == ["RandomUniform", "Add"]


def test_wrong_shapes_in_the_file_are_corrected() -> None:
    source = model("(float[1,4] x) => (float[1,4] y) <float[9,9] r> { r = Relu(x)  y = Neg(r) }")
    result = rewrite(source)
    assert result.node("Relu").outputs[0].shape == [1, 4]


CASES = {
    "Add": ("Add(a, b)", {"a": random(2, 3), "b": random(3)}),
    "Div of negative integers": ("Div(a, b)", {"a": ints(-7, 7), "b": ints(2, 2)}),
    "Slice with steps": (
        "Slice(a, s, e, x, t)",
        {"a": random(4, 6), "s": ints(5), "e": ints(-9), "x": ints(1), "t": ints(-2)},
    ),
    "Slice": ("Slice(a, s, e, x, t)", {"a": random(4, 6), "s": ints(1), "e": ints(99), "x": ints(-1), "t": ints(2)}),
    "Cast": ("Cast<to=7>(a)", {"a": random(5)}),
    "Where": ("Where(c, a, b)", {"c": np.asarray([True, False]), "a": random(2), "b": random(2, 2)}),
    "ConstantOfShape": ("ConstantOfShape<value=int64[1] {3}>(a)", {"a": ints(2, 2)}),
    "Range": ("Range(a, b, c)", {"a": np.asarray(1), "b": np.asarray(9), "c": np.asarray(3)}),
    "Reshape with zero and minus one": ("Reshape(a, s)", {"a": random(2, 3, 4), "s": ints(0, -1)}),
    "Transpose": ("Transpose(a)", {"a": random(2, 3, 4)}),
    "Expand": ("Expand(a, s)", {"a": random(3, 1), "s": ints(2, 1, 4)}),
    "Squeeze": ("Squeeze(a)", {"a": random(1, 3, 1)}),
    "Softmax": ("Softmax(a)", {"a": random(2, 3)}),
    "ReduceProd": ("ReduceProd<keepdims=0>(a)", {"a": positive(4)}),
    "Floor": ("Floor(a)", {"a": random(9)}),
}


@pytest.mark.parametrize("name", CASES)
def test_constants_are_computed_as_in_onnx_runtime(name: str) -> None:
    expression, constants = CASES[name]
    kinds = {"f": "float", "i": "int64", "b": "bool"}
    inputs = ", ".join(f"{kinds[v.dtype.kind]}[{','.join(map(str, v.shape))}] {k}" for k, v in constants.items())
    source = model(f"({inputs}) => (float y) {{ y = {expression} }}")
    (node,) = source.graph.graph
    results = evaluate(node, list(constants.values()), 20)
    source.graph.graph.outputs[0].type = None
    source.graph.graph.outputs[0].shape = None
    (wanted,) = run(source, constants)
    assert results is not None
    assert results[0].dtype == wanted.dtype
    np.testing.assert_allclose(results[0], wanted, rtol=1e-6)


def test_an_operator_that_refuses_its_constants_is_left_to_the_runtime() -> None:
    source = model("(float[2] x) => (float[2] y) { g = Gather(c, i)  y = Add(x, g) }", c=random(2), i=ints(0, 0))
    (node, _) = source.graph.graph
    assert evaluate(node, [random(2), np.asarray([0.5], np.float32)], 20) is None
    assert rewrite(source).operators == ["Add"]


def test_folding_again_finds_nothing() -> None:
    source = model("(float[1,4] x) => (float[1,4] y) { s = Shape(x)  y = Reshape(x, s) }")
    assert rewrite(source, fold_constants.AGAIN).fired == (0,)
    assert samples(source)["x"].shape == (1, 4)


def test_constants_that_end_the_process_that_computes_with_them_are_one_sentence() -> None:
    """The smallest number of 32 bits has no counterpart: processors stop at the division by -1."""
    smallest, minus = np.array([-(2**31)], np.int32), np.array([-1], np.int32)
    network = model(
        "(float[1] x) => (float[1] y) { q = Div(a, b)  f = Cast<to = 1>(q)  y = Add(x, f) }", a=smallest, b=minus
    )
    with raises_error("constants-not-computable", "Div '"):
        normalize(network)


def test_shape_arithmetic_and_moves_of_weights_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime is asked for what NumPy does not compute alone."""
    asked: list[str] = []
    monkeypatch.setattr(onnx_values, "_by_runtime", lambda node, *_: asked.append(node.op_type))
    network = model(
        """(float[1,2,4,4] x) => (float[1,32] y) {
            s = Shape(x)  n = Gather(s, zero)  all = Concat<axis = 0>(n, rest)  t = Transpose<perm = [1, 0]>(w)
            r = Reshape(x, all)  y = MatMul(r, t)
        }""",
        zero=ints(0), rest=ints(-1), w=random(32, 32),
    )  # fmt: skip
    normalize(network)
    assert not asked
