"""Fake quantization rounds as the file will, and tells the very numbers that it rounds with."""

from __future__ import annotations

from typing import Any

import pytest

from dlpuconv.ir.affine import Affine

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")


def activations(pace: float = 0.5) -> Any:
    from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize

    return PerTensorOrPerChannelFakeQuantize(
        dtype=torch.int8, quant_min=-128, quant_max=127, qscheme=torch.per_tensor_affine, pace=pace
    )


def weights(axis: int | None = None) -> Any:
    from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize

    scheme = torch.per_tensor_symmetric if axis is None else torch.per_channel_symmetric
    return PerTensorOrPerChannelFakeQuantize(
        dtype=torch.int8, quant_min=-127, quant_max=127, qscheme=scheme, pace=1.0, ch_axis=axis
    )


def test_values_become_those_of_their_codes_and_saturate() -> None:
    made = activations()
    made.begin(Affine.of(0.5, -128))
    made.eval()
    assert made(torch.tensor([-1.0, 0.2, 0.3, 500.0])).tolist() == [0.0, 0.0, 0.5, 127.5]


def test_the_gradient_passes_rounding_and_stops_where_codes_saturate() -> None:
    made = activations()
    made.begin(Affine.of(0.5, -128))
    x = torch.tensor([-1.0, 0.2, 500.0], requires_grad=True)
    made.eval()(x).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_weights_reach_the_outermost_codes_and_never_minus_128() -> None:
    made = weights()
    made(torch.tensor([[-2.54, 1.0]]))
    scale, zero_point = made.calculate_qparams()
    assert scale.item() == pytest.approx(2.54 / 127)
    assert zero_point.item() == 0


def test_weights_by_channel_have_a_scale_each() -> None:
    made = weights(0)
    made.begin(Affine.along(0, [1.0, 1.0]))
    made(torch.tensor([[-1.27, 1.0], [0.0, 0.254]]))
    assert made.scale.tolist() == pytest.approx([0.01, 0.002])


def test_a_range_moves_towards_what_is_seen_in_training_mode_alone() -> None:
    made = activations(pace=0.5)
    made.begin(Affine.of(1 / 255, -128))  # 0 to 1
    made.eval()(torch.tensor([0.0, 3.0]))
    assert made.highest.item() == pytest.approx(1.0)
    made.train()(torch.tensor([0.0, 3.0]))
    assert made.highest.item() == pytest.approx(2.0)
    assert made.scale.item() == pytest.approx(2 / 255)
    assert made.zero_point.item() == -128


@pytest.mark.parametrize("widens", [False, True])
@pytest.mark.parametrize("ruined", [float("nan"), float("inf"), -float("inf")])
def test_a_batch_that_overflowed_leaves_the_range_as_it_is(ruined: float, widens: bool) -> None:
    made = activations(pace=0.5)
    made.begin(Affine.of(1 / 255, -128))
    made.widens = widens
    made.train()(torch.tensor([0.5, ruined]))
    assert (made.lowest.item(), made.highest.item()) == pytest.approx((0.0, 1.0))
    assert made.scale.item() == pytest.approx(1 / 255)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_ranges_follow_values_of_16_bits_too(dtype: Any) -> None:
    made = activations(pace=0.5)
    made.begin(Affine.of(1 / 255, -128))
    made.train()(torch.tensor([0.0, 3.0], dtype=dtype))
    assert made.highest.item() == pytest.approx(2.0)
    assert made.highest.dtype == torch.float32


def test_a_range_that_several_tensors_share_holds_each_of_them_at_once() -> None:
    made = activations(pace=0.5)
    made.begin(Affine.of(1 / 255, -128))
    made.widens = True
    made.train()(torch.tensor([-1.0, 3.0]))
    assert (made.lowest.item(), made.highest.item()) == (-1.0, 3.0)


def test_zero_has_a_code_of_its_own_whatever_the_range() -> None:
    made = activations(pace=1.0)
    made.train()(torch.tensor([2.0, 5.0]))
    assert made(torch.tensor([0.0])).item() == 0.0


def test_what_was_frozen_stays() -> None:
    made = activations(pace=1.0)
    made.begin(Affine.of(1 / 255, -128))
    made.disable_observer()
    made.train()(torch.tensor([0.0, 3.0]))
    assert made.highest.item() == pytest.approx(1.0)


def test_a_state_is_saved_and_loaded_with_any_number_of_channels() -> None:
    made, other = weights(0), weights(0)
    made.begin(Affine.along(0, [0.5, 0.25, 2.0]))
    other.load_state_dict(made.state_dict())
    assert other.scale.tolist() == [0.5, 0.25, 2.0]
    assert other.zero_point.tolist() == [0, 0, 0]
