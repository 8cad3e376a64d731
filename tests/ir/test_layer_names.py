from __future__ import annotations

import pytest

from dlpuconv.ir.layer_names import LayerNames, closest, tell_apart

STEM = LayerNames(
    tensor="relu_out",
    nodes=("/stem/conv/Conv", "/stem/act/Relu"),
    modules=("net.stem.conv", "net.stem.act"),
    values=("relu_out", "conv_out"),
)


@pytest.mark.parametrize(
    "pattern",
    [
        "net.stem.conv",  # the module
        "net.stem.act",  # of what was fused into it
        "net.stem",  # a module that it is inside of
        "net",
        "net.*",
        "*.stem",
        "/stem/conv/Conv",
        "/stem/conv/*",
        "/stem/act/Relu",
        "conv_out",
        "relu_out",
        "relu_*",
    ],
)
def test_any_name_and_any_glob_of_one_means_the_layer(pattern: str) -> None:
    assert STEM.match(pattern)


@pytest.mark.parametrize("pattern", ["net.ste", "stem", "net.stem.conv.0", "/stem/conv", "NET", "", "net.head.*"])
def test_a_part_of_a_name_means_nothing(pattern: str) -> None:
    assert not STEM.match(pattern)


def test_a_name_with_the_signs_of_globs_means_itself() -> None:
    assert LayerNames(tensor="conv[0]*").match("conv[0]*")


def test_a_layer_is_shown_under_its_module_else_its_node_else_its_tensor() -> None:
    assert STEM.title == "net.stem.conv"
    assert LayerNames(tensor="t", nodes=("n",)).title == "n"
    assert LayerNames(tensor="t").title == "t"


def of(tensor: str, node: str = "", module: str = "") -> LayerNames:
    return LayerNames(tensor=tensor, nodes=(node,) if node else (), modules=(module,) if module else ())


def test_where_a_module_holds_several_layers_each_is_shown_under_its_node_and_says_where_it_is() -> None:
    sigmoid, times = tell_apart([of("a", "Sigmoid_1", "head.act"), of("b", "Mul_2", "head.act")])
    assert (sigmoid.title, sigmoid.label) == ("Sigmoid_1", "Sigmoid_1 in head.act")
    assert (times.title, times.label) == ("Mul_2", "Mul_2 in head.act")


def test_what_a_list_shows_may_be_given_back_whole() -> None:
    sigmoid, times = tell_apart([of("a", "Sigmoid_1", "head.act"), of("b", "Mul_2", "head.act")])
    assert sigmoid.match(sigmoid.label)
    assert not times.match(sigmoid.label)


def test_a_module_that_others_are_inside_of_is_no_name_of_a_layer_of_its_own() -> None:
    conv, add = tell_apart([of("c", "Conv_1", "block.conv"), of("a", "Add_2", "block")])
    assert (conv.title, conv.label) == ("block.conv", "block.conv")
    assert (add.title, add.label) == ("Add_2", "Add_2 in block")


def test_the_operators_that_one_node_became_share_its_title() -> None:
    assert [names.title for names in tell_apart([of("p", "Conv_1", "stem"), of("c", "Conv_1", "stem")])] == ["stem"] * 2


@pytest.mark.parametrize(
    "layers",
    [
        [
            of("a", "Sigmoid_1", "head.act"),
            of("b", "Mul_2", "head.act"),
            of("c", "Add", "head"),
            of("d", "", "head.fc"),
        ],
        [of("x", "y"), of("w", "x")],  # one's node is another's tensor
        [STEM, of("conv_out", "Add", "net.stem.conv.more")],
    ],
)
def test_a_title_that_is_given_back_means_its_layer_and_no_other(layers: list[LayerNames]) -> None:
    told = tell_apart(layers)
    for names in told:
        assert [other.tensor for other in told if other.match(names.title)] == [names.tensor]


def test_a_mistyped_name_is_answered_with_the_closest_one_or_module() -> None:
    assert closest("net.stem.cnv", [STEM]) == " (did you mean 'net.stem.conv'?)"
    assert closest("nett.*", [STEM]) == " (did you mean 'net'?)"
    assert closest("zzzzzz", [STEM]) == ""
