"""Folding a batch norm into the layer before it changes nothing that is computed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.error_ids import raises_error

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnxscript")


def norm(channels: int, kind: Any = torch.nn.BatchNorm2d, **options: Any) -> Any:
    made = kind(channels, **options)
    made.running_mean.normal_()
    made.running_var.uniform_(0.1, 3)
    if made.affine:
        made.weight.data.uniform_(-2, 2)
        made.bias.data.normal_()
    return made


class OneConvolutionTwoNorms(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.near, self.far = torch.nn.Conv2d(3, 4, 3), norm(4), norm(4)

    def forward(self, x: Any) -> Any:
        return self.near(self.conv(x)) + self.far(self.conv(2 * x)).relu()


class OneHeadTwice(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False), norm(4))

    def forward(self, x: Any) -> Any:
        return self.head(x) + self.head(2 * x).relu()


class ReadTwice(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(3, 4, 3), norm(4)

    def forward(self, x: Any) -> Any:
        before = self.conv(x)
        return before + self.norm(before).relu()


def transposed(groups: int) -> Any:
    return torch.nn.Sequential(torch.nn.ConvTranspose2d(3 * groups, 2 * groups, 2, 2, groups=groups), norm(2 * groups))


NETWORKS = {
    "one convolution, two norms": (OneConvolutionTwoNorms, (3, 8, 8), 0),
    "one head twice": (OneHeadTwice, (3, 8, 8), 0),
    "read beside its norm": (ReadTwice, (3, 8, 8), 1),
    "transposed": (lambda: transposed(1), (3, 8, 8), 0),
    "transposed in groups": (lambda: transposed(2), (6, 8, 8), 0),
    "depthwise": (lambda: torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3, groups=4), norm(8)), (4, 8, 8), 0),
    "padded as the input is": (
        lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding="same"), norm(4, affine=False)), (3, 8, 8), 0,
    ),
    "dense": (lambda: torch.nn.Sequential(torch.nn.Linear(5, 4), norm(4, torch.nn.BatchNorm1d)), (5,), 0),
    "dense along another axis": (
        lambda: torch.nn.Sequential(torch.nn.Linear(5, 4), norm(3, torch.nn.BatchNorm1d)), (3, 5), 1,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_captured_module_computes_the_same_without_its_norms(name: str) -> None:
    from dlpuconv.qat.capture import capture

    make, shape, left = NETWORKS[name]
    torch.manual_seed(0)
    module = make().eval()
    captured = capture(module, torch.zeros(1, *shape))
    x = torch.randn(3, *shape)
    torch.testing.assert_close(captured.graph_module(x), module(x), rtol=1e-4, atol=1e-4)
    calls = [str(node.target) for node in captured.graph_module.graph.nodes if node.op == "call_function"]
    assert sum("batch_norm" in each for each in calls) == left


@pytest.mark.slow
def test_a_head_that_runs_twice_keeps_one_set_of_weights() -> None:
    from dlpuconv.qat.capture import capture

    captured = capture(OneHeadTwice(), torch.zeros(1, 3, 8, 8))
    shapes = {name: tuple(values.shape) for name, values in captured.graph_module.named_parameters()}
    assert sorted(shapes.values()) == [(4,), (4, 3, 3, 3)]


@pytest.mark.slow
def test_a_module_for_one_sample_alone_is_refused_in_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    from dlpuconv.qat.capture import capture

    class Flat(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.dense = torch.nn.Linear(12, 2)

        def forward(self, x: Any) -> Any:
            return self.dense(x.reshape(1, 12))

    with raises_error("pytorch-export-failed", "Flat"):
        capture(Flat(), torch.zeros(1, 3, 4))
    assert "Traceback" not in "".join(capfd.readouterr())
