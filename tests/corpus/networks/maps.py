"""A map of the picture comes out: attention on maps, segmentation, restoration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

from tests.corpus.networks.base import Apply, Network, conv

if TYPE_CHECKING:
    from collections.abc import Callable


def eca(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Efficient channel attention: a convolution along the channels."""
    x = layers["stem"](x)
    y = F.adaptive_avg_pool2d(x, 1).squeeze(-1).transpose(-1, -2)
    return x * layers["conv"](y).transpose(-1, -2).unsqueeze(-1).sigmoid().expand_as(x)


def cbam(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Spatial attention on the mean and the maximum over channels."""
    x = layers["stem"](x)
    pooled = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True).values], dim=1)
    return x * torch.sigmoid(layers["conv"](pooled))


def se_linear(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Squeeze and excite with Linear layers, as in the original code."""
    x = layers["stem"](x)
    b, c, _, _ = x.size()
    return x * layers["gate"](x.mean((2, 3)).view(b, c)).view(b, c, 1, 1)


class UNet(nn.Module):  # type: ignore[misc]
    def __init__(self, norm: Callable[[int], nn.Module] = nn.BatchNorm2d, up: nn.Module | None = None) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), norm(8), nn.LeakyReLU(0.1))
        self.b = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), norm(16), nn.ReLU(inplace=True))
        self.up = up or nn.ConvTranspose2d(16, 8, 2, 2)
        self.c = nn.Sequential(nn.Conv2d(16 if up is None else 24, 8, 3, padding=1), norm(8), nn.ReLU())
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.a(x)
        x = self.up(self.b(F.max_pool2d(skip, 2)))
        return self.head(self.c(torch.cat([skip, x], dim=1)))


def fcn(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """FCN and CenterNet: up-sampling by a depthwise transposed convolution; a mask of class numbers."""
    x = layers["up"](layers["stem"](x))
    return layers["head"](x[:, :, 1:-1, 1:-1]).argmax(1)


def deeplab(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """ASPP: dilated branches, one of the whole picture, resized logits."""
    size = x.shape[-2:]
    x = layers["stem"](x)
    pooled = F.interpolate(layers["pool"](F.adaptive_avg_pool2d(x, 1)), x.shape[-2:], mode="bilinear")
    x = layers["head"](torch.cat([layers["a"](x), layers["b"](x), pooled], 1))
    return F.interpolate(x, size, mode="bilinear", align_corners=False).softmax(1)


def gan() -> nn.Module:
    """A generator: transposed convolutions of the usual geometry, tanh."""
    return nn.Sequential(
        nn.ReflectionPad2d(3), nn.Conv2d(3, 8, 7), nn.InstanceNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1),
        nn.InstanceNorm2d(16, affine=True), nn.ReLU(), nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1),
        nn.ReLU(), nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ELU(), nn.Conv2d(8, 3, 7, padding=3), nn.Tanh(),
    )  # fmt: skip


def super_resolution(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """ESPCN with a long way around: nearest neighbours plus what was learned."""
    return F.interpolate(x, scale_factor=2, mode="nearest") + F.pixel_shuffle(layers["body"](x), 2)


def unshuffled(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """RealESRGAN x2: the picture is folded into channels first."""
    return F.pixel_shuffle(layers["body"](F.pixel_unshuffle(x, 2)), 2).clamp(0, 1)


def mask_head(layers: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """GroupNorm towers with a learned scale, distances that are positive."""
    return F.relu(layers["tower"](x) * 1.5), F.softplus(layers["tower"](x))


def interleaved(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Interleaved group convolutions of a panorama: branches alternate, by assignment to slices; log-probabilities."""
    x = layers["stem"](x)
    both = torch.zeros(x.shape[0], 8, *x.shape[2:])
    both[:, ::2], both[:, 1::2] = layers["a"](x), layers["b"](x)
    return layers["head"](both).softmax(1).log()


INTERLEAVED = Network(
    "interleaved",
    lambda: Apply(
        interleaved,
        stem=conv(8, 3, 2, inputs=3),
        a=nn.Conv2d(8, 4, 1),
        b=nn.Conv2d(8, 4, 3, padding=1, padding_mode="circular"),
        head=nn.Conv2d(8, 4, 1),
    ),
)

NETWORKS: tuple[Network, ...] = (
    Network("eca", lambda: Apply(eca, stem=conv(8, 3, inputs=3), conv=nn.Conv1d(1, 1, 3, padding=1, bias=False))),
    Network("cbam", lambda: Apply(cbam, stem=conv(8, 3, inputs=3), conv=nn.Conv2d(2, 1, 7, padding=3))),
    Network(
        "se_linear",
        lambda: Apply(
            se_linear,
            stem=conv(8, 3, inputs=3),
            gate=nn.Sequential(nn.Linear(8, 2, bias=False), nn.ReLU(), nn.Linear(2, 8, bias=False), nn.Sigmoid()),
        ),
    ),
    Network("unet", UNet),
    Network(
        "panorama",
        lambda: nn.Sequential(conv(8, 3, inputs=3), nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")),
        opset=19,
    ),
    Network("unet_group_norm", lambda: UNet(lambda c: nn.GroupNorm(4, c), nn.UpsamplingBilinear2d(scale_factor=2))),
    Network("unet_instance_norm", lambda: UNet(nn.InstanceNorm2d, nn.Upsample(scale_factor=2, mode="bilinear"))),
    Network(
        "fcn",
        lambda: Apply(
            fcn,
            stem=conv(8, 3, 2, inputs=3),
            up=nn.ConvTranspose2d(8, 8, 4, 2, groups=8, bias=False),
            head=nn.Conv2d(8, 3, 1),
        ),
    ),
    Network(
        "deeplab",
        lambda: Apply(
            deeplab,
            stem=conv(8, 3, 2, inputs=3),
            a=nn.Conv2d(8, 8, 1),
            b=nn.Conv2d(8, 8, 3, padding=4, dilation=4),
            pool=nn.Conv2d(8, 8, 1),
            head=nn.Conv2d(24, 4, 1),
        ),
    ),
    Network("gan", gan),
    Network(
        "super_resolution",
        lambda: Apply(
            super_resolution, body=nn.Sequential(conv(16, 3, inputs=3, act=nn.PReLU), nn.Conv2d(16, 12, 3, padding=1))
        ),
    ),
    Network("unshuffled", lambda: Apply(unshuffled, body=nn.Sequential(conv(16, 3, inputs=12), nn.Conv2d(16, 12, 1)))),
    Network(
        "mask_head",
        lambda: Apply(
            mask_head,
            tower=nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.Mish(), nn.Conv2d(16, 4, 1)),
        ),
    ),
)
