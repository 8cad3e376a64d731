"""Detectors: heads with constant grids, anchors and distributions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

from tests.corpus.networks.base import Apply, Network, conv


class Focus(nn.Module):  # type: ignore[misc]
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = conv(c, 3, act=nn.SiLU, inputs=12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], dim=1))


class YoloV5(nn.Module):  # type: ignore[misc]
    """Focus, CSP, SPP, two scales, and the decoding of boxes with constant grids."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.down = Focus(16), conv(16, 3, 2, act=nn.SiLU)
        self.left, self.right = conv(8, 1, act=nn.SiLU, inputs=16), conv(8, 1, act=nn.SiLU, inputs=16)
        self.join, self.pools = conv(16, 1, act=nn.SiLU), nn.ModuleList(nn.MaxPool2d(k, 1, k // 2) for k in (5, 9))
        self.reduce = conv(16, 1, act=nn.SiLU, inputs=48)
        self.heads = nn.ModuleList(nn.Conv2d(16, 3 * 7, 1) for _ in range(2))
        self.register_buffer("anchors", torch.rand(2, 1, 3, 1, 1, 2) * 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.stem(x)
        b = self.down(a)
        b = self.join(torch.cat([self.left(b), self.right(b)], 1))
        b = self.reduce(torch.cat([b, *(pool(b) for pool in self.pools)], 1))
        a = a + F.interpolate(b, scale_factor=2, mode="nearest")
        return torch.cat([self.decode(i, self.heads[i](m)) for i, m in enumerate((a, b))], 1)

    def decode(self, i: int, x: torch.Tensor) -> torch.Tensor:
        n, _, ny, nx = x.shape
        x = x.view(n, 3, 7, ny, nx).permute(0, 1, 3, 4, 2).contiguous()
        yv, xv = torch.meshgrid([torch.arange(ny), torch.arange(nx)], indexing="ij")
        grid = torch.stack((xv, yv), 2).view(1, 1, ny, nx, 2).float()
        y = x.sigmoid()
        xy = (y[..., 0:2] * 2.0 - 0.5 + grid) * 32 / ny
        wh = (y[..., 2:4] * 2) ** 2 * self.anchors[i]
        return torch.cat((xy, wh, y[..., 4:]), -1).view(n, -1, 7)


class YoloV8(nn.Module):  # type: ignore[misc]
    """C2f, SPPF, and the head that predicts distributions of distances."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.split = conv(16, 3, 4, act=nn.SiLU, inputs=3), conv(16, 1, act=nn.SiLU)
        self.inner, self.join = conv(8, 3, act=nn.SiLU), conv(16, 1, act=nn.SiLU, inputs=24)
        self.down = conv(16, 3, 2, act=nn.SiLU)
        self.box = nn.ModuleList(nn.Conv2d(16, 64, 1) for _ in range(2))
        self.cls = nn.ModuleList(nn.Conv2d(16, 3, 1) for _ in range(2))
        self.dfl = nn.Conv2d(16, 1, 1, bias=False).requires_grad_(False)
        self.dfl.weight.data[:] = torch.arange(16, dtype=torch.float).view(1, 16, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = list(self.split(self.stem(x)).chunk(2, 1))
        a = self.join(torch.cat([*y, self.inner(y[-1])], 1))
        maps = [torch.cat((self.box[i](m), self.cls[i](m)), 1) for i, m in enumerate((a, self.down(a)))]
        box, cls = torch.cat([m.view(m.shape[0], 67, -1) for m in maps], 2).split((64, 3), 1)
        b, _, n = box.shape
        distance = self.dfl(box.view(b, 4, 16, n).transpose(2, 1).softmax(1)).view(b, 4, n)
        anchors, strides = self.anchors(maps)
        lt, rb = distance.chunk(2, 1)
        corner, other = anchors - lt, anchors + rb
        return torch.cat((torch.cat(((corner + other) / 2, other - corner), 1) * strides, cls.sigmoid()), 1)

    def anchors(self, maps: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        points, strides = [], []
        for m in maps:
            h, w = m.shape[-2:]
            sy, sx = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
            points.append(torch.stack((sx, sy), -1).view(-1, 2))
            strides.append(torch.full((h * w, 1), 32.0 / h))
        return torch.cat(points).transpose(0, 1).unsqueeze(0), torch.cat(strides).transpose(0, 1)


def ssd(layers: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """SSD and RetinaFace: heads that are flattened with the channels last, and L2Norm on a map."""
    a = layers["stem"](x)
    a = a / (a.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10)
    b = layers["down"](a)
    boxes = [layers["box"](m).permute(0, 2, 3, 1).contiguous().view(1, -1, 4) for m in (a, b)]
    scores = [layers["cls"](m).permute(0, 2, 3, 1).contiguous().view(1, -1, 2) for m in (a, b)]
    return torch.cat(boxes, 1), F.softmax(torch.cat(scores, 1), dim=-1)


def keypoints(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Soft-argmax of heat maps."""
    heat = layers["body"](x)
    b, c, h, w = heat.shape
    weights = heat.view(b, c, -1).softmax(-1).view(b, c, h, w)
    x_at = (weights.sum(2) * torch.arange(w)).sum(-1)
    y_at = (weights.sum(3) * torch.arange(h)).sum(-1)
    return torch.stack((x_at, y_at), -1)


NETWORKS: tuple[Network, ...] = (
    Network("yolov5", YoloV5),
    Network("yolov8", YoloV8),
    Network(
        "ssd",
        lambda: Apply(
            ssd, stem=conv(8, 3, 2, inputs=3), down=conv(8, 3, 2), box=nn.Conv2d(8, 16, 1), cls=nn.Conv2d(8, 8, 1)
        ),
    ),
    Network("keypoints", lambda: Apply(keypoints, body=nn.Sequential(conv(8, 3, 2, inputs=3), nn.Conv2d(8, 5, 1)))),
)
