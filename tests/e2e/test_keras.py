"""A Keras model from its file to a chip's, by the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras's own
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tf2onnx")
    keras = pytest.importorskip("keras")
    folder = tmp_path_factory.mktemp("keras")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((16, 16, 3), name="picture"),
        keras.layers.Conv2D(6, 3, padding="same", name="stem"),
        keras.layers.BatchNormalization(name="stem_bn"),
        keras.layers.ReLU(name="stem_relu"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(3, name="scores"),
    ])  # fmt: skip
    model.save(folder / "net.keras")
    model.export(str(folder / "net"), verbose=False)
    sizeless = keras.Sequential([keras.Input((None, None, 3), name="picture"), keras.layers.ReLU(name="relu")])
    sizeless.save(folder / "sizeless.keras")
    np.savez(folder / "data.npz", picture=np.random.default_rng(0).random((20, 16, 16, 3), np.float32))
    return folder


@pytest.fixture
def answer(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(folder)

    def ask(*command: str) -> Any:
        status = main([*command, "--json"])
        told = capsys.readouterr()
        assert status == 0, told.err
        return json.loads(told.out)

    return ask


@pytest.mark.parametrize("source", ["net.keras", "net"])
def test_it_is_checked_converted_verified_and_analyzed(answer: Any, source: str, folder: Path) -> None:
    answer("check", source, "--target", "artpec8")
    data = ("--calibration", "data.npz", "--effort", "fast", "--target", "artpec8")
    made = f"out-{source}"
    answer("convert", source, *data, "--output", made)
    answer("analyze", source, *data)
    answer("verify", f"{made}/net.artpec8.tflite", "--target", "artpec8", "--reference", source, "--data", "data.npz")
    held = answer("inspect", f"{made}/net.artpec8.tflite")
    operators = [layer["op"] for layer in held["layers"]]
    assert "TRANSPOSE" not in operators
    assert operators.count("CONV_2D") == operators.count("FULLY_CONNECTED") == 1
    assert [port["shape"] for port in held["inputs"]] == [[1, 16, 16, 3]]
    assert {"stem", "scores"} <= {layer["name"] for layer in held["layers"]}
    assert (folder / made).is_dir()


def test_either_form_becomes_the_same_codes_and_scales(answer: Any) -> None:
    data = ("--calibration", "data.npz", "--effort", "fast", "--target", "artpec8")
    for source in ("net.keras", "net"):
        answer("convert", source, *data, "--output", f"same-{source}")
    first, second = (answer("inspect", f"same-{source}/net.artpec8.tflite") for source in ("net.keras", "net"))
    assert numbers(first) == numbers(second)


def numbers(held: Any) -> list[Any]:
    """Everything of a file's layers but their names."""
    return [
        (layer["op"], layer["options"], [
            [tensor[key] for key in ("shape", "dtype", "quantization", "codes", "values")]
            for tensor in (*layer["inputs"], *layer["outputs"])
        ])
        for layer in held["layers"]
    ]  # fmt: skip


def test_a_sources_own_form_is_inspected(answer: Any) -> None:
    held = answer("inspect", "net.keras")
    assert [layer["name"] for layer in held["layers"]].count("stem") == 1
    assert [port["name"] for port in held["inputs"]] == ["picture"]


def test_without_tensorflow_it_is_told_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlpuconv.frontends.pytorch import sources

    monkeypatch.setattr(sources, "find_spec", lambda _: None)
    assert main(["check", str(folder / "net.keras"), "--target", "artpec8"]) != 0
    told = capsys.readouterr().err
    assert "tensorflow" in told
    assert "dlpuconv[tensorflow]" in told


def test_a_model_of_any_size_is_shown_in_the_one_that_is_asked_for(answer: Any) -> None:
    held = answer("inspect", "sizeless.keras", "--input-shape", "picture=1,4,6,3")
    assert [port["shape"] for port in held["inputs"]] == [[1, 4, 6, 3]]
