"""Padding: written out, folded and merged."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import explicit_padding, fold_pad
from dlpuconv.passes.editor import Editor
from tests.passes.rewriting import Array, ints, model, random, rewrite, scalar

ONE_EACH_SIDE = ints(0, 0, 1, 1, 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("auto_pad", "pads"), [("SAME_UPPER", [0, 1, 1, 1]), ("SAME_LOWER", [1, 1, 0, 1]), ("VALID", [0, 0, 0, 0])]
)
def test_auto_pad_becomes_pads(auto_pad: str, pads: list[int]) -> None:
    size = "[1,2,3,3]" if auto_pad == "VALID" else "[1,2,4,4]"
    source = model(
        f'(float[1,3,8,7] x) => (float{size} y) {{ y = Conv<auto_pad="{auto_pad}", strides=[2,2]>(x, w) }}',
        w=random(2, 3, 3, 3),
    )
    result = rewrite(source, explicit_padding.PASS)
    assert result.fired == (1,)
    assert result.attribute("Conv", "pads") == pads
    assert result.attribute("Conv", "kernel_shape") == [3, 3]
    assert "auto_pad" not in result.node("Conv").attributes


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
def test_a_transposed_convolution_is_written_out(auto_pad: str) -> None:
    size = {"VALID": 9, "NOTSET": 9}.get(auto_pad, 8)
    source = model(
        f"""(float[1,3,4,4] x) => (float[1,2,{size},{size}] y) {{
            y = ConvTranspose<auto_pad="{auto_pad}", strides=[2,2]>(x, w)
        }}""",
        w=random(3, 2, 3, 3),
    )
    assert rewrite(source, explicit_padding.PASS).fired == (1,)


@pytest.mark.parametrize(
    ("extent", "pads", "extra"), [(7, [1, 1, 1, 1], None), (8, [1, 1, 0, 0], None), (10, [0, 0, 0, 0], [1, 1])]
)
def test_a_wanted_output_shape_becomes_pads(extent: int, pads: list[int], extra: list[int] | None) -> None:
    source = model(
        f"""(float[1,3,4,4] x) => (float[1,2,{extent},{extent}] y) {{
            y = ConvTranspose<strides=[2,2], output_shape=[{extent},{extent}]>(x, w)
        }}""",
        w=random(3, 2, 3, 3),
    )
    result = rewrite(source, explicit_padding.PASS)
    assert result.attribute("ConvTranspose", "pads") == pads
    if extra:
        assert result.attribute("ConvTranspose", "output_padding") == extra


def test_attributes_for_another_number_of_axes_than_the_values_have_are_left_alone() -> None:
    source = model(
        """(float[1,1,3,4] x) => (float[1,2,10,8,1] y) {
            y = ConvTranspose<kernel_shape=[3,3], strides=[3,2], output_padding=[1,1], output_shape=[10,8]>(x, w)
        }""",
        w=random(1, 2, 3, 3),
    )
    reason = explicit_padding.write_out(Editor(source.graph), source.graph.graph[0])
    assert reason == "its attributes are for another number of axes than its input has"


def test_a_pad_of_zeros_goes_into_the_convolution() -> None:
    source = model(
        "(float[1,3,8,8] x) => (float[1,4,4,4] y) { p = Pad(x, a)  y = Conv<strides=[2,2], pads=[1,0,0,0]>(p, w) }",
        a=ints(0, 0, 0, 1, 0, 0, 1, 0),
        w=random(4, 3, 3, 3),
    )
    result = rewrite(source, explicit_padding.PASS, fold_pad.FOLD)
    assert result.fired[-1] == 1
    assert result.operators == ["Conv"]
    assert result.attribute("Conv", "pads") == [1, 1, 1, 0]


def test_a_pad_that_two_convolutions_read_goes_into_both() -> None:
    source = model(
        "(float[1,3,6,6] x) => (float[1,2,6,6] y, float[1,3,8,8] z) { p = Pad(x, a)  y = Conv(p, w)  z = Conv(p, v) }",
        a=ONE_EACH_SIDE,
        w=random(2, 3, 3, 3),
        v=random(3, 3, 1, 1),
    )
    result = rewrite(source, explicit_padding.PASS, fold_pad.FOLD)
    assert result.operators == ["Conv", "Conv"]


def test_an_average_that_counts_the_padding_takes_the_pad() -> None:
    source = model(
        "(float[1,3,6,6] x) => (float[1,3,6,6] y) { p = Pad(x, a)  y = AveragePool<kernel_shape=[3,3]>(p) }",
        a=ONE_EACH_SIDE,
    )
    result = rewrite(source, explicit_padding.PASS, fold_pad.FOLD)
    assert result.operators == ["AveragePool"]
    assert result.attribute("AveragePool", "count_include_pad") == 1


@pytest.mark.parametrize("value", [-np.inf, np.finfo(np.float32).min])
def test_a_maximum_takes_a_pad_that_is_below_everything(value: float) -> None:
    source = model(
        "(float[1,3,6,6] x) => (float[1,3,6,6] y) { p = Pad(x, a, v)  y = MaxPool<kernel_shape=[3,3]>(p) }",
        a=ONE_EACH_SIDE,
        v=scalar(value),
    )
    assert rewrite(source, explicit_padding.PASS, fold_pad.FOLD).operators == ["MaxPool"]


def test_a_maximum_of_what_is_not_negative_takes_zeros() -> None:
    source = model(
        "(float[1,3,6,6] x) => (float[1,3,6,6] y) { r = Relu(x)  p = Pad(r, a)  y = MaxPool<kernel_shape=[3,3]>(p) }",
        a=ONE_EACH_SIDE,
    )
    assert rewrite(source, explicit_padding.PASS, fold_pad.FOLD).operators == ["Relu", "MaxPool"]


DECLINED: list[tuple[str, dict[str, Array], str]] = [
    ("p = Pad(x, a, v)  y = Conv(p, w)", {"v": scalar(1), "w": random(3, 3, 3, 3)}, "pads with 1.0, a Conv with 0"),
    ("p = Pad<mode='edge'>(x, a)  y = Conv(p, w)", {"w": random(3, 3, 3, 3)}, "not of constant values"),
    ("p = Pad(x, a)  y = MaxPool<kernel_shape=[3,3]>(p)", {}, "may be below"),
]


@pytest.mark.parametrize(("nodes", "constants", "reason"), DECLINED)
def test_a_pad_that_means_something_else_stays(nodes: str, constants: dict[str, Array], reason: str) -> None:
    text = nodes.replace("'", '"')
    source = model(f"(float[1,3,6,6] x) => (float[1,3,6,6] y) {{ {text} }}", a=ONE_EACH_SIDE, **constants)
    result = rewrite(source, explicit_padding.PASS, fold_pad.FOLD)
    assert result.operators[0] == "Pad"
    assert reason in result.reasons[0]


def test_padding_of_channels_stays() -> None:
    source = model(
        "(float[1,3,6,6] x) => (float[1,3,6,6] y) { p = Pad(x, a)  y = Conv(p, w) }",
        a=ints(0, 1, 0, 0, 0, 0, 0, 0),
        w=random(3, 4, 1, 1),
    )
    result = rewrite(source, explicit_padding.PASS, fold_pad.FOLD)
    assert result.reasons == ("the pad in front is not at spatial axes alone",)


def test_pads_merge_when_they_add_the_same() -> None:
    source = model(
        "(float[1,3,6,6] x) => (float[1,3,9,10] y) { p = Pad(x, a)  y = Pad(p, b, , axes) }",
        a=ONE_EACH_SIDE,
        b=ints(1, 2, 0, 0),
        axes=ints(2, 3),
    )
    result = rewrite(source, fold_pad.MERGE)
    assert result.operators == ["Pad"]
    assert result.constant("Pad", 1).tolist() == [0, 0, 2, 3, 0, 0, 1, 1]


def test_pads_of_different_values_stay() -> None:
    source = model(
        "(float[1,3,6,6] x) => (float[1,3,10,10] y) { p = Pad(x, a)  y = Pad(p, a, v) }", a=ONE_EACH_SIDE, v=scalar(1)
    )
    assert rewrite(source, fold_pad.MERGE).reasons == ("the two pads do not add the same constant",)


@pytest.mark.parametrize("pool", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    ("extent", "more", "after", "dropped"),
    [
        (7, "", 3, True),
        (8, "", 4, False),
        (7, ", pads=[1,0,0,0]", 4, False),
        (8, ", pads=[1,0,0,0]", 4, True),
        (9, ", dilations=[2,1]", 3, True),
        (8, ", dilations=[2,1]", 3, False),
    ],
)
def test_rounding_up_is_dropped_where_it_changes_nothing(
    pool: str, extent: int, more: str, after: int, dropped: bool
) -> None:
    source = model(
        f"(float[1,2,{extent},7] x) => (float[1,2,{after},3] y)"
        f" {{ y = {pool}<kernel_shape=[3,3], strides=[2,2], ceil_mode=1{more}>(x) }}"
    )
    result = rewrite(source, explicit_padding.PASS, explicit_padding.ROUNDING)
    assert ("ceil_mode" not in result.node(pool).attributes) is dropped


def test_a_last_window_in_the_padding_altogether_is_none() -> None:
    source = model(
        "(float[1,1,2,2] x) => (float[1,1,1,1] y) { y = MaxPool<kernel_shape=[1,1], strides=[2,2], ceil_mode=1>(x) }",
        22,
    )
    assert (
        "ceil_mode" not in rewrite(source, explicit_padding.PASS, explicit_padding.ROUNDING).node("MaxPool").attributes
    )
