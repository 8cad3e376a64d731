"""When a network is divided, how often, and when a refusal stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import onnx
import pytest

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.registry import load_target
from dlpuconv.workflow.dividing import ROUNDS, Divider
from dlpuconv.workflow.option_values import make_request
from dlpuconv.workflow.request import Request, Tail
from tests.division import constructs
from tests.error_ids import raises_error


def request(**options: Any) -> Request:
    given: dict[str, Any] = {
        "targets": ("artpec8",), "input_shape": {}, "cut_at": (), "resize": "stretch", "color": "rgb", "mean": None,
        "std": None, "preset": None,
    }  # fmt: skip
    return make_request(**given | options)


def sine_first() -> onnx.ModelProto:
    """An operator in front of the only layer with work."""
    return onnx.parser.parse_model("""
    <ir_version: 9, opset_import: ["" : 17]>
    g (float[1, 4, 8, 8] x) => (float[1, 1, 8, 8] z) <float[1, 4, 1, 1] w = {1, 2, 3, 4}>
    { s = Sin(x)  y = Conv(s, w)  z = Cos(y) }
    """)


def divider(model: Any, target: str = "artpec8", **options: Any) -> Divider:
    return Divider(model, None, request(**options), [load_target(target)])


def test_a_network_that_can_be_read_is_not_divided() -> None:
    reading = divider(constructs.arg_max()).read()
    assert reading.division is None
    assert reading.source.signature == reading.signature


def test_one_that_cannot_be_read_is_divided_in_front_of_what_stops_it() -> None:
    reading = divider(constructs.nms()).read()
    assert reading.division is not None
    assert reading.division.refused == {"kept"}
    assert [spec.name for spec in reading.source.signature.outputs] == list(reading.division.cut)
    assert [spec.name for spec in reading.signature.inputs] == ["x"]


def test_bytes_that_cross_are_of_the_files_own_numbers() -> None:
    integers, floats = (divider(constructs.nms(), target).read().division for target in ("artpec8", "cv25"))
    assert integers is not None
    assert floats is not None
    assert floats.crossing == 4 * integers.crossing == 4 * 448


def test_a_later_refusal_is_added_to_the_earlier_ones() -> None:
    network = divider(constructs.nms_and_gather())
    first = network.read().division
    assert first is not None
    second = network.divided(UnsupportedModelError("no Sigmoid", refused=["sg"]), first).division
    assert second is not None
    assert second.refused == first.refused | {"sg"}
    assert second.reasons[-1] == "no Sigmoid"
    assert "sg" not in second.cut


@pytest.mark.parametrize("refused", [(), ("kept",)], ids=["nothing is named", "it was refused before"])
def test_a_refusal_that_tells_nothing_new_stands(refused: tuple[str, ...]) -> None:
    network = divider(constructs.nms())
    division = network.read().division
    error = UnsupportedModelError("it cannot be", refused=refused)
    with pytest.raises(UnsupportedModelError, match="it cannot be") as stands:
        network.divided(error, division)
    assert stands.value is error
    assert ("--cut-at" in str(error)) is bool(refused)


def test_off_and_a_cut_of_the_users_own_leave_a_refusal_as_it_is() -> None:
    for options in ({"tail": "off"}, {"cut_at": ("kept",)}, {"cut_at": ("kept",), "tail": "off"}):
        with raises_error("shape-depends-on-values", "--cut-at"):
            divider(constructs.nms(), **options).read()


@pytest.mark.parametrize(("tail", "offered"), [(None, True), ("off", False)])
def test_with_a_cut_alone_a_refusal_offers_to_divide_the_network(tail: str | None, offered: bool) -> None:
    error = UnsupportedModelError("no Sin", refused=["s"])
    with pytest.raises(UnsupportedModelError) as told:
        divider(sine_first(), cut_at=("y",), tail=tail).divided(error, None)
    assert ("--tail auto" in str(told.value)) is offered


def test_who_asks_for_both_gets_a_tail_behind_the_users_cut() -> None:
    division = divider(constructs.arg_max(), cut_at=("scores",), tail="auto").read().division
    assert division is not None
    assert division.cut == ("scores",)
    assert division.tail is not None


def test_behind_the_users_cut_or_before_the_chip_all_may_be_refused() -> None:
    network = divider(constructs.nms(), cut_at=("boxes", "scores"), tail="auto")
    error = UnsupportedModelError("no Relu", refused=["f"])
    with raises_error("division-too-small", "no Relu", "--cut-at"):
        network.divided(error, network.read().division)
    with raises_error("division-too-small", "0.0%", "--cut-at"):
        divider(constructs.nms(), cut_at=("kept",), tail="auto").read()
    with raises_error("cut-unknown", "--cut-at", "'boxes'"):
        divider(constructs.nms(), cut_at=("boxes", "boxes", "scores"), tail="auto").read()


def test_with_a_cut_of_the_users_own_what_is_refused_goes_in_front() -> None:
    network = divider(sine_first(), cut_at=("y",), tail="auto")
    division = network.divided(UnsupportedModelError("no Sin", refused=["s"]), network.read().division).division
    assert division is not None
    assert (division.front and division.front.gives, division.entry, division.cut) == (("s",), ("s",), ("y",))


@pytest.mark.parametrize(
    ("tail", "cut_at", "divides"),
    [(None, (), True), (None, ("y",), False), ("auto", (), True), ("auto", ("y",), True), ("off", (), False)],
)
def test_what_is_cut_off_is_not_wanted_unless_the_user_says_so(
    tail: str | None, cut_at: tuple[str, ...], divides: bool
) -> None:
    asked = request(tail=tail, cut_at=cut_at)
    assert asked.divides is divides
    assert asked.record(load_target("artpec8")).content.get("tail") == tail


def test_another_word_is_a_usage_error() -> None:
    with raises_error("option-value", "--tail 'on'", "auto, off"):
        request(tail="on")
    assert replace(request(), tail=Tail.OFF).divides is False


def test_a_network_that_is_refused_piece_by_piece_is_not_divided_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse(self: Divider, division: object) -> Any:  # noqa: ARG001 - as the method
        asked.append(len(asked))
        raise UnsupportedModelError("another one", refused=[f"value{len(asked)}"])

    monkeypatch.setattr(Divider, "_reading", refuse)
    with pytest.raises(UnsupportedModelError, match="another one"):
        divider(constructs.nms()).read()
    assert len(asked) == ROUNDS
