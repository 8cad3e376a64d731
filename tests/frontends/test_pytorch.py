"""PyTorch modules and exported programs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.frontends import SourceOptions, load
from tests.error_ids import raises_error
from tests.frontends.support import read, run

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.ir import Model

pytestmark = pytest.mark.slow


class Small(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A convolution with BatchNorm and Dropout, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.ReLU6()
        )
        self.drop = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(4, 5)

    def forward(self, image: Any) -> Any:
        return self.head(self.drop(self.features(image).mean([2, 3])))


IMAGE = torch.zeros(1, 3, 8, 8)


@pytest.fixture(scope="module")
def module() -> Any:
    torch.manual_seed(0)
    return Small()


def convert(source: Any, *inputs: Any, **names: Any) -> Model:
    return load(source, SourceOptions(**names), example_inputs=inputs or None)


def exported(module: Any, path: Path, image: Any = IMAGE) -> Path:
    """What a user gets from torch.onnx.export, with weights in a file beside it as torch does by default."""
    import contextlib
    import io
    import warnings

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (image,), path, dynamo=True, verbose=False)
    return path


def test_a_module_and_its_onnx_file_and_its_exported_program_give_the_same_bytes(module: Any, tmp_path: Path) -> None:
    path = exported(module, tmp_path / "net.onnx")
    program = torch.export.export(module.eval(), (IMAGE,))
    assert convert(module, IMAGE).to_bytes() == read(path).to_bytes() == convert(program).to_bytes()


def test_the_model_computes_what_the_module_computes_and_is_named_as_its_forward(module: Any) -> None:
    model = convert(module, IMAGE)
    assert [v.name for v in model.signature.inputs] == ["image"]
    assert model.source.name == "Small"
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(run(model, image=x)[0], expected, rtol=1e-4, atol=1e-6)


def test_nothing_of_the_module_changes(module: Any) -> None:
    module.train()
    module.features[1].eval()
    modes = [part.training for part in module.modules()]
    state = {name: value.clone() for name, value in module.state_dict().items()}
    model = convert(module, IMAGE)
    assert "training_mode" not in str(model.graph)
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_the_export_says_nothing(module: Any, capfd: pytest.CaptureFixture[str]) -> None:
    convert(module, IMAGE)
    assert capfd.readouterr() == ("", "")


def test_a_half_precision_module_is_float32() -> None:
    half = Small().half()
    model = convert(half, IMAGE.half())
    assert {v.dtype for v in (*model.signature.inputs, *model.signature.outputs)} == {"float32"}


def test_a_module_without_inputs_is_answered_with_what_to_give(module: Any) -> None:
    with raises_error("pytorch-needs-inputs", "Small", "example_inputs=(x,)"):
        convert(module)


def test_a_module_that_cannot_be_exported_is_told_in_one_sentence_and_restored() -> None:
    class Branching(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    module = Branching().train()
    with raises_error("pytorch-export-failed", "Branching") as caught:
        convert(module, IMAGE)
    assert "\n" not in str(caught.value)
    assert module.training


def test_arguments_that_do_not_fit_are_told_in_one_sentence(module: Any) -> None:
    with raises_error("pytorch-export-failed", "Small") as caught:
        convert(module, torch.zeros(1, 7, 8, 8))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", [torch.nn.BatchNorm2d(3), torch.nn.Dropout(0.5)])
def test_a_program_in_training_mode_is_refused_with_what_to_do(part: Any) -> None:
    """Exported so, a batch norm would divide by the statistics of the picture in hand, and look like any other sum."""
    program = torch.export.export(torch.nn.Sequential(part, torch.nn.ReLU()).train(), (IMAGE,))
    with raises_error("model-in-training", "model.eval()"):
        convert(program)


def test_reading_a_file_does_not_import_torch() -> None:
    code = "import sys, dlpuconv.frontends.load, dlpuconv.frontends.steps; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.zoo
def test_a_trained_network_gives_the_same_graph_as_its_file(zoo: Path, tmp_path: Path) -> None:
    from tests.models.cifar_mobilenetv2.network import trained

    network = trained()
    path = tmp_path / "net.onnx"
    image = torch.zeros(1, 3, 32, 32)
    model = convert(network, image)
    exported(network, path, image)
    assert model.to_bytes() == read(path).to_bytes()
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
    of_the_zoo = run((zoo / "cifar_mobilenetv2" / "model.onnx").read_bytes(), input=x)[0]
    np.testing.assert_allclose(run(model, pixels=x)[0], of_the_zoo, rtol=1e-3, atol=1e-4)


class Uncapturable(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Asks for a value, which no capture has, and uses it for nothing that matters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)

    def forward(self, image: Any, *, scale: Any) -> Any:
        if image.abs().sum().item() > 1e9:
            raise ValueError("out of range")
        return {"map": self.conv(image) * scale, "mean": image.mean([2, 3])}


def test_what_torch_export_cannot_capture_is_traced_with_a_warning_that_says_why() -> None:
    torch.manual_seed(0)
    module = Uncapturable()
    inputs = {"image": torch.ones(1, 3, 8, 8), "scale": torch.full((1,), 2.0)}
    with pytest.warns(UserWarning, match=r"cannot export Uncapturable: .+; TorchScript's exporter made the model"):
        model = load(module, SourceOptions(), example_inputs=inputs)
    assert [v.name for v in model.signature.inputs] == ["image", "scale"]
    assert [v.name for v in model.signature.outputs] == ["map", "mean"]
    x = torch.randn(1, 3, 8, 8)
    found = run(model, image=x.numpy(), scale=np.full(1, 3, np.float32))
    with torch.no_grad():
        np.testing.assert_allclose(found[0], module(x, scale=torch.full((1,), 3.0))["map"].numpy(), atol=1e-5)


def test_a_whole_batch_may_be_the_example_and_the_model_takes_one_sample(module: Any) -> None:
    assert convert(module, IMAGE.expand(4, 3, 8, 8)).to_bytes() == convert(module, IMAGE).to_bytes()


class Rows(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Of a sequence without a batch, and numbers that are as many."""

    def forward(self, rows: Any) -> Any:
        return rows.softmax(0)


def test_three_axes_may_be_one_sample_and_stay() -> None:
    (entry,) = convert(Rows(), torch.zeros(3, 16, 16)).signature.inputs
    assert entry.shape == (1, 3, 16, 16)  # a picture, which gets its batch of one
