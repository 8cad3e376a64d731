"""What the networks of the corpus are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

type Shape = tuple[int, ...]

MAP: Shape = (1, 3, 32, 32)


@dataclass(frozen=True, slots=True)
class Network:
    """How a module is made, the shapes of its inputs, and the first opset that it can be traced to."""

    name: str
    build: Callable[[], nn.Module]
    shapes: tuple[Shape, ...] = (MAP,)
    opset: int = 11


class Apply(nn.Module):  # type: ignore[misc]
    """A function of layers: what a `forward` of a few lines does."""

    def __init__(self, function: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        self.function = function

    def forward(self, *x: torch.Tensor) -> Any:
        return self.function(self.layers, *x)


def conv(c: int, k: int, s: int = 1, g: int = 1, act: type[nn.Module] = nn.ReLU, inputs: int = 0) -> nn.Sequential:
    """Convolution, batch normalization, activation."""
    made = nn.Conv2d(inputs or c, c, k, s, k // 2, groups=g, bias=False)
    return nn.Sequential(made, nn.BatchNorm2d(c), act())
