"""Changes of shape and of the order of axes."""

from __future__ import annotations

from dlpuconv.passes import fold_affine, merge_reshapes, merge_transposes
from tests.passes.rewriting import ints, model, positive, random, rewrite, scalar


def test_all_changes_of_shape_become_one_reshape() -> None:
    source = model(
        """(float[1,4,2,2] x) => (float[16,1] y) {
            f = Flatten(x)  u = Unsqueeze(f, a)  s = Squeeze(u, b)  y = Reshape(s, t)
        }""",
        a=ints(0),
        b=ints(1),
        t=ints(-1, 1),
    )
    result = rewrite(source, merge_reshapes.PASS)
    assert result.fired == (4,)
    assert result.operators == ["Reshape"]
    assert result.constant("Reshape", 1).tolist() == [16, 1]


def test_a_reshape_that_others_read_stays_for_them() -> None:
    source = model(
        "(float[1,4] x) => (float[4] y, float[2,2] z) { y = Squeeze(x, a)  z = Reshape(y, t) }", a=ints(0), t=ints(2, 2)
    )
    result = rewrite(source, merge_reshapes.PASS)
    assert result.operators == ["Reshape", "Reshape"]
    assert [v.name for n in result.model.graph.graph for v in n.inputs if v and not v.is_initializer()] == ["x", "x"]


def test_transposes_that_undo_one_another_go() -> None:
    source = model(
        """(float[1,4,2,3] x) => (float[1,4,2,3] y) {
            r = Relu(x)  a = Transpose<perm=[0,2,3,1]>(r)  b = Transpose<perm=[0,3,1,2]>(a)  y = Neg(b)
        }"""
    )
    result = rewrite(source, merge_transposes.MERGE)
    assert result.fired == (1,)
    assert result.operators == ["Relu", "Neg"]


def test_other_transposes_merge() -> None:
    source = model(
        """(float[1,4,2,3] x) => (float[3,1,2,4] y) {
            a = Transpose<perm=[0,2,3,1]>(x)  y = Transpose<perm=[2,0,1,3]>(a)
        }"""
    )
    result = rewrite(source, merge_transposes.MERGE)
    assert result.operators == ["Transpose"]
    assert result.attribute("Transpose", "perm") == [3, 0, 2, 1]


def test_transposes_around_elementwise_operators_meet_and_go() -> None:
    source = model(
        """(float[1,2,3,4] x) => (float[1,2,3,4] y) {
            a = Transpose<perm=[0,2,3,1]>(x)  b = Add(a, c)  s = Sigmoid(b)  m = Mul(b, s)
            y = Transpose<perm=[0,3,1,2]>(m)
        }""",
        c=random(2),
    )
    sinks = (merge_transposes.SINK,) * 3
    result = rewrite(source, *sinks, merge_transposes.MERGE)
    assert sum(result.fired[:-1]) >= 1
    assert "Transpose" not in result.operators or result.fired[-1] == 0


def test_transposes_go_through_one_chain() -> None:
    source = model(
        """(float[1,2,3,4] x) => (float[1,2,3,4] y) {
            a = Transpose<perm=[0,2,3,1]>(x)  b = Add(a, c)  s = Relu(b)  y = Transpose<perm=[0,3,1,2]>(s)
        }""",
        c=random(2),
    )
    result = rewrite(source, merge_transposes.SINK, merge_transposes.SINK, merge_transposes.MERGE)
    assert result.fired == (1, 1, 1)
    assert result.operators == ["Add", "Relu"]
    assert result.constant("Add", 1).shape == (1, 2, 1, 1)


def test_a_transpose_that_nothing_undoes_stays_where_it_is() -> None:
    source = model("(float[1,2,3] x) => (float[1,3,2] y) { a = Transpose<perm=[0,2,1]>(x)  y = Relu(a) }")
    result = rewrite(source, merge_transposes.SINK)
    assert result.operators == ["Transpose", "Relu"]
    assert result.reasons == ("no Transpose that undoes it follows behind the next operators",)


def test_a_factor_in_front_of_a_transpose_reaches_the_convolution() -> None:
    source = model(
        """(float[1,6,6,3] x) => (float[1,4,4,4] y) {
            s = Mul(x, f)  t = Transpose<perm=[0,3,1,2]>(s)  y = Conv(t, w)
        }""",
        f=positive(3),
        w=random(4, 3, 3, 3),
    )
    result = rewrite(source, merge_transposes.LIFT, fold_affine.IN_FRONT)
    assert result.operators == ["Transpose", "Conv"]


def test_a_factor_in_front_of_a_single_channels_reshape_reaches_the_convolution() -> None:
    source = model(
        "(float[1,6,6,1] x) => (float[1,4,4,4] y) { s = Mul(x, f)  t = Reshape(s, shape)  y = Conv(t, w) }",
        f=scalar(1 / 255),
        shape=ints(1, 1, 6, 6),
        w=random(4, 1, 3, 3),
    )
    result = rewrite(source, merge_transposes.LIFT, fold_affine.IN_FRONT)
    assert result.operators == ["Reshape", "Conv"]


def test_a_factor_of_many_axes_gives_a_sequence_none_that_it_has_not() -> None:
    source = model(
        "(float[1,1,6,6] x) => (float[1,4,34] y) { s = Mul(x, f)  t = Reshape(s, shape)  y = Conv(t, w) }",
        f=positive(1, 1, 1, 1),
        shape=ints(1, 1, 36),
        w=random(4, 1, 3),
    )
    assert rewrite(source, merge_transposes.LIFT).operators == ["Reshape", "Mul", "Conv"]


def test_a_transpose_stays_behind_what_others_read_too() -> None:
    source = model(
        """(float[1,6,6,3] x) => (float[1,4,4,4] y, float[1,6,6,3] z) {
            s = Mul(x, f)  t = Transpose<perm=[0,3,1,2]>(s)  y = Conv(t, w)  z = Relu(s)
        }""",
        f=positive(3),
        w=random(4, 3, 3, 3),
    )
    result = rewrite(source, merge_transposes.LIFT)
    assert result.fired == (0,)
    assert result.reasons == ("something else reads what it transposes",)
