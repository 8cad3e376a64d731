from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.calibration import Resize
from dlpuconv.calibration.geometry import place

extents = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


def test_letterbox_scales_by_one_factor_and_centres() -> None:
    placed = place(Resize.LETTERBOX, (200, 100), (320, 320))
    assert (placed.box, placed.size, placed.at) == ((0, 0, 200, 100), (320, 160), (0, 80))


def test_center_crop_takes_the_middle_of_the_longer_side() -> None:
    placed = place(Resize.CENTER_CROP, (200, 100), (50, 50))
    assert (placed.box, placed.size, placed.at) == ((50, 0, 150, 100), (50, 50), (0, 0))


def test_stretch_takes_everything() -> None:
    placed = place(Resize.STRETCH, (200, 100), (50, 50))
    assert (placed.box, placed.size, placed.at) == ((0, 0, 200, 100), (50, 50), (0, 0))


@pytest.mark.parametrize("resize", list(Resize))
@given(source=extents, target=extents)
def test_what_is_taken_lies_in_the_source_and_what_is_filled_in_the_input(
    resize: Resize, source: tuple[int, int], target: tuple[int, int]
) -> None:
    placed = place(resize, source, target)
    left, top, right, bottom = placed.box
    assert 0 <= left < right <= source[0] + 1e-6
    assert 0 <= top < bottom <= source[1] + 1e-6
    assert all(at >= 0 and at + size <= whole for at, size, whole in zip(placed.at, placed.size, target, strict=True))


@given(source=extents, target=extents)
def test_letterbox_fills_one_axis_and_center_crop_keeps_one(source: tuple[int, int], target: tuple[int, int]) -> None:
    boxed = place(Resize.LETTERBOX, source, target)
    assert boxed.size[0] == target[0] or boxed.size[1] == target[1]
    left, top, right, bottom = place(Resize.CENTER_CROP, source, target).box
    assert right - left == pytest.approx(source[0]) or bottom - top == pytest.approx(source[1])
    assert (right - left) * target[1] == pytest.approx((bottom - top) * target[0], rel=1e-9)
