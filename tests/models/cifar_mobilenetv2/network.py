"""The MobileNetV2 in PyTorch, as it was trained; `model.onnx` is its export, which holds the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

_BLOCKS = ((1, 16, 1, 2), (6, 24, 2, 1), (6, 32, 2, 2), (6, 64, 2, 2), (6, 96, 1, 1))
"""Growth, channels, repetitions, stride of the first."""
_STEM, _LAST, _CLASSES = 24, 384, 10


def trained() -> MobileNetV2:
    """With the weights of `model.onnx`, for inference."""
    model = onnx.load(Path(__file__).with_name("model.onnx"))
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    network = MobileNetV2()
    known = network.state_dict()
    known |= {name: torch.from_numpy(np.array(arrays[name])) for name in known if "num_batches" not in name}
    network.load_state_dict(known)
    network.eval()
    return network


class MobileNetV2(nn.Module):  # type: ignore[misc] # torch is not typed
    """[N, 3, 32, 32] to [N, 10]."""

    def __init__(self) -> None:
        """Without weights."""
        super().__init__()
        layers, width = [_unit(3, _STEM, 3)], _STEM
        for growth, channels, count, stride in _BLOCKS:
            for number in range(count):
                layers.append(_Block(width, channels, 1 if number else stride, growth))
                width = channels
        self.features = nn.Sequential(*layers, _unit(width, _LAST, 1))
        self.classifier = nn.Linear(_LAST, _CLASSES)

    def forward(self, pixels: Any) -> Any:
        """The score of each class."""
        return self.classifier(self.features(pixels).mean([2, 3]))


class _Block(nn.Module):  # type: ignore[misc] # as above
    """An inverted residual: wide in the middle."""

    def __init__(self, before: int, after: int, stride: int, growth: int) -> None:
        super().__init__()
        wide = before * growth
        grown = [] if growth == 1 else [_unit(before, wide, 1)]
        narrow = nn.Sequential(nn.Conv2d(wide, after, 1, bias=False), nn.BatchNorm2d(after))
        self.conv = nn.Sequential(*grown, _unit(wide, wide, 3, stride, wide), narrow)
        self.is_residual = stride == 1 and before == after

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.is_residual else self.conv(x)


def _unit(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> Any:
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU6(inplace=True))
