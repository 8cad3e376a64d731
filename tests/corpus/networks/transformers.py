"""Attention over tokens: transformers of pictures and of vectors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

from tests.corpus.networks.base import Apply, Network, conv


class Attention(nn.Module):  # type: ignore[misc]
    """Of timm."""

    def __init__(self, c: int, heads: int, *, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused, self.scale = heads, fused, (c // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(c, 3 * c), nn.Linear(c, c)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            x = F.scaled_dot_product_attention(q, k, v)
        else:
            x = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
        return self.proj(x.transpose(1, 2).reshape(b, n, c))


class ViT(nn.Module):  # type: ignore[misc]
    def __init__(self, *, fused: bool = False) -> None:
        super().__init__()
        c = 32
        self.patch, self.cls = nn.Conv2d(3, c, 8, 8), nn.Parameter(torch.zeros(1, 1, c))
        self.position = nn.Parameter(torch.randn(1, 17, c))
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(c), Attention(c, 4, fused=fused), nn.LayerNorm(c)
        self.mlp = nn.Sequential(nn.Linear(c, 2 * c), nn.GELU(), nn.Linear(2 * c, c))
        self.norm, self.head = nn.LayerNorm(c), nn.Linear(c, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls.expand(x.shape[0], -1, -1), x), dim=1) + self.position
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm(x)[:, 0])


class Encoder(nn.Module):  # type: ignore[misc]
    """PyTorch's own attention, a mean over the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.norm = nn.MultiheadAttention(16, 2, batch_first=True), nn.LayerNorm(16)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(x + self.attention(x, x, x, need_weights=False)[0]).mean(dim=1))


class Swin(nn.Module):  # type: ignore[misc]
    """Shifted windows."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.norm, self.attention = nn.Conv2d(3, 16, 4, 4), nn.LayerNorm(16), Attention(16, 2, fused=False)
        self.merge = nn.Linear(64, 32, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        windows = torch.roll(self.norm(x), (-2, -2), (1, 2)).view(b, h // 4, 4, w // 4, 4, c)
        windows = self.attention(windows.permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c))
        back = windows.view(b, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        x = x + torch.roll(back, (2, 2), (1, 2))
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.merge(torch.cat(parts, -1))


class ConvNeXt(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, 4)
        self.dw, self.norm = nn.Conv2d(16, 16, 7, padding=3, groups=16), nn.LayerNorm(16, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16))
        self.gamma = nn.Parameter(torch.full((16,), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = self.mlp(self.norm(self.dw(x).permute(0, 2, 3, 1)))
        return x + (self.gamma * y).permute(0, 3, 1, 2)


class GeluByHand(nn.Module):  # type: ignore[misc]
    """BERT's and GPT's own activations, LLaMA's own normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(16, 16) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a(x)
        x = x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))
        x = self.b(x)
        x = 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))
        x = self.c(x)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def einsum_attention(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Linear attention by einsum, on a map."""
    b, _, h, w = x.shape
    q, k, v = layers["qkv"](x).reshape(b, 3, 2, 8, h * w).unbind(1)
    context = torch.einsum("bhdn,bhen->bhde", k.softmax(dim=-1), v)
    return layers["out"](torch.einsum("bhde,bhdn->bhen", context, q.softmax(dim=-2)).reshape(b, 16, h, w))


def non_local(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Non-local block; the mask is a softmax over all pixels."""
    x = layers["stem"](x)
    theta, phi = layers["theta"](x).flatten(2), layers["phi"](x).flatten(2)
    energy = torch.bmm(theta.permute(0, 2, 1), phi).softmax(-1)
    return x + torch.bmm(x.flatten(2), energy.permute(0, 2, 1)).view_as(x)


def mlp_mixer(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Tokens are mixed by a Linear layer between two transpositions."""
    x = layers["patch"](x).flatten(2).transpose(1, 2)
    x = x + layers["tokens"](layers["norm"](x).transpose(1, 2)).transpose(1, 2)
    return layers["head"](x.mean(1))


NETWORKS: tuple[Network, ...] = (
    Network("vit", ViT),
    Network("vit_fused", lambda: ViT(fused=True), opset=14),
    Network("encoder", Encoder, ((1, 12, 16),), opset=14),
    Network("swin", Swin),
    Network("convnext", ConvNeXt),
    Network("gelu_by_hand", GeluByHand, ((1, 8, 16),)),
    Network(
        "einsum_attention",
        lambda: Apply(einsum_attention, qkv=nn.Conv2d(3, 48, 1), out=nn.Conv2d(16, 8, 1)),
        ((1, 3, 8, 8),),
        opset=12,
    ),
    Network(
        "non_local",
        lambda: Apply(non_local, stem=conv(8, 3, 2, inputs=3), theta=nn.Conv2d(8, 4, 1), phi=nn.Conv2d(8, 4, 1)),
        ((1, 3, 16, 16),),
    ),
    Network(
        "mlp_mixer",
        lambda: Apply(
            mlp_mixer,
            patch=nn.Conv2d(3, 16, 8, 8),
            norm=nn.LayerNorm(16),
            tokens=nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16)),
            head=nn.Linear(16, 4),
        ),
    ),
)
