"""What constants hold, in real units."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.formats import TensorView
from dlpuconv.inspection.values import extremes
from dlpuconv.ir import Affine


@pytest.mark.parametrize(("axis", "real"), [(0, (-1.0, 6.0)), (7, (-1.0, 3.0)), (-(2**31), (-1.0, 3.0))])
def test_an_axis_that_is_none_of_the_tensors_is_no_axis(axis: int, real: tuple[float, float]) -> None:
    """The first scale holds then for all; else 0.5 for the first row and 1 for the second."""
    tensor = TensorView(
        index=0,
        name="w",
        shape=(2, 2),
        dtype="int8",
        constant=True,
        data=np.array([[-2, 1], [2, 6]], np.int8),
        quantization=Affine((0.5, 1.0), (0, 0), axis),
    )
    found = extremes(tensor)
    assert found is not None
    assert found.real == real
