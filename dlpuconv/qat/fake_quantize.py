"""Rounding to the codes of the chip with a gradient: what is trained with is what the file gets.

torchao's own modules take scale and zero point for training and for conversion from two formulas, which differ for
codes in [-127, 127]. Here they are kept, and told as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

import torch

from dlpuconv.qat.unheard import torchao_unheard

with torchao_unheard():
    from torchao.quantization.pt2e.fake_quantize import FakeQuantizeBase

if TYPE_CHECKING:
    from dlpuconv.ir.affine import Affine

_SMALLEST_SCALE = 1e-12
"""As in `quantization.scales.choice`."""
_SYMMETRIC = (torch.per_tensor_symmetric, torch.per_channel_symmetric)


class PerTensorOrPerChannelFakeQuantize(FakeQuantizeBase):  # type: ignore[misc] # torchao has no types
    """Fake quantization whose range follows what it sees, in training mode, until it is frozen.

    Attributes:
        scale: [1] or [C] float32.
        zero_point: [1] or [C] int32.
        lowest: [1] or [C] the range that the scale was chosen for.
        highest: likewise.
        pace: share of a batch's range in the new one: 1 for weights, whose range is the present one.
        widens: values of several tensors share the range: it holds a batch's at once, and shrinks at its pace.
    """

    def __init__(  # noqa: PLR0913 - torchao hands over the fields of its specification
        self,
        *,
        dtype: torch.dtype,
        quant_min: int,
        quant_max: int,
        qscheme: torch.qscheme,
        pace: float,
        ch_axis: int | None = None,
        is_dynamic: bool = False,
    ) -> None:
        super().__init__()
        self.dtype, self.qscheme, self.is_dynamic = dtype, qscheme, is_dynamic
        self.ch_axis = -1 if ch_axis is None else ch_axis
        self.quant_min, self.quant_max = quant_min, quant_max
        self.pace, self.widens = pace, False
        for name, start in (("scale", 1.0), ("lowest", 0.0), ("highest", 0.0)):
            self.register_buffer(name, torch.tensor([start]))
        self.register_buffer("zero_point", torch.tensor([0], dtype=torch.int32))

    @property
    def is_of_weights(self) -> bool:
        """Whether the range is always the present one."""
        return self.pace == 1.0

    def begin(self, affine: Affine) -> None:
        """Start from a scale and zero point."""
        self.scale = torch.tensor(affine.scales, dtype=torch.float32)
        self.zero_point = torch.tensor(affine.zero_points, dtype=torch.int32)
        self.lowest = (self.quant_min - self.zero_point) * self.scale
        self.highest = (self.quant_max - self.zero_point) * self.scale

    @override
    def calculate_qparams(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The scale and the zero point that it has rounded with."""
        return self.scale, self.zero_point

    @override
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The values that the codes of `x` stand for."""
        if self.training and self.observer_enabled[0]:
            self._follow(x.detach().float())
        if not self.fake_quant_enabled[0]:
            return x
        limits = (self.quant_min, self.quant_max)
        if self.ch_axis >= 0:
            return torch.fake_quantize_per_channel_affine(x, self.scale, self.zero_point, self.ch_axis, *limits)
        return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero_point, *limits)

    def _follow(self, x: torch.Tensor) -> None:
        """Move the range towards that of a batch, and choose scale and zero point for it.

        A batch that overflowed, as in training with 16 bits now and then, leaves the range as it is.
        """
        rows = x.movedim(self.ch_axis, 0).flatten(1) if self.ch_axis >= 0 else x.reshape(1, -1)
        least, most = torch.aminmax(rows, dim=1)
        finite = least.isfinite() & most.isfinite()
        least, most = torch.where(finite, least, self.lowest), torch.where(finite, most, self.highest)
        low, high = self.lowest.lerp(least, self.pace), self.highest.lerp(most, self.pace)
        if self.widens:
            low, high = torch.minimum(low, least), torch.maximum(high, most)
        self.lowest.copy_(low)
        self.highest.copy_(high)
        low, high = low.clamp(max=0.0), high.clamp(min=0.0)
        if self.qscheme in _SYMMETRIC:
            reach = (self.quant_max - self.quant_min) // 2
            self.scale.copy_((torch.maximum(high, -low) / reach).clamp(min=_SMALLEST_SCALE))
            return
        self.scale.copy_(((high - low) / (self.quant_max - self.quant_min)).clamp(min=_SMALLEST_SCALE))
        codes = (self.quant_min - low / self.scale).round().clamp(self.quant_min, self.quant_max)
        self.zero_point.copy_(codes.to(torch.int32))

    @override
    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in ("scale", "zero_point", "lowest", "highest"):  # several, where a layer has a scale by channel
            if (stored := state_dict.get(prefix + name)) is not None:
                setattr(self, name, torch.empty_like(getattr(self, name)).resize_(stored.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
