"""An error's way out of a worker: its class, its id and its message, and no more than these of a hostile one."""

from __future__ import annotations

from typing import Any

import pytest

from dlpuconv.errors import DlpuconvError, ModelError, ShapeError, UnsupportedModelError, UsageError
from dlpuconv.isolation.refusals import raise_refused, refused


@pytest.mark.parametrize("kind", [ModelError, ShapeError, UnsupportedModelError, UsageError])
def test_an_error_is_the_same_on_the_other_side(kind: type[DlpuconvError]) -> None:
    with pytest.raises(DlpuconvError) as caught:
        raise_refused(refused(kind("conv1 is odd", id="model-odd")), "m.pt2")
    assert type(caught.value) is kind
    assert (str(caught.value), caught.value.id) == ("m.pt2: conv1 is odd", "model-odd")


def test_an_answer_that_refuses_nothing_raises_nothing() -> None:
    raise_refused({"made": 1}, "m.pt2")


@pytest.mark.parametrize("told", ["\x1b[2J", "", 3, None, "model", "a" * 9000, "model-odd\n", "Model-odd"])
def test_what_is_no_id_is_left_out(told: Any) -> None:
    with pytest.raises(ModelError) as caught:
        raise_refused({"refused": "x", "status": 3, "id": told}, "m.pt2")
    assert caught.value.id == ""


@pytest.mark.parametrize("said", [{"status": 0}, {"status": "4"}, {"status": [3]}, {"status": None}, {}])
def test_an_unknown_status_is_an_error_of_the_model(said: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        raise_refused({"refused": "x", "id": "model-odd", **said}, "m.pt2")
    assert type(caught.value) is ModelError
