"""Old and new spellings -> opset 20."""

from __future__ import annotations

import pytest

from dlpuconv.passes import normalize
from tests.error_ids import raises_error
from tests.passes.rewriting import Array, assert_equal, floats, ints, model, positive, random, rewrite, samples, scalar

IMAGE = "(float[1,4,6,6] x) => (float[1,4,6,6] y)"

CASES = [
    (7, f"{IMAGE} {{ y = Clip<min=-0.5, max=0.5>(x) }}", {}, ["Clip"]),
    (7, "(float[1,4,6,6] x) => (float[1,4,8,7] y) { y = Pad<pads=[0,0,1,0,0,0,1,1], value=2.0>(x) }", {}, ["Pad"]),
    (
        9,
        "(float[1,4,6,6] x) => (float[1,2,6,3] y) { y = Slice<axes=[1,3], starts=[1,-3], ends=[3,99]>(x) }",
        {},
        ["Slice"],
    ),
    (7, "(float[1,4,6,6] x) => (float[1,2,6,6] y, float[1,2,6,6] z) { y, z = Split<axis=1>(x) }", {}, ["Split"]),
    (
        11,
        "(float[1,4,6,6] x) => (float[1,1,6,6] y, float[1,3,6,6] z) { y, z = Split<axis=1, split=[1,3]>(x) }",
        {},
        ["Split"],
    ),
    (
        18,
        "(float[1,4,6,6] x) => (float[1,2,6,6] y, float[1,2,6,6] z) { y, z = Split<axis=1, num_outputs=2>(x) }",
        {},
        ["Split"],
    ),
    (9, "(float[1,4] x) => (float[1,2] y, int64[1,2] i) { y, i = TopK<k=2>(x) }", {}, ["TopK"]),
    (11, "(float[1,4,1,6] x) => (float[1,4,6] y) { y = Squeeze<axes=[2]>(x) }", {}, ["Squeeze"]),
    (11, "(float[4,6] x) => (float[1,4,6] y) { y = Unsqueeze<axes=[0]>(x) }", {}, ["Unsqueeze"]),
    (11, "(float[1,4,6,6] x) => (float[1,4] y) { y = ReduceSum<axes=[2,3], keepdims=0>(x) }", {}, ["ReduceSum"]),
    (17, "(float[1,4,6,6] x) => (float[1,4] y) { y = ReduceMean<axes=[-2,-1], keepdims=0>(x) }", {}, ["ReduceMean"]),
    (11, "(float[2,3,4] x) => (float[2,3,4] y) { y = Softmax(x) }", {}, ["Reshape", "Softmax", "Reshape"]),
    (11, "(float[2,3,4] x) => (float[2,3,4] y) { y = LogSoftmax<axis=2>(x) }", {}, ["LogSoftmax"]),
    (12, "(float[2,3,1] x) => (float[2,3,1] y) { y = Softmax(x) }", {}, ["Softmax"]),
    (
        7,
        "(float[1,4,6,6] x) => (float[1,4,12,12] y) { y = Upsample<mode='nearest', scales=[1.0,1.0,2.0,2.0]>(x) }",
        {},
        ["Resize"],
    ),
    (
        9,
        "(float[1,4,6,6] x) => (float[1,4,12,12] y) { y = Upsample<mode='linear'>(x, s) }",
        {"s": floats(1, 1, 2, 2)},
        ["Resize"],
    ),
    (10, "(float[1,4,6,6] x) => (float[1,4,12,12] y) { y = Resize(x, s) }", {"s": floats(1, 1, 2, 2)}, ["Resize"]),
    (10, "(float[1,4,6,6] x) => (float[1,4,4,4] y) { y = Resize(x, s) }", {"s": floats(1, 1, 0.7, 0.7)}, ["Resize"]),
    (
        11,
        """(float[1,1,6,6] x) => (float[1,1,15,15] y) {
            y = Resize<coordinate_transformation_mode='tf_half_pixel_for_nn', nearest_mode='floor'>(x, r, s)
        }""",
        {"r": floats(), "s": floats(1, 1, 2.5, 2.5)},
        ["Resize"],
    ),
    (
        8,
        f"{IMAGE} {{ y = BatchNormalization<spatial=1>(x, s, b, p, q) }}",
        {"s": random(4), "b": random(4), "p": random(4), "q": positive(4)},
        ["BatchNormalization"],
    ),
    (7, f"{IMAGE} {{ y, m = Dropout<ratio=0.4>(x) }}", {}, ["Dropout"]),
    (
        10,
        "(float[3,3] x) => (float[3,3] y) { y = Scatter(x, i, u) }",
        {"i": ints(1, 0, 2).reshape(1, 3), "u": random(1, 3)},
        ["ScatterElements"],
    ),
    (
        16,
        "(float[1,2,4,4] x) => (float[1,2,3,3] y) { y = GridSample<mode='bilinear'>(x, g) }",
        {"g": random(1, 3, 3, 2) / 3},
        ["GridSample"],
    ),
]


@pytest.mark.parametrize(
    ("opset", "graph", "constants", "operators"), CASES, ids=lambda v: v if isinstance(v, int) else ""
)
def test_an_old_spelling_becomes_the_one_of_opset_20(
    opset: int, graph: str, constants: dict[str, Array], operators: list[str]
) -> None:
    result = rewrite(model(graph.replace("'", '"'), opset, **constants))
    assert result.operators == operators
    assert result.model.opset == 20


def test_operator_sets_that_no_node_uses_are_not_imported() -> None:
    source = model(f"{IMAGE} {{ y = Relu(x) }}")
    source.graph.opset_imports["ai.onnx.ml"] = 2
    assert dict(normalize(source)[0].graph.opset_imports) == {"": 20}


def test_what_training_left_in_a_batch_normalization_goes() -> None:
    parameters = {"s": random(4), "b": random(4), "p": random(4), "q": positive(4)}
    trained = model(f"{IMAGE} {{ y, m, v = BatchNormalization<training_mode=1>(x, s, b, p, q) }}", 15, **parameters)
    plain = model(f"{IMAGE} {{ y = BatchNormalization(x, s, b, p, q) }}", 15, **parameters)
    assert_equal(plain, normalize(trained)[0], samples(plain), 110)


def test_swish_of_opset_24_is_written_out() -> None:
    # ONNX Runtime knows no Swish yet, so the numbers are compared with what it stands for.
    source = model(f"{IMAGE} {{ y = Swish<alpha=2.0>(x) }}", 24)
    normal = normalize(source)[0]
    assert [n.op_type for n in normal.graph.graph] == ["Mul", "Sigmoid", "Mul"]
    wanted = model(f"{IMAGE} {{ a = Mul(x, c)  s = Sigmoid(a)  y = Mul(x, s) }}", c=scalar(2))
    assert [n.op_type for n in normalize(wanted)[0].graph.graph] == ["Mul", "Sigmoid", "Mul"]


def test_operators_that_opset_20_does_not_have_are_named_together() -> None:
    source = model(
        """(float[1,2,8,4] x) => (float[1,2,8,8] y, float[1,2,8,4] z) {
            a, b, c, y = Attention<is_causal=1, qk_matmul_output_mode=1>(x, x, x)
            z = GroupNormalization<num_groups=3>(x, s, s)
        }""",
        23,
        s=positive(2),
    )
    with raises_error("opset-too-new", "opset 23", "Attention, GroupNormalization"):
        normalize(source)
