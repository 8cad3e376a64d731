"""Sound, sequences, clips and vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

from tests.corpus.networks.base import Apply, Network, conv


def keyword_rnn(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """A recurrent network over spectra, the last step classified."""
    return layers["head"](layers["rnn"](x)[0][:, -1])


def crnn(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Text recognition: columns of a map are the steps."""
    x = layers["conv"](x).squeeze(2).permute(0, 2, 1)
    return layers["head"](layers["rnn"](x)[0]).log_softmax(2)


def audio() -> nn.Module:
    """M5: convolutions along time."""
    return nn.Sequential(
        nn.Conv1d(1, 8, 16, 4), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(8, 16, 3, padding=1),
        nn.BatchNorm1d(16), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 5), nn.Softmax(-1),
    )  # fmt: skip


def tcn(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """A causal, gated, dilated convolution: WaveNet's."""
    y = layers["conv"](F.pad(x, (4, 0)))
    a, b = y.chunk(2, 1)
    return x + layers["out"](torch.tanh(a) * torch.sigmoid(b))


def volume() -> nn.Module:
    """Clips: convolutions along time, height and width."""
    return nn.Sequential(
        nn.Conv3d(3, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(), nn.MaxPool3d((1, 2, 2)), nn.AdaptiveAvgPool3d(1),
        nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip


def ffm(layers: Any, x: torch.Tensor) -> torch.Tensor:
    """Activations that repositories write by hand."""
    x = layers["a"](x)
    x = x / (1.0 + torch.exp(-x))
    x = layers["b"](x)
    x = torch.max(x, 0.1 * x)
    x = layers["c"](x)
    x = torch.where(x > 20, x, torch.log(1 + torch.exp(x)))
    return torch.min(torch.max(layers["d"](x), torch.tensor(-1.0)), torch.tensor(1.0)) * -0.5


_LINEAR = {"a": nn.Linear, "b": nn.Linear, "c": nn.Linear, "d": nn.Linear}

NETWORKS: tuple[Network, ...] = (
    Network(
        "lstm", lambda: Apply(keyword_rnn, rnn=nn.LSTM(10, 8, batch_first=True), head=nn.Linear(8, 4)), ((1, 6, 10),)
    ),
    Network(
        "gru", lambda: Apply(keyword_rnn, rnn=nn.GRU(10, 8, 2, batch_first=True), head=nn.Linear(8, 4)), ((1, 6, 10),)
    ),
    Network(
        "crnn",
        lambda: Apply(
            crnn,
            conv=nn.Sequential(conv(8, 3, 2, inputs=1), nn.MaxPool2d((4, 1))),
            rnn=nn.LSTM(8, 8, bidirectional=True, batch_first=True),
            head=nn.Linear(16, 6),
        ),
        ((1, 1, 8, 24),),
    ),
    Network("audio", audio, ((1, 1, 400),)),
    Network("tcn", lambda: Apply(tcn, conv=nn.Conv1d(8, 16, 3, dilation=2), out=nn.Conv1d(8, 8, 1)), ((1, 8, 32),)),
    Network("volume", volume, ((1, 3, 4, 16, 16),)),
    Network("ffm", lambda: Apply(ffm, **{k: v(12, 12) for k, v in _LINEAR.items()}), ((1, 12),)),
)
