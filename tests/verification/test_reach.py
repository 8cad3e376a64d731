"""What an integer file can give at all, hand-computed from scales and zero points."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.formats.view import FileView, LayerView, TensorView
from dlpuconv.ir import ActivationKind, Affine, FinalActivation
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.plugin import Port
from dlpuconv.verification.output_parity import OutputParity, ParityReport
from dlpuconv.verification.reach import reaches, with_reach

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGISTIC = (1 / 256, -128)


def chain(ops: Sequence[str], numbers: Sequence[tuple[float, int] | None], shape: tuple[int, ...] = (1, 4)) -> FileView:
    """Operators of one input and one output behind one another; `numbers` are those of the input and each output."""
    tensors = tuple(
        TensorView(
            index=index,
            name=f"t{index}",
            shape=shape,
            dtype="float32" if pair is None else "int8",
            quantization=None if pair is None else Affine.of(pair[0], pair[1]),
        )
        for index, pair in enumerate(numbers)
    )
    layers = tuple(
        LayerView(
            index=i,
            op=op,
            version=1,
            custom=False,
            inputs=(i,),
            outputs=(i + 1,),
            options={},
            names=LayerNames(tensor=f"t{i + 1}"),
        )
        for i, op in enumerate(ops)
    )
    return FileView(format="tflite", tensors=tensors, layers=layers, inputs=(0,), outputs=(len(ops),))


def test_a_logit_that_ends_at_zero_makes_a_score_of_no_more_than_a_half() -> None:
    """Codes -128..127 with zero point 127: -25.5 to 0; the lowest score, 8e-12, is below the first step of 1/256."""
    low, high = reaches(chain(["LOGISTIC"], [(0.1, 127), LOGISTIC]))[1]
    assert high == 0.5
    assert low == pytest.approx(1 / (1 + math.exp(25.5)))


def test_what_an_operator_gives_is_held_by_the_codes_of_its_output() -> None:
    """sigmoid(25.5) is next to 1, the highest code of a score is 255/256."""
    assert reaches(chain(["LOGISTIC"], [(0.1, -128), LOGISTIC]))[1] == (0.5, 255 / 256)


def test_an_operator_that_is_not_followed_gives_all_that_its_codes_stand_for() -> None:
    assert reaches(chain(["CONV_2D"], [(0.1, 0), (0.5, -28)]))[1] == (-50.0, 77.5)


def test_moving_values_on_keeps_what_they_can_reach() -> None:
    view = chain(["LOGISTIC", "RESHAPE", "CONCATENATION"], [(0.1, 127), LOGISTIC, LOGISTIC, LOGISTIC])
    assert reaches(view)[3][1] == 0.5


def test_the_highest_share_of_a_softmax_is_that_of_one_at_the_top_and_all_others_at_the_bottom() -> None:
    """Four values from -1.28 to 1.27, 2.55 apart: e^2.55 beside three ones; at the least 1 beside three of those."""
    low, high = reaches(chain(["SOFTMAX"], [(0.01, 0), LOGISTIC]))[1]
    assert high == pytest.approx(math.exp(2.55) / (math.exp(2.55) + 3))
    assert low == pytest.approx(1 / (1 + 3 * math.exp(2.55)))


def test_a_softmax_with_a_factor_of_its_own_gives_all_that_its_codes_stand_for() -> None:
    view = chain(["SOFTMAX"], [(0.01, 0), LOGISTIC])
    steep = replace(view, layers=(replace(view.layers[0], options={"beta": 10.0}),))
    assert reaches(steep)[1] == (0.0, 255 / 256)


def test_a_product_of_two_scores_reaches_the_product_of_what_they_reach() -> None:
    view = chain(["LOGISTIC"], [(0.1, 127), LOGISTIC])
    product = TensorView(index=2, name="p", shape=(1, 4), dtype="int8", quantization=Affine.of(1 / 255, -128))
    both = LayerView(
        index=1,
        op="MUL",
        version=1,
        custom=False,
        inputs=(1, 1),
        outputs=(2,),
        options={},
        names=LayerNames(tensor="p"),
    )
    made = FileView(
        format="tflite", tensors=(*view.tensors, product), layers=(*view.layers, both), inputs=(0,), outputs=(2,)
    )
    assert reaches(made)[2][1] == pytest.approx(0.25)


def test_float_tensors_have_no_limit() -> None:
    assert reaches(chain(["RELU"], [None, None]))[1] == (-math.inf, math.inf)


@given(
    scale=st.floats(1e-4, 10), zero_point=st.integers(-128, 127), code=st.integers(-128, 127), op=st.sampled_from("LT")
)
def test_no_code_of_the_input_gives_a_value_outside(scale: float, zero_point: int, code: int, op: str) -> None:
    name, out = ("LOGISTIC", LOGISTIC) if op == "L" else ("TANH", (1 / 128, 0))
    value = scale * (code - zero_point)
    exact = 1 / (1 + math.exp(-max(value, -700))) if op == "L" else math.tanh(value)
    real = out[0] * (min(max(round(exact / out[0]) + out[1], -128), 127) - out[1])
    low, high = reaches(chain([name], [(scale, zero_point), out]))[1]
    assert low - out[0] / 2 <= real <= high + out[0] / 2


@pytest.mark.parametrize(
    ("activation", "highest"),
    [
        (FinalActivation(kind=ActivationKind.SIGMOID, output="y"), 0.5),
        (FinalActivation(kind=ActivationKind.SOFTMAX, output="y", axis=1), 1 / (1 + 3 * math.exp(-25.5))),
    ],
)
def test_the_reach_of_logits_is_told_in_probabilities(activation: FinalActivation, highest: float) -> None:
    view = chain(["RESHAPE"], [(0.1, 127), (0.1, 127)])
    port = Port(name="t1", source_shape=(1, 4), shape=(1, 4), permutation=(0, 1), dtype="int8", activation=activation)
    output = OutputParity(name="y", source="y", sqnr_db=None, exact=False, cosine=None, max_error=0.0, peak=0.0)
    (found,) = with_reach(ParityReport(samples=1, outputs=(output,)), view, [port]).outputs
    assert found.reach is not None
    assert found.reach[1] == pytest.approx(highest)
