"""What a recipe has learned becomes the parameters that distillation begins with."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.ir.affine import INT8, Affine
from dlpuconv.quantization.weights.layer import LayerWeights

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")


def layer(codes: list[list[int]], scales: list[float], bias: list[int] | None = None) -> LayerWeights:
    return LayerWeights(
        weights=np.array(codes, np.int8),
        affine=Affine.along(0, scales),
        bias=None if bias is None else np.array(bias, np.int32),
        bias_affine=None if bias is None else Affine.of(0.25, 0),
    )


def test_weights_move_to_the_nearest_values_that_round_to_the_learned_codes() -> None:
    from dlpuconv.qat.learned import rounding_to

    float_weights = np.array([[0.6, 0.6, -1.2, 1.7]], np.float32)  # in steps of 0.5: 1.2, 1.2, -2.4, 3.4
    found = rounding_to(layer([[1, 2, -3, 3]], [0.5]), float_weights)
    assert found.tolist() == [pytest.approx([0.6, 1.55 / 2, -2.55 / 2, 1.7])]


def test_each_channel_moves_in_its_own_steps_and_clipped_weights_come_back() -> None:
    from dlpuconv.qat.learned import rounding_to

    affine = Affine.along(0, [1.0, 0.1])
    codes = np.array([[2, -1], [127, 0]], np.int8)
    found = rounding_to(layer(codes.tolist(), [1.0, 0.1]), np.array([[1.1, -0.9], [20.0, 0.049]], np.float32))
    assert found.tolist() == [pytest.approx([1.55, -0.9]), pytest.approx([12.745, 0.045])]
    assert np.array_equal(affine.encode(found, INT8), codes)


def test_a_bias_becomes_what_its_codes_stand_for() -> None:
    from dlpuconv.qat.learned import corrected

    found = corrected(layer([[1], [2]], [1.0], bias=[4, -10]))
    assert found is not None
    assert found.tolist() == [1.0, -2.5]
    assert corrected(layer([[1]], [1.0])) is None


def test_parameters_that_were_trained_since_keep_their_values() -> None:
    from dlpuconv.qat.learned import Learned, take_over

    module = torch.nn.Linear(1, 1)
    with torch.no_grad():
        module.weight.fill_(1.0)
        module.bias.fill_(5.0)
    one, two = torch.tensor([[1.0]]), torch.tensor([[2.0]])
    learned = {"weight": Learned(before=one, after=two), "bias": Learned(before=one[0], after=two[0])}
    take_over(learned, module)
    assert (module.weight.item(), module.bias.item()) == (2.0, 5.0)
