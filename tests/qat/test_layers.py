"""Every layer of the file computes what the prepared module does there: both are fed the same codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, override

import numpy as np
import pytest

import dlpuconv
from dlpuconv import qat
from dlpuconv.formats.detect import read, tracer
from dlpuconv.verification.translate import to_artifact
from tests.qat.networks import Residual, images

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.formats import FileView, TensorView

pytestmark = pytest.mark.slow

CALIBRATION = images(24)
MULTIPLY = "conv", "hardtanh", "linear"
"""Nodes of layers with weights, of which few sums lie between two codes; averages often do."""


class Various(torch.nn.Module):  # type: ignore[misc, name-defined] # torch is not followed
    """Convolutions with batch norms, depthwise ones, a sum, slopes, two pools joined, a sigmoid, and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.blocks = nn.Sequential(Residual(8, 8, 1, 2), Residual(8, 12, 1, 2))
        self.slopes = nn.PReLU(12)
        torch.nn.init.uniform_(self.slopes.weight, -0.2, 0.7)
        self.gate, self.head = nn.Conv2d(24, 24, 1), nn.Linear(24, 5)

    def forward(self, image: Any) -> Any:
        x = self.slopes(self.blocks(self.stem(image)))
        x = torch.cat([torch.nn.functional.max_pool2d(x, 2), torch.nn.functional.avg_pool2d(x, 2)], 1)
        x = x * torch.sigmoid(self.gate(x))
        return self.head(x.mean((2, 3)))


class Apart(NamedTuple):
    """How far the file's codes of a value are from the module's: in steps, and which share not at all."""

    most: int
    equal: float


class FedByFile(torch.fx.Interpreter):  # type: ignore[misc, name-defined] # torch is not followed
    """Runs a prepared module on the values of a file, layer by layer; `apart` tells of each node that is rounded."""

    def __init__(self, graph: Any, values: Mapping[str, Any]) -> None:
        super().__init__(graph)
        self._values, self.apart = values, dict[str, Apart]()

    @override
    def run_node(self, n: Any) -> Any:
        made = super().run_node(n)
        name = str(n.args[0].name) if n.op == "call_module" else ""
        if name not in self._values:
            return made
        found = self._values[name]
        assert found.shape == made.shape
        steps = ((made - found) / self.fetch_attr(n.target).scale).round().abs()
        self.apart[name] = Apart(int(steps.max()), float((steps == 0).float().mean()))
        return found


def trained(target: str) -> Any:
    """A few steps from where the recipe starts."""
    torch.manual_seed(0)
    shown = torch.zeros(1, 3, 32, 32)
    prepared = qat.prepare(Various().eval(), target=target, example_inputs=shown, calibration=CALIBRATION, start="fast")
    optimizer = torch.optim.SGD(prepared.parameters(), lr=0.05)
    batch, labels = torch.from_numpy(CALIBRATION), torch.arange(len(CALIBRATION)) % 5
    for _ in range(4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(prepared(batch), labels).backward()
        optimizer.step()
    return prepared.eval()


def rounded(prepared: Any) -> list[str]:
    """The nodes whose values a module rounds."""
    rounds = [node.args[0] for node in prepared.graph.graph.nodes if node.op == "call_module"]
    return [node.name for node in rounds if node.op != "get_attr"]


def tensor_of(view: FileView, name: str) -> TensorView:
    """A value's codes in a file; a node may have lost its number where it was exported again."""
    coded = {tensor.name: tensor for tensor in view.tensors if tensor.quantization is not None}
    called = (name, re.sub(r"_\d+$", "", name))
    return next(coded[each] for plain in called for each in (f"{plain}/codes", plain) if each in coded)


def in_real_units(codes: Any, tensor: TensorView, *, channels_last: bool) -> Any:
    """In the module's layout."""
    assert tensor.quantization is not None
    real = np.asarray(tensor.quantization.first.decode(codes), np.float32)
    return torch.from_numpy(np.moveaxis(real, -1, 1) if channels_last and real.ndim > 2 else real)


@pytest.mark.parametrize("target", ["artpec8", "artpec7", "onnxruntime"])
def test_each_layer_fed_the_same_codes_makes_the_same_within_one_step(target: str, tmp_path: Path) -> None:
    prepared = trained(target)
    assert prepared.unmapped == ()
    converted = dlpuconv.convert(prepared, target=target, calibration=CALIBRATION)
    file = next(path for path in converted.save(tmp_path) if path.suffix in (".tflite", ".onnx"))
    view, links = read(file), converted[target].artifact.links
    tensors = {name: tensor_of(view, name) for name in rounded(prepared)}
    run = tracer(file, view, [tensor.name for tensor in tensors.values()])
    for image in CALIBRATION[:4, None]:
        run.run(to_artifact({links.inputs[0].source_name: image}, links.inputs, links.bindings))
        last = view.format == "tflite"
        values = {name: in_real_units(run.value(each), each, channels_last=last) for name, each in tensors.items()}
        fed = FedByFile(prepared.graph, values)
        with torch.no_grad():
            fed.run(torch.from_numpy(image))
        assert fed.apart.keys() == tensors.keys()
        assert max(each.most for each in fed.apart.values()) <= 1
        assert min(each.equal for name, each in fed.apart.items() if name.startswith(MULTIPLY)) >= 0.99
