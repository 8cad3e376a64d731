"""Codes to real numbers and back, as ONNX Runtime computes them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.frontends.quantized.codes import dequantized, quantized
from dlpuconv.frontends.quantized.parameters import Parameters
from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, IntegerType

INT4 = IntegerType(4, signed=True)
TYPES = st.sampled_from([INT8, UINT8, INT16, UINT16, INT4])


def said(scales: object, zero_points: object, codes: IntegerType, axis: int = 0, block: int = 0) -> Parameters:
    return Parameters(np.asarray(scales, np.float32), np.asarray(zero_points, np.int64), codes, axis, block)


def test_by_hand() -> None:
    codes = np.array([[0, 1], [2, 255]])
    found = dequantized(codes, said([0.5, 2.0], [1, 255], UINT8, axis=1), "")
    np.testing.assert_array_equal(found, [[-0.5, -508], [0.5, 0]])


def test_ties_go_to_the_even_code_and_the_ends_saturate() -> None:
    found = quantized(np.array([0.5, 1.5, 2.5, -0.5, 1000, -1000], np.float32), said(1.0, 3, INT8), "")
    assert found.values.tolist() == [3, 5, 5, 3, 127, -128]


def test_the_axis_may_count_from_the_end() -> None:
    codes = np.array([[1, 1], [1, 1]])
    assert dequantized(codes, said([2, 3], [0, 0], INT8, axis=-1), "").tolist() == [[2, 3], [2, 3]]


def test_the_last_block_may_be_shorter() -> None:
    codes = np.ones((1, 5), np.int64)
    found = dequantized(codes, said([[1, 2, 3]], [[0, 0, 0]], INT8, axis=1, block=2), "")
    assert found.tolist() == [[1, 1, 2, 2, 3]]


@given(codes=TYPES, scale=st.floats(2**-20, 2**10, width=32), data=st.data())
def test_every_code_comes_back(codes: IntegerType, scale: float, data: st.DataObject) -> None:
    within = st.integers(codes.lowest, codes.highest)
    values = np.array(data.draw(st.lists(within, min_size=1, max_size=20)), np.int64)
    how = said(scale, data.draw(within), codes)
    np.testing.assert_array_equal(quantized(dequantized(values, how, ""), how, "").values, values)


@given(values=st.lists(st.floats(-1e3, 1e3, width=32), min_size=1), scale=st.floats(0.5, 8, width=32))
def test_rounding_moves_a_number_in_range_by_half_a_step_at_most(values: list[float], scale: float) -> None:
    how = said(scale, 0, UINT16)
    inside = np.clip(np.abs(np.array(values, np.float32)), 0, np.float32(scale) * 65535)
    found = dequantized(quantized(inside, how, "").values, how, "")
    assert (np.abs(found.astype(np.float64) - inside) <= scale / 2 * (1 + 1e-5)).all()
