"""What `dlpuconv.load` answers is what the report measured: converted files, beside their float models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from tests.e2e.test_split_inputs import cell, states
from tests.e2e.test_split_outputs import detector
from tests.models.cifar import MEAN, STD, calibration

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    type Floats = npt.NDArray[np.float32]

pytestmark = pytest.mark.slow


def decibels(expected: Floats, got: Floats) -> float:
    noise = np.square(expected.astype(np.float64) - got).sum()
    return float(10 * np.log10(np.square(expected.astype(np.float64)).sum() / noise))


def measured(model: Path, folder: Path, target: str, held_out: dict[str, Floats], **options: Any) -> None:
    """Convert, load both, and find the very figures of the report on the samples that it names."""
    conversion = dlpuconv.convert(
        model, target=target, validation=held_out, effort="fast", progress=None, cache=False, **options
    )
    (path,) = conversion.save(folder)
    parity = conversion.report.parity
    assert parity is not None
    with dlpuconv.load(path) as file, dlpuconv.load(model) as source:
        got, expected = file(held_out), source(held_out)
    assert list(got) == list(expected)
    for output in parity.outputs:
        assert got[output.name].shape == expected[output.name].shape
        assert output.sqnr_db is not None
        assert decibels(expected[output.name], got[output.name]) == pytest.approx(output.sqnr_db, abs=0.01)


@pytest.mark.zoo
@pytest.mark.parametrize("target", ["artpec8", "artpec9", "onnxruntime"])
def test_a_classifier_that_takes_pixels_answers_to_what_the_source_takes(
    zoo: Path, tmp_path: Path, target: str
) -> None:
    """uint8 pixels, channels last, go into the file; normalized floats, channels first, into the function."""
    x = calibration()[:40]
    measured(
        zoo / "cifar_resnet20" / "model.onnx",
        tmp_path,
        target,
        {"input": x[30:]},
        calibration={"input": x[:30]},
        mean=MEAN,
        std=STD,
    )


@pytest.mark.zoo
def test_a_package_answers_like_its_source(zoo: Path, tmp_path: Path) -> None:
    x = calibration()[:8]
    model = zoo / "cifar_resnet20" / "model.onnx"
    conversion = dlpuconv.convert(model, target="cv25", calibration=x, mean=MEAN, std=STD, progress=None, cache=False)
    (folder,) = conversion.save(tmp_path)
    expected = dlpuconv.load(model)(x)
    for name, value in dlpuconv.load(folder)(x).items():
        assert decibels(expected[name], value) > 90
    (folder / "model.onnx").write_bytes(model.read_bytes())
    with pytest.raises(dlpuconv.DlpuconvError, match=r"'model\.onnx' is not the file that the manifest"):
        dlpuconv.load(folder)


def test_outputs_that_were_split_are_whole_again(tmp_path: Path) -> None:
    detector(tmp_path / "m.onnx", pixels=300)
    x = np.random.default_rng(1).uniform(0, 1, (12, 3, 16, 16)).astype(np.float32)
    conversion = dlpuconv.convert(
        tmp_path / "m.onnx", target="artpec8", calibration=x, effort="fast", progress=None, cache=False
    )
    (path,) = conversion.save(tmp_path / "out")
    assert len(conversion["artpec8"].artifact.outputs) == 2
    network = dlpuconv.load(path)
    assert [str(end) for end in network.outputs] == ["output0 [1, 7, 64]"]
    got, expected = (load(x)["output0"] for load in (network, dlpuconv.load(tmp_path / "m.onnx")))
    assert got.shape == (12, 7, 64)
    assert decibels(expected[:, :4], got[:, :4]) > 25
    assert decibels(expected[:, 4:], got[:, 4:]) > 25


def test_several_inputs_go_in_by_name(tmp_path: Path) -> None:
    """A picture and a vector, which a dense layer turns into a factor for each channel."""
    rng = np.random.default_rng(2)
    arrays = {
        "w0": rng.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32),
        "w1": rng.normal(0, 0.5, (5, 4)).astype(np.float32),
        "shape": np.array([1, 4, 1, 1]),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("MatMul", ["state", "w1"], ["f"]),
        helper.make_node("Reshape", ["f", "shape"], ["g"]),
        helper.make_node("Mul", ["c", "g"], ["map"]),
        helper.make_node("Relu", ["f"], ["next"]),
    ]
    shapes = {"image": [1, 3, 8, 6], "state": [1, 5], "map": [1, 4, 8, 6], "next": [1, 4]}
    ends = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    graph = helper.make_graph(
        nodes,
        "g",
        [ends["image"], ends["state"]],
        [ends["map"], ends["next"]],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    given = {name: rng.normal(0, 1, (20, *shapes[name][1:])).astype(np.float32) for name in ("image", "state")}
    fit, held_out = ({name: value[at] for name, value in given.items()} for at in (slice(12), slice(12, 20)))
    measured(tmp_path / "m.onnx", tmp_path / "out", "artpec8", held_out, calibration=fit)


def test_an_input_that_was_split_goes_in_whole(tmp_path: Path) -> None:
    onnx.save(cell(), tmp_path / "cell.onnx")
    made = dlpuconv.convert(
        tmp_path / "cell.onnx", target="artpec8", calibration=states(60), effort="fast", progress=None, cache=False
    )
    (path,) = made.save(tmp_path / "out")
    assert len(made["artpec8"].artifact.inputs) == 2
    network, source = dlpuconv.load(path), dlpuconv.load(tmp_path / "cell.onnx")
    assert [str(end) for end in network.inputs] == ["state [2, 1, 16]"]
    answers = [(source(state)["y"], network(state)["y"]) for state in states(8)["state"]]
    expected, got = (np.concatenate(values) for values in zip(*answers, strict=True))
    assert decibels(expected, got) > 30
