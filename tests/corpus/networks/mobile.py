"""Classifiers as phones and cameras run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

from tests.corpus.networks.base import Apply, Network, conv

if TYPE_CHECKING:
    from collections.abc import Callable


def shuffle(x: torch.Tensor, groups: int = 2) -> torch.Tensor:
    """ShuffleNet's, of torchvision."""
    n, c, h, w = x.size()
    x = x.view(n, groups, c // groups, h, w)
    return torch.transpose(x, 1, 2).contiguous().view(n, c, h, w)


class ShuffleUnit(nn.Module):  # type: ignore[misc]
    """ShuffleNetV2's unit of stride 1."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            conv(c, 1), nn.Conv2d(c, c, 3, 1, 1, groups=c), nn.BatchNorm2d(c), nn.Conv2d(c, c, 1), nn.ReLU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, dim=1)
        return shuffle(torch.cat((a, self.branch(b)), dim=1))


def shufflenet_v2() -> nn.Module:
    return nn.Sequential(
        conv(16, 3, 2, inputs=3), ShuffleUnit(8), ShuffleUnit(8), ShuffleUnit(8), conv(32, 1, inputs=16),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


class ShuffleV1(nn.Module):  # type: ignore[misc]
    """ShuffleNet's first unit: grouped 1x1 convolutions with a shuffle between."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = conv(12, 3, 2, inputs=3), conv(12, 1, g=3)
        self.depthwise = nn.Sequential(nn.Conv2d(12, 12, 3, 1, 1, groups=12), nn.BatchNorm2d(12))
        self.last = nn.Conv2d(12, 12, 1, groups=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return torch.relu(x + self.last(self.depthwise(shuffle(self.first(x), 3))))


class Gate(nn.Module):  # type: ignore[misc]
    """Squeeze and excite."""

    def __init__(self, c: int, gate: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.reduce, self.expand, self.gate = nn.Conv2d(c, c // 4, 1), nn.Conv2d(c // 4, c, 1), gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return x * self.gate(self.expand(s))


def relu6_gate(x: torch.Tensor) -> torch.Tensor:
    """Hard sigmoid as it was written before PyTorch had it."""
    return F.relu6(x + 3.0) / 6.0


class HandWrittenSwish(nn.Module):  # type: ignore[misc]
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * F.relu6(x + 3.0) / 6.0


def mobilenet_v3(act: type[nn.Module] = nn.Hardswish, gate: Any = F.hardsigmoid) -> nn.Module:
    return nn.Sequential(
        conv(16, 3, 2, act=act, inputs=3), conv(16, 5, 1, 16, act), Gate(16, gate), conv(24, 1, inputs=16, act=act),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 32), act(), nn.Dropout(0.2), nn.Linear(32, 10),
    )  # fmt: skip


def ghost(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """GhostNet's module: half of the channels are cheap copies, and the surplus is cut off."""
    first = layers["first"](x)
    return torch.cat([first, layers["cheap"](first)], dim=1)[:, :14]


def inception(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """A block of Inception as ported from TensorFlow, whose averages leave the padding out."""
    x = layers["stem"](x)
    pooled = layers["project"](F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False))
    return torch.cat([layers["one"](x), layers["wide"](x), pooled], 1)


def vgg() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True), nn.Conv2d(8, 8, 3), nn.ReLU(),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.Flatten(), nn.Linear(8 * 49, 10), nn.LogSoftmax(dim=1),
    )  # fmt: skip


class DenseLayer(nn.Module):  # type: ignore[misc]
    """DenseNet's pre-activation layer."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(c), nn.Conv2d(c, 8, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], 1)


def densenet() -> nn.Module:
    return nn.Sequential(
        conv(8, 3, 2, inputs=3), nn.MaxPool2d(3, 2, 1), DenseLayer(8), DenseLayer(16), nn.BatchNorm2d(24), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip


class ResNetA(nn.Module):  # type: ignore[misc]
    """CIFAR's shortcut without weights: every second pixel, and zeros for the new channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a = conv(8, 3, inputs=3), conv(16, 3, 2, inputs=8)
        self.b = nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return F.relu(self.b(self.a(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4)))


class Subsampled(nn.Module):  # type: ignore[misc]
    """Wide ResNets' and HRNet's way to a smaller map: every second pixel, as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = conv(8, 3, inputs=3), conv(8, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.body(x) + x[:, :, ::2, ::2]


def tf_padded() -> nn.Module:
    """EfficientNet ported from TensorFlow: SAME padding as Pads of its own, SiLU."""
    return nn.Sequential(
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.SiLU(),
        nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2), nn.ZeroPad2d(1), nn.ZeroPad2d(1), nn.Conv2d(8, 8, 5, groups=8),
        nn.SiLU(), nn.ReflectionPad2d(1), nn.Conv2d(8, 8, 3),
    )  # fmt: skip


class Normalized(nn.Module):  # type: ignore[misc]
    """Preprocessing inside the network, and an embedding of unit length: face recognition."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1))
        self.body = nn.Sequential(conv(16, 3, 2, act=nn.PReLU, inputs=3), nn.Conv2d(16, 16, 3, 2, groups=16))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(16 * 49, 32), nn.BatchNorm1d(32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.head(self.body((x - self.mean) / self.std)))


NETWORKS: tuple[Network, ...] = (
    Network("shufflenet_v2", shufflenet_v2),
    Network("shufflenet_v1", ShuffleV1),
    Network("mobilenet_v3", mobilenet_v3),
    Network("mobilenet_v3_by_hand", lambda: mobilenet_v3(HandWrittenSwish, relu6_gate)),
    Network("ghostnet", lambda: Apply(ghost, first=conv(8, 1, inputs=3), cheap=conv(8, 3, g=8))),
    Network(
        "inception",
        lambda: Apply(
            inception,
            stem=conv(8, 3, 2, inputs=3),
            one=conv(8, 1),
            wide=nn.Sequential(
                nn.Conv2d(8, 8, (1, 7), padding=(0, 3)), nn.ReLU(), nn.Conv2d(8, 8, (7, 1), padding=(3, 0))
            ),
            project=conv(8, 1),
        ),
    ),
    Network("vgg", vgg),
    Network("densenet", densenet),
    Network("resnet_a", ResNetA),
    Network("subsampled", Subsampled),
    Network("tf_padded", tf_padded),
    Network("normalized", Normalized),
)
