"""Small PyTorch networks with the parts that mobile ones are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")


class Residual(torch.nn.Module):  # type: ignore[misc, name-defined]
    """An inverted residual block: batch norms unfused, ReLU6, depthwise."""

    def __init__(self, inputs: int, outputs: int, stride: int, widening: int) -> None:
        super().__init__()
        wide, nn = inputs * widening, torch.nn
        self.body = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Any) -> Any:
        return x + self.body(x) if self.adds else self.body(x)


class Mobile(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Blocks, a join of two branches of which one is moved codes alone, a sigmoid, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.blocks = nn.Sequential(Residual(8, 8, 1, 2), Residual(8, 12, 2, 2))
        self.gate = nn.Conv2d(24, 24, 1)
        self.head = nn.Linear(24, 5)

    def forward(self, image: Any) -> Any:
        x = self.blocks(self.stem(image))
        x = torch.cat([x, torch.nn.functional.max_pool2d(x, 3, 1, 1)], 1)
        x = x * torch.sigmoid(self.gate(x))
        return self.head(torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


def mobile() -> Any:
    """With weights and statistics of very different size from channel to channel, as trained ones have."""
    torch.manual_seed(0)
    net = Mobile()
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.weight.data.uniform_(0.2, 3)
            part.bias.data.normal_(0, 0.5)
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.05, 3)
    return net.eval()


def images(count: int) -> Any:
    """[count, 3, 32, 32]."""
    return np.random.default_rng(0).normal(size=(count, 3, 32, 32)).astype(np.float32)
