"""Static shapes for symbolic inputs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.error_ids import raises_error, refused_by
from tests.frontends.support import Shape, build, chain, conv, node, read, run, value


def test_an_unknown_batch_is_one() -> None:
    for batch in ("N", None, -1):
        signature = read(conv((batch, 3, 8, 8))).signature
        assert [v.shape for v in (*signature.inputs, *signature.outputs)] == [(1, 3, 8, 8), (1, 4, 8, 8)]


def test_other_unknown_extents_are_bound_by_name_or_for_the_only_input() -> None:
    for asked in ({"x": (1, 3, 6, 10)}, {"": (1, 3, 6, 10)}):
        assert read(conv(("N", 3, "H", "W")), **asked).signature.outputs[0].shape == (1, 4, 6, 10)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (("N", 3, "H", "W"), ("shape-unknown", "axis 2 (H), 3 (W)", "--input-shape x=1,3,H,W")),
        (
            ("N", 3, 224, None),
            ("shape-unknown", "[N, 3, 224, ?]", "axis 3", "--input-shape x=1,3,224,W"),
        ),
        (("N", "height", 5, 3), ("shape-unknown", "axis 1 (height)", "--input-shape x=1,H,5,3")),
        ((1, "T"), ("shape-unknown", "axis 1 (T)", "--input-shape x=1,D1")),
        (None, ("shape-unknown", "'x'", "--input-shape x=1,3,H,W")),
        (
            (1, 3, 0, 8),
            ("shape-unknown", "[1, 3, 0, 8]", "0 on axis 2", "--input-shape x=1,3,H,8"),
        ),
    ],
)
def test_an_unbound_extent_is_named_with_the_flag_to_give(shape: Shape, told: tuple[str, ...]) -> None:
    with raises_error(*told):
        read(conv(shape))


def test_a_fixed_batch_is_answered_with_the_flag_that_makes_it_one() -> None:
    with raises_error("shape-batch-fixed", "batch 8", "[8, 3, 8, 8]") as caught:
        read(conv((8, 3, 8, 8)))
    assert str(caught.value).endswith("try --input-shape x=1,3,8,8")
    assert read(conv((8, 3, 8, 8)), x=(1, 3, 8, 8)).signature.outputs[0].shape == (1, 4, 8, 8)


def test_a_first_extent_that_is_no_batch_can_be_confirmed() -> None:
    proto = chain(node("Relu", ["x"], ["y"]), shape=(49, 10))
    assert read(proto, x=(49, 10)).signature.inputs[0].shape == (49, 10)


def test_a_wrong_name_is_answered_with_the_inputs() -> None:
    with raises_error("shape-input-unknown", "'X'", "did you mean 'x'?"):
        read(conv(), X=(1, 3, 8, 8))


def test_a_wrong_rank_is_answered_with_the_inputs_shape() -> None:
    with raises_error("shape-rank", "--input-shape x=3,8,8", "3 extents", "[N, 3, H, W]"):
        read(conv(("N", 3, "H", "W")), x=(3, 8, 8))


def two_inputs(left: Shape, right: Shape) -> object:
    return build([node("Add", ["a", "b"], ["y"])], [value("a", left), value("b", right)], [value("y", None)])


def test_a_shape_without_a_name_needs_a_single_input() -> None:
    with raises_error("shape-input-unnamed", "2 inputs", "--input-shape", "'a', 'b'"):
        read(two_inputs((1, 2), (1, 2)), **{"": (1, 2)})


def test_a_symbol_means_the_same_in_all_inputs() -> None:
    signature = read(two_inputs(("N", "T"), ("N", "T")), a=(1, 7)).signature
    assert [v.shape for v in signature.inputs] == [(1, 7), (1, 7)]


def test_problems_of_several_inputs_are_told_together() -> None:
    with raises_error("shape-unknown", "'a'", "--input-shape a=1,D1", "'b'", "--input-shape b=1,D1"):
        read(two_inputs(("N", "S"), ("N", "T")))


def test_a_shape_for_an_input_that_a_cut_removes_is_no_error() -> None:
    proto = build(
        [node("Relu", ["a"], ["r"]), node("Add", ["r", "b"], ["y"])],
        [value("a", ("N", "S")), value("b", ("N", "S"))],
        [value("y", None)],
    )
    assert [v.name for v in read(proto, cut_at=["r"], a=(1, 3), b=(1, 3)).signature.inputs] == ["a"]


def test_any_rank_is_read() -> None:
    for shape in ((), (5,), (1, 2, 3), (1, 2, 3, 4, 5)):
        assert read(chain(node("Neg", ["x"], ["y"]), shape=shape)).signature.outputs[0].shape == shape


def test_every_value_gets_a_static_shape_and_a_type() -> None:
    model = read(conv(("N", 3, "H", "W")), x=(1, 3, 5, 6))
    for output in (v for n in model.graph.graph for v in n.outputs):
        assert output.shape is not None
        assert output.shape.is_static()
        assert output.dtype is not None


def test_shape_arithmetic_is_followed_where_inference_stops(caplog: pytest.LogCaptureFixture) -> None:
    """Pads that come out of ConstantOfShape, Concat, Reshape and Transpose, as torch exports F.pad."""
    pads = [
        node("ConstantOfShape", ["four"], ["zeros"], value=_int64(0)),
        node("Concat", ["pair", "zeros"], ["eight"], axis=0),
        node("Reshape", ["eight", "rows"], ["table"]),
        node("Slice", ["table", "last", "first", "axis", "back"], ["flipped"]),
        node("Transpose", ["flipped"], ["turned"], perm=[1, 0]),
        node("Reshape", ["turned", "flat"], ["pads"]),
        node("Pad", ["x", "pads"], ["padded"]),
        node("Flatten", ["padded"], ["y"]),
    ]
    weights = {
        "four": np.array([6]), "pair": np.array([1, 2]), "rows": np.array([-1, 2]), "last": np.array([-1]),
        "first": np.array([-99]), "axis": np.array([0]), "back": np.array([-1]), "flat": np.array([-1]),
    }  # fmt: skip
    proto = chain(*pads, shape=("N", 2, 3, 3), weights=weights)
    model = read(proto)
    assert model.signature.outputs[0].shape == (1, 2 * 3 * 6)
    assert not caplog.records  # onnx_ir warns of nodes that are read without their graph
    assert run(model)[0].shape == (1, 36)


def test_a_shape_that_depends_on_values_is_refused_with_what_makes_it() -> None:
    proto = chain(node("Relu", ["x"], ["r"]), node("NonZero", ["r"], ["nz"], name="find"), node("Neg", ["nz"], ["y"]))
    proto.graph.output[0].type.tensor_type.elem_type = 7
    with raises_error("shape-depends-on-values", "'y'", "NonZero 'find'") as caught:
        read(proto)
    assert refused_by(caught) == ("nz",)


def test_a_value_without_elements_is_named_with_its_operator() -> None:
    ends = {"a": np.array([2]), "b": np.array([2]), "c": np.array([1])}
    with raises_error("shape-empty", "'y'", "[1, 0]", "Slice 's'"):
        read(chain(node("Slice", ["x", "a", "b", "c"], ["y"], name="s"), weights=ends))


def test_a_value_that_no_memory_holds_is_refused_before_it_is_made() -> None:
    huge = {"s": np.array([10**6, 10**6])}
    proto = chain(node("ConstantOfShape", ["s"], ["z"]), node("Add", ["x", "z"], ["y"]), shape=(1,), weights=huge)
    with raises_error("shape-too-large", "536870912"):
        read(proto)


def _int64(number: int) -> object:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array([number]))
