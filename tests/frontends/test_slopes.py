"""PRelu as MXNet exports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.frontends.support import build, node, read, run, value

if TYPE_CHECKING:
    import onnx

SLOPES = np.array([0.1, 0.2, 0.3, 0.4], np.float32)


def model(*shapes: tuple[int, ...], slope: np.ndarray[Any, Any] = SLOPES) -> onnx.ModelProto:
    """One PRelu for each input, all of them with the same slopes."""
    inputs = [value(f"x{index}", shape) for index, shape in enumerate(shapes)]
    outputs = [value(f"y{index}", None) for index in range(len(shapes))]
    nodes = [
        node("PRelu", [i.name, f"s{index}"], [o.name]) for index, (i, o) in enumerate(zip(inputs, outputs, strict=True))
    ]
    return build(nodes, inputs, outputs, {f"s{index}": slope for index in range(len(shapes))}, opset=8)


@pytest.mark.parametrize("slope", [SLOPES, SLOPES.reshape(4, 1, 1), SLOPES.reshape(1, 4, 1, 1)])
def test_slopes_are_for_channels(slope: np.ndarray[Any, Any]) -> None:
    x = np.full((1, 4, 3, 5), -1, np.float32)
    (y,) = run(read(model((1, 4, 3, 5), slope=slope)), x0=x)
    assert np.allclose(y, -SLOPES.reshape(1, 4, 1, 1) * np.ones((1, 4, 3, 5)))


def test_slopes_that_fit_columns_are_for_columns() -> None:
    (y,) = run(read(model((1, 4, 3, 4))), x0=np.full((1, 4, 3, 4), -1, np.float32))
    assert np.allclose(y[0, 0, 0], -SLOPES)


def test_where_one_slope_can_only_be_for_channels_all_are() -> None:
    shapes = ((1, 4, 3, 5), (1, 4, 4, 4))
    feeds = {f"x{index}": np.full(shape, -1, np.float32) for index, shape in enumerate(shapes)}
    for y in run(read(model(*shapes)), **feeds):
        assert np.allclose(y[0, :, 0, 0], -SLOPES)
