"""Which final activations are left out: by what is asked, by what the outputs are, and by what their ranking loses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import dlpuconv
from dlpuconv.workflow.option_values import make_request
from dlpuconv.workflow.run import Data, opened
from tests.error_ids import raises_error
from tests.passes.rewriting import ints, model

if TYPE_CHECKING:
    from dlpuconv.workflow.endings import Endings

CONFIDENT, DOUBTFUL = 8.0, 0.3
"""How far logits are spread: scores next to 0 and 1, of which eight bits make one, and scores around 0.5."""


def head(spread: float, end: str = "y = Sigmoid(t)", shape: str = "1,50,3") -> Any:
    """Fifty places of a detector."""
    rows = "a = Conv(x, w)  r = Reshape(a, s)  t = Transpose<perm=[0,2,1]>(r)"
    weights = (np.eye(3) * spread).reshape(3, 3, 1, 1).astype(np.float32)
    text = f"(float[1,3,5,10] x) => (float[{shape}] y) {{ {rows}  {end} }}"
    return model(text, w=weights, s=ints(1, 3, 50), k=ints(1)).to_proto()


def endings(source: Any, wanted: str = "auto", target: str = "artpec8", **more: Any) -> Endings:
    request = make_request(
        targets=(target,), input_shape={}, cut_at=(), resize="stretch", color="rgb", mean=None, std=None, preset=None,
        final_activation=wanted, cache=False, **more,
    )  # fmt: skip
    samples = np.random.default_rng(0).normal(0, 1, (20, 3, 5, 10)).astype(np.float32)
    with opened(source, request, Data(calibration={"x": samples}), None) as run:
        return run.subject.endings


def test_confident_scores_lose_their_ranking_and_become_logits() -> None:
    found = endings(head(CONFIDENT))
    assert list(found.cut) == ["y"]
    (told,) = found.told
    assert told.startswith("the output 'y' became 'y_logits'")
    assert "logits instead of probabilities" in told
    assert endings(head(CONFIDENT)) == found, "every time"


def test_scores_that_eight_bits_rank_well_stay_probabilities() -> None:
    assert endings(head(DOUBTFUL)).cut == {}


def test_keep_and_cut_do_so_whatever_a_ranking_loses() -> None:
    assert endings(head(CONFIDENT), "keep").cut == {}
    assert list(endings(head(DOUBTFUL), "cut").cut) == ["y"]


@pytest.mark.parametrize(
    ("end", "shape"),
    [
        ("l = Sigmoid(t)  y = Mul(l, t)", "1,50,3"),  # no probability
        ("m = ReduceMean(t, k)  y = Softmax<axis=2>(m)", "1,1,3"),  # one of some classes: the highest counts
    ],
)
def test_what_is_no_output_of_scores_stays(end: str, shape: str) -> None:
    assert endings(head(CONFIDENT, end, shape)).cut == {}


def test_a_softmax_over_a_background_is_ranked_by_what_it_finds() -> None:
    end = "y = Softmax<axis=2>(t)"
    assert list(endings(head(2 * CONFIDENT, end)).cut) == ["y"]
    assert endings(head(2 * CONFIDENT, end)).cut["y"].axis == 2


def test_float_packages_keep_their_activations() -> None:
    assert endings(head(CONFIDENT), target="cv25").cut == {}
    assert endings(head(CONFIDENT), "cut", target="cv25").cut == {}


def test_cut_is_refused_where_no_output_ends_in_one() -> None:
    with raises_error("final-activation-none", "--final-activation cut", "'y'"):
        endings(head(CONFIDENT, "y = Relu(t)"), "cut")


def test_the_refusal_tells_that_logits_which_are_an_output_already_are_a_reason() -> None:
    source = head(CONFIDENT)
    source.graph.output.append(onnx.helper.make_tensor_value_info("t", onnx.TensorProto.FLOAT, [1, 50, 3]))
    with raises_error("final-activation-none", "a tail reads"):
        endings(source, "cut")


def test_values_that_a_user_states_are_no_scores() -> None:
    assert endings(head(CONFIDENT), output_kinds=("y=values",)).cut == {}


def test_an_option_that_is_none_is_answered_with_those_that_are() -> None:
    with raises_error("option-value", "final_activation='on'", "auto, keep, cut"):
        dlpuconv.convert(head(1.0), target="cv25", final_activation="on")  # type: ignore[arg-type]
