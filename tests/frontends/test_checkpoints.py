"""Files of torch.save: weights for the user's own module, whole modules where the user allows pickles, TorchScript."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any, override

import numpy as np
import pytest

import dlpuconv
from dlpuconv.cli import main
from dlpuconv.frontends import SourceOptions, load
from tests.error_ids import raises_error
from tests.frontends.support import run

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

pytestmark = pytest.mark.slow

SHAPE = {"": (1, 3, 8, 8)}
DEFINITION = """
import torch

class Net(torch.nn.Module):
    def __init__(self, channels=4):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, channels, 3)
        self.norm = torch.nn.BatchNorm2d(channels)

    def forward(self, image):
        return self.norm(self.conv(image)).relu()

def make():
    return Net()

def make_wide():
    return Net(5)

def make_nothing():
    return None
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the definition of a network."""
    (tmp_path / "my_net.py").write_text(DEFINITION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "my_net", raising=False)
    return tmp_path


def trained() -> Any:
    import my_net  # type: ignore[import-not-found] # of the folder

    torch.manual_seed(0)
    net = my_net.Net()
    net(torch.randn(4, 3, 8, 8))  # which the norm remembers
    return net.eval()


@pytest.mark.parametrize("keep", ["weights", "in a training loop's file", "of DataParallel", "as older torches do"])
def test_weights_are_read_into_the_module_that_the_user_names(folder: Path, keep: str) -> None:
    net = trained()
    weights = net.state_dict()
    if keep == "of DataParallel":
        weights = {f"module.{name}": value for name, value in weights.items()}
    held = {"epoch": 3, "state_dict": weights} if keep == "in a training loop's file" else weights
    torch.save(held, folder / "net.pth", _use_new_zipfile_serialization=keep != "as older torches do")
    before = (folder / "net.pth").read_bytes()
    model = load(folder / "net.pth", SourceOptions(factory="my_net:make", input_shapes=SHAPE))
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        np.testing.assert_allclose(run(model, image=x.numpy())[0], net(x).numpy(), atol=1e-5)
    assert model.source.name == "net"
    assert (folder / "net.pth").read_bytes() == before


def test_a_factory_may_be_a_function_and_a_shape_may_have_a_name(folder: Path) -> None:
    import my_net

    torch.save(trained().state_dict(), folder / "net.pth")
    options = SourceOptions(factory=my_net.make, input_shapes={"image": (1, 3, 8, 8)})
    assert [v.name for v in load(folder / "net.pth", options).signature.inputs] == ["image"]


class Touch:
    """What whoever reads the pickle runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @override
    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_runs_only_where_the_user_allows_it(folder: Path) -> None:
    torch.save({"state_dict": trained().state_dict(), "bad": Touch(folder / "touched")}, folder / "net.pth")
    options = SourceOptions(factory="my_net:make", input_shapes=SHAPE)
    with raises_error("pytorch-pickle-untrusted", "--allow-pickle") as caught:
        load(folder / "net.pth", options)
    assert "\n" not in str(caught.value)
    assert not (folder / "touched").exists()
    load(folder / "net.pth", SourceOptions(factory="my_net:make", input_shapes=SHAPE, allow_pickle=True))
    assert (folder / "touched").exists()


def test_a_whole_module_is_read_where_pickles_are_allowed(folder: Path) -> None:
    net = trained()
    torch.save(net, folder / "net.pth")
    with raises_error("pytorch-needs-factory", "--model MODULE:FUNCTION", "--allow-pickle"):
        load(folder / "net.pth", SourceOptions(input_shapes=SHAPE))
    model = load(folder / "net.pth", SourceOptions(input_shapes=SHAPE, allow_pickle=True))
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        np.testing.assert_allclose(run(model, image=x.numpy())[0], net(x).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"factory": "my_net:make"}, ("pytorch-needs-shape", "--input-shape 1,3,H,W")),
        ({"factory": "my_net:make_wide"}, ("pytorch-weights-misfit", "--model my_net:make_wide")),
        ({"factory": "my_net:make_nothing"}, ("pytorch-factory-type", "NoneType")),
        ({"factory": "my_net:mkae"}, ("function-not-found", "'mkae'", "did you mean 'make'?")),
        ({"factory": "my_net"}, ("function-form", "MODULE:FUNCTION", "my_package.nets:make_net")),
        ({"factory": lambda: 1 / 0}, ("pytorch-factory-failed", "lambda", "ZeroDivisionError")),
        ({"allow_pickle": True}, ("pytorch-no-module", "dict", "--model")),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(
    folder: Path, options: dict[str, Any], told: tuple[str, ...]
) -> None:
    torch.save(dict(trained().state_dict()), folder / "net.pth")
    shapes = {} if told[0] == "pytorch-needs-shape" else SHAPE
    with raises_error(*told) as caught:
        load(folder / "net.pth", SourceOptions(input_shapes=shapes, **options))
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_torchscript_and_other_pickles_are_refused_with_what_to_give(folder: Path) -> None:
    torch.jit.save(torch.jit.trace(trained(), torch.zeros(1, 3, 8, 8)), folder / "script.pt")
    with raises_error("pytorch-torchscript", "torch.nn.Module"):
        load(folder / "script.pt", SourceOptions(input_shapes=SHAPE, factory="my_net:make"))
    (folder / "list.pkl").write_bytes(pickle.dumps([1, 2], protocol=2))
    with raises_error("pytorch-file-unreadable", "list.pkl"):
        load(folder / "list.pkl", SourceOptions(input_shapes=SHAPE, factory="my_net:make"))


def test_the_options_are_for_files_of_torch_save(folder: Path) -> None:
    from tests.frontends.support import conv

    (folder / "net.onnx").write_bytes(conv().SerializeToString())
    with raises_error("option-not-for-source", "--model", "--allow-pickle"):
        load(folder / "net.onnx", SourceOptions(allow_pickle=True))


def test_the_command_line_converts_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(trained().state_dict(), folder / "net.pth")
    command = ["check", "net.pth", "--model", "my_net:make", "--input-shape", "1,3,8,8", "--target", "artpec9"]
    assert main(command) == 0, capsys.readouterr().err


def test_a_file_is_verified_and_compared_beside_the_weights_that_it_was_made_of(folder: Path) -> None:
    torch.save(trained().state_dict(), folder / "net.pth")
    pytorch: dict[str, Any] = {"factory": "my_net:make", "input_shape": SHAPE}
    samples = np.random.default_rng(0).standard_normal((8, 3, 8, 8)).astype(np.float32)
    made = dlpuconv.convert("net.pth", target="artpec8", calibration=samples, effort="fast", cache=False, **pytorch)
    file = made.save(folder / "out")[0]
    evidence: dict[str, Any] = {"reference": "net.pth", "data": samples, **pytorch}
    found = dlpuconv.verify(file, target="artpec8", **evidence)
    assert found.report.parity is not None
    assert found.report.parity.min_sqnr > 20
    assert dlpuconv.compare(file, file, **evidence).b_to_reference is not None
    np.save("x.npy", samples)
    shared = ["--reference", "net.pth", "--data", "x.npy", "--model", "my_net:make", "--input-shape", "1,3,8,8"]
    assert main(["verify", str(file), "--target", "artpec8", *shared]) == 0
    assert main(["compare", str(file), str(file), *shared]) == 0


def test_a_file_of_weights_that_was_cut_off_is_named(folder: Path) -> None:
    torch.save(trained().state_dict(), folder / "net.pth")
    (folder / "net.pth").write_bytes((folder / "net.pth").read_bytes()[:-100])
    with raises_error("option-not-for-source", "net.pth"):
        load("net.pth", SourceOptions(factory="my_net:make", input_shapes=SHAPE))
