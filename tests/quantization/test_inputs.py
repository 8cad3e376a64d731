"""How samples reach a network's inputs, and what is told of those whose quantization is fixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlpuconv.ir import InputBinding
from dlpuconv.ir.affine import INT8, UINT8, UINT16, Affine
from dlpuconv.network import Range, Value
from dlpuconv.quantization.inputs import clipped_inputs, feeds, prescribed_inputs
from tests.error_ids import raises_error

X = Value(name="x", shape=(1, 2, 2, 3), dtype=np.dtype(np.float32))
TO_LAST = {"x": (0, 2, 3, 1)}
PIXELS = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)


def test_samples_are_turned_as_the_network_has_its_axes() -> None:
    (feed,) = feeds([{"x": PIXELS}], {}, [X], TO_LAST)
    assert feed["x"][0, 1, 0].tolist() == [2, 6, 10]  # row 1, column 0 of each channel
    assert feed["x"].flags.c_contiguous


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        ({}, ("calibration-input-missing", "'x'")),
        ({"x": PIXELS[:, :2]}, ("calibration-shape", "(1, 2, 2, 2), which gives (1, 2, 2, 2)")),
    ],
    ids=["missing", "of another shape"],
)
def test_a_sample_that_does_not_fit_is_refused(sample: dict[str, Any], told: tuple[str, ...]) -> None:
    with raises_error(*told):
        list(feeds([sample], {}, [X], TO_LAST))


def test_a_fixed_quantization_speaks_of_uint8_and_holds_in_int8_too() -> None:
    fixed = {"x": InputBinding(name="x", quantization=Affine.of(0.5, 10)), "y": InputBinding(name="y")}
    assert prescribed_inputs(fixed, UINT8) == {"x": Affine.of(0.5, 10)}
    assert prescribed_inputs(fixed, INT8) == {"x": Affine.of(0.5, -118)}
    assert prescribed_inputs(fixed, UINT16) == {}


def test_samples_beyond_what_is_held_are_told() -> None:
    prescribed = {"x": Affine.of(0.5, -118)}  # from -5 to 122.5
    assert not clipped_inputs(prescribed, {"x": Range(-5.0, 122.5)}, INT8)
    (told,) = clipped_inputs(prescribed, {"x": Range(-5.0, 200.0)}, INT8)
    assert "'x' holds values from -5 to 122.5, but the calibration samples go from -5 to 200" in told
