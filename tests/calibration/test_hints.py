"""What a message advises to do with an array makes it fit."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from dlpuconv.calibration.hints import hint
from dlpuconv.calibration.matching import rows_of
from dlpuconv.ir import Layout
from tests.calibration.support import spec
from tests.error_ids import raises_error

PLANAR, LAST = spec(1, 3, 8, 12), spec(1, 8, 12, 3, layout=Layout.NHWC)
STATE = spec(2, 1, 5)


@pytest.mark.parametrize(
    ("wanted", "shape", "samples"),
    [
        (PLANAR, (20, 8, 12, 3), 20),
        (PLANAR, (8, 12, 3), 1),
        (LAST, (20, 3, 8, 12), 20),
        (LAST, (3, 8, 12), 1),
        (PLANAR, (20, 1, 8, 12), 20),
        (PLANAR, (20, 8, 12), 20),
        (PLANAR, (1, 8, 12), 1),
        (LAST, (20, 8, 12, 1), 20),
        (LAST, (20, 8, 12), 20),
        (PLANAR, (20, 4, 8, 12), 20),
        (LAST, (20, 8, 12, 4), 20),
        (STATE, (2, 20, 5), 20),
    ],
)
def test_what_is_advised_makes_an_array_fit(wanted: Any, shape: tuple[int, ...], samples: int) -> None:
    with raises_error("calibration-shape", " give ") as caught:
        rows_of(wanted, shape, "it")
    (advised,) = re.findall(r"give (.*)$", str(caught.value))
    turned = eval(advised, {"numpy": np, "x": np.zeros(shape)})
    assert rows_of(wanted, turned.shape, "it") == samples


def test_pictures_of_another_size_are_answered_with_what_resizes() -> None:
    assert hint(PLANAR, (20, 3, 16, 24)) == "; arrays are never resized, and the pictures in a folder are"


@pytest.mark.parametrize("shape", [(), (5,), (20, 8), (20, 2, 8, 12), (1, 2, 3, 4, 5)])
def test_where_nothing_is_known_to_help_nothing_is_said(shape: tuple[int, ...]) -> None:
    assert hint(PLANAR, shape) == ""
