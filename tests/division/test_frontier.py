from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.division.division import Division
from dlpuconv.division.extract import extract
from dlpuconv.division.frontier import divide
from dlpuconv.division.whole import Whole
from dlpuconv.errors import UnsupportedModelError
from tests.division.support import chained, evaluate, node, weights, whole
from tests.error_ids import raises_error


def detector() -> Whole:
    """16 x 16 features; boxes of 4 x 256 and scores of 2 x 256 numbers, then NonMaxSuppression."""
    return whole(
        [
            node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
            node("Relu", ["c"], ["r"]),
            node("Conv", ["r", "wb"], ["b4"]),
            node("Reshape", ["b4", "sb"], ["bt"]),
            node("Transpose", ["bt"], ["boxes"], perm=[0, 2, 1]),
            node("Conv", ["r", "ws"], ["s4"]),
            node("Sigmoid", ["s4"], ["sg"]),
            node("Reshape", ["sg", "ss"], ["scores"]),
            node("NonMaxSuppression", ["boxes", "scores", "k", "iou", "thr"], ["kept"], name="nms"),
            node("Gather", ["kept", "two"], ["index"], axis=1),
            node("Gather", ["boxes", "index"], ["found"], axis=1),
        ],
        {"x": (1, 3, 16, 16)},
        ["kept", "found", "scores"],
        {
            "w": weights(8, 3, 3, 3), "wb": weights(4, 8, 1, 1), "ws": weights(2, 8, 1, 1),
            "sb": [1, 4, 256], "ss": [1, 2, 256], "k": [5], "two": 2,
            "iou": np.array([0.5], np.float32), "thr": np.array([0.2], np.float32),
        },
    )  # fmt: skip


def test_all_that_the_rest_reads_crosses_the_cut_and_outputs_made_before_it_are_the_chips() -> None:
    division = divide(detector(), ["kept"], ("NMS has no integer form",))
    assert division.cut == ("scores", "boxes")
    assert division.entry == ("x",)
    assert division.front is None
    assert division.tail is not None
    assert division.tail.reads == ("scores", "boxes")
    assert division.tail.gives == ("kept", "found")
    assert division.tail.operators[0] == "NonMaxSuppression 'nms'"
    assert division.crossing == 4 * 256 + 2 * 256
    assert division.macs == division.macs_on_chip == 256 * (8 * 27 + 4 * 8 + 2 * 8)
    assert division.share == 1.0


def test_a_float_file_sends_four_bytes_a_number() -> None:
    assert divide(detector(), ["kept"], bytes_of_a_float=4).crossing == 4 * 6 * 256


def test_operators_without_work_go_along_where_that_makes_the_cut_smaller() -> None:
    net = whole(
        [
            node("Conv", ["x", "w"], ["c"]),
            node("Relu", ["c"], ["r"]),
            node("Concat", ["r", "r"], ["twice"], axis=1),
            node("Sin", ["twice"], ["y"]),
        ],
        {"x": (1, 3, 4, 4)},
        ["y"],
        {"w": weights(8, 3, 1, 1)},
    )
    division = divide(net, ["y"])
    assert division.cut == ("r",)  # 128 numbers, not 256; the Relu stays, since c is as large
    assert division.tail is not None
    assert [label.split()[0] for label in division.tail.operators] == ["Concat", "Sin"]


def test_a_layer_goes_along_only_while_the_chip_keeps_95_percent_of_the_work() -> None:
    def divided(channels: int) -> Division:
        """The last layer makes four times what it reads."""
        net = whole(
            [
                node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
                node("Conv", ["c", "w2"], ["wide"]),
                node("Sin", ["wide"], ["y"]),
            ],
            {"x": (1, channels, 4, 4)},
            ["y"],
            {"w": weights(2, channels, 3, 3), "w2": weights(8, 2, 1, 1)},
        )
        return divide(net, ["y"])

    # 16 pixels: 2 * 9 * channels before, 16 in the last layer: 95 % of all is 19 times as much
    assert divided(17).cut == ("c",)
    assert divided(16).cut == ("wide",)


def test_whole_numbers_do_not_cross_so_what_makes_them_goes_along() -> None:
    net = whole(
        [
            node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
            node("MaxPool", ["c"], ["p", "i"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Relu", ["p"], ["p2"]),
            node("MaxUnpool", ["p2", "i"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
        ],
        {"x": (1, 3, 8, 8)},
        ["y"],
        {"w": weights(4, 3, 3, 3)},
    )
    division = divide(net, ["y"])
    assert division.cut == ("c",)
    assert division.tail is not None
    assert division.tail.gives == ("y",)


def test_a_pooling_runs_on_the_chip_for_its_values_and_behind_it_for_its_indices() -> None:
    net = whole(
        [
            node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
            node("MaxPool", ["c"], ["p", "i"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Conv", ["p", "w2"], ["c2"], pads=[1] * 4),
            node("MaxUnpool", ["c2", "i"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Add", ["p", "c2"], ["z"]),
        ],
        {"x": (1, 3, 8, 8)},
        ["y", "z"],
        {"w": weights(4, 3, 3, 3), "w2": weights(4, 4, 3, 3)},
    )
    division = divide(net, ["y"])
    assert division.cut == ("z", "c", "c2")
    assert division.share == 1.0
    assert division.tail is not None
    assert [label.split()[0] for label in division.tail.operators] == ["MaxPool", "MaxUnpool"]
    feeds = {"x": weights(1, 3, 8, 8)}
    got = chained(net, division, extract(net.proto, division.entry, division.cut), feeds)
    for name, right in evaluate(net.proto, feeds).items():
        np.testing.assert_allclose(got[name], right, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("indices", "cut"), [("at", ("best", "at", "c")), ("real", ("c",))])
def test_an_operator_whose_indices_the_tail_needs_makes_its_values_there_too(
    indices: str, cut: tuple[str, ...]
) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("TopK", ["c", "two"], ["best", "at"], name="top"),
        node("Cast", ["at"], ["real"], to=1),
        node("Sin", ["c"], ["s"]),
    ]
    constants = {"w": weights(4, 3, 1, 1), "two": [2]}
    net = whole(nodes, {"x": (1, 3, 4, 4)}, ["best", indices, "s"], constants)
    assert divide(net, ["s", "real"]).cut == cut


def test_a_value_that_two_operators_read_crosses_once() -> None:
    net = whole(
        [
            node("Conv", ["x", "w"], ["c"]),
            node("Sin", ["c"], ["sin"]),
            node("Cos", ["c"], ["cos"]),
        ],
        {"x": (1, 3, 4, 4)},
        ["sin", "cos"],
        {"w": weights(4, 3, 1, 1)},
    )
    division = divide(net, ["sin", "cos"])
    assert division.cut == ("c",)
    assert division.crossing == 4 * 16


def test_inputs_of_the_network_reach_the_tail_without_crossing() -> None:
    net = whole(
        [
            node("Conv", ["x", "w"], ["c"]),
            node("Sin", ["scale"], ["angle"]),
            node("Mul", ["c", "angle"], ["y"]),
        ],
        {"x": (1, 3, 4, 4), "scale": (1, 4, 1, 1)},
        ["y"],
        {"w": weights(4, 3, 1, 1)},
    )
    division = divide(net, ["angle"])
    assert division.front is not None  # and so the Mul stays on the chip
    assert division.front.gives == ("angle",)
    assert division.entry == ("x", "angle")
    assert division.cut == ("y",)
    assert division.tail is None


def test_what_has_no_form_goes_in_front_where_little_work_stands_before_it() -> None:
    net = whole(
        [
            node("Conv", ["x", "w3"], ["d"], pads=[1] * 6),
            node("Relu", ["d"], ["r"]),
            node("Squeeze", ["r", "axis"], ["s"]),
            node("Conv", ["s", "w"], ["c"], pads=[1] * 4),
            node("Conv", ["c", "w"], ["y"], pads=[1] * 4),
        ],
        {"x": (1, 1, 1, 8, 8)},
        ["y"],
        {"w3": weights(16, 1, 3, 3, 3), "w": weights(16, 16, 3, 3), "axis": [2]},
    )
    division = divide(net, ["d"])
    assert division.front is not None
    assert division.front.gives == division.entry == ("d",)  # r and s are as large: the chip keeps the operators
    assert division.tail is None
    assert division.macs == 64 * (16 * 27 + 2 * 16 * 16 * 9)
    assert division.front.macs == 64 * 16 * 27


def test_less_than_80_percent_of_the_work_is_refused_with_the_reason_and_a_complete_cut() -> None:
    net = whole(
        [
            node("Conv", ["x", "w"], ["c"]),
            node("Sin", ["c"], ["s"], name="wave"),
            node("Conv", ["s", "w2"], ["y"]),
        ],
        {"x": (1, 4, 4, 4)},
        ["y"],
        {"w": weights(4, 4, 1, 1), "w2": weights(2, 4, 1, 1)},
    )
    with raises_error("division-too-small", "wave has no form", "66.7%", "80%", "--cut-at c ") as refusal:
        divide(net, ["s"], ("wave has no form",))
    assert refusal.value.problems == ("wave has no form",)


def test_nothing_for_the_chip_is_refused() -> None:
    net = whole([node("Sin", ["x"], ["y"])], {"x": (1, 4)}, ["y"])
    with raises_error("division-impossible", "Sin is refused"):
        divide(net, ["y"], ("Sin is refused",))


def test_the_users_boundary_is_taken_as_it_is() -> None:
    division = divide(detector(), ["kept"], cut_at=("s4", "boxes"))
    assert division.cut == ("s4", "boxes")
    assert division.tail is not None
    assert division.tail.gives == ("kept", "found", "scores")


def test_a_boundary_of_the_user_that_loses_something_is_refused_with_the_complete_one() -> None:
    with raises_error("cut-incomplete", "--cut-at boxes", "'r'", "--cut-at scores,boxes"):
        divide(detector(), ["kept"], cut_at=("boxes",))
    with raises_error("cut-unknown", "--cut-at bocks", "'boxes'"):
        divide(detector(), ["kept"], cut_at=("bocks",))


def test_operators_of_unknown_domains_are_taken_along() -> None:
    net = whole(
        [node("Conv", ["x", "w"], ["c"]), node("Magic", ["c"], ["y"], domain="wizards"), node("Relu", ["y"], ["z"])],
        {"x": (1, 3, 4, 4)},
        ["z"],
        {"w": weights(4, 3, 1, 1)},
        domains=["wizards"],
    )
    division = divide(net, ["y"])
    assert division.tail is not None
    assert division.tail.reads == ("c",)
    assert [entry.domain for entry in division.tail.model.opset_import] == ["", "wizards"]


SPELLINGS = {
    "layer": lambda one, _, y: [node("Conv", [one, "w"], [y])],
    "activation": lambda one, _, y: [node("Relu", [one], [y])],
    "sum": lambda one, two, y: [node("Add", [one, two], [y])],
    "part": lambda one, two, y: [
        node("Concat", [one, two], [f"{y}_all"], axis=1),
        node("Slice", [f"{y}_all", "two", "six", "one"], [y]),
    ],
    "largest": lambda one, _, y: [
        node("TopK", [one, "four"], [f"{y}_top", f"{y}_at"], axis=3),
        node("Cast", [f"{y}_at"], [f"{y}_real"], to=1),
        node("Add", [f"{y}_top", f"{y}_real"], [y]),
    ],
}
CONSTANTS = {"w": weights(4, 4, 1, 1), "two": [2], "six": [6], "one": [1], "four": [4]}


@st.composite
def networks(draw: st.DrawFn) -> tuple[Whole, list[str]]:
    """Any graph of [1, 4, 4, 4] tensors, with whole numbers on the way, and any of its operators refused."""
    nodes, known = [], ["x", "z"]
    for index in range(draw(st.integers(2, 10))):
        one, two = draw(st.sampled_from(known)), draw(st.sampled_from(known))
        nodes += draw(st.sampled_from(list(SPELLINGS.values())))(one, two, f"v{index}")
        known.append(f"v{index}")
    outputs = draw(st.lists(st.sampled_from(known[2:]), min_size=1, max_size=3, unique=True))
    made = [name for n in nodes for name in n.output]
    refused = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True))
    return whole(nodes, {"x": (1, 4, 4, 4), "z": (1, 4, 4, 4)}, outputs, CONSTANTS), refused


@given(networks(), st.integers(0, 99))
@settings(max_examples=120, deadline=None)
def test_the_parts_one_after_the_other_compute_what_the_whole_computes(
    case: tuple[Whole, list[str]], seed: int
) -> None:
    net, refused = case
    try:
        division = divide(net, refused)
    except UnsupportedModelError:
        return
    rng = np.random.default_rng(seed)
    feeds = {spec.name: rng.standard_normal(spec.shape).astype(np.float32) for spec in net.inputs}
    chip = extract(net.proto, division.entry, division.cut)
    assert not {name for n in chip.graph.node for name in n.output} & set(refused)
    got, right = chained(net, division, chip, feeds), evaluate(net.proto, feeds)
    for name in net.outputs:
        np.testing.assert_allclose(got[name], right[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("channels", "heavy"), [(1, False), (20, True)])
def test_work_for_each_detection_counts_and_is_never_the_chips(channels: int, *, heavy: bool) -> None:
    """A second stage of 49 x channels x 8 x 9 multiply-accumulates for each box, of which a run tells the number."""
    network = whole(
        [
            node("Conv", ["x", "w"], ["f"], pads=[1] * 4),
            node("Conv", ["f", "wb"], ["b4"]),
            node("Reshape", ["b4", "sb"], ["all"]),
            node("ReduceMax", ["all"], ["best"], axes=[1], keepdims=0),
            node("NonZero", ["best"], ["kept"]),
            node("Squeeze", ["kept", "zero"], ["index"]),
            node("Gather", ["all", "index"], ["rois"]),
            node("Mul", ["index", "zero"], ["image"]),
            node("RoiAlign", ["f", "rois", "image"], ["maps"], output_height=7, output_width=7),
            node("Conv", ["maps", "w2"], ["second"], pads=[1] * 4),
        ],
        {"x": (1, 3, 16, 16)},
        ["second"],
        {
            "w": weights(8, 3, 3, 3), "wb": weights(4, 8, 1, 1), "sb": [256, 4], "zero": [0],
            "w2": weights(channels, 8, 3, 3),
        },
    )  # fmt: skip
    first, second = 256 * (8 * 27 + 4 * 8), 49 * channels * 8 * 9
    if heavy:
        share = f"{first / (first + second):.1%}"
        with raises_error("division-too-small", share, "--cut-at "):
            divide(network, ["kept"], ("no",))
    else:
        division = divide(network, ["kept"], ("no",))
        assert (division.macs, division.front) == (first + second, None)
        assert division.tail is not None
        assert (division.tail.macs, division.tail.uncounted) == (second, True)
