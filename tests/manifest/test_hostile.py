"""The manifest beside a file: found, believed, or left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.manifest import ImagesRecord
from dlpuconv.verification.verifier import verify_file
from tests.error_ids import raises_error
from tests.verification.test_verify_file import CHIP, converted, manifest, written

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        '{"labels": ["cat", "dog"]}',
        '{"schema_version": 4, "labels": []}',
        "[1]",
        "{not json",
        "",
        "\xff",
        "[" * 100_000,
    ],
)
def test_json_of_another_tool_does_not_matter(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, converted())
    path.with_suffix(".json").write_text(text, "latin-1")
    assert verify_file(path, CHIP).passed


def test_a_manifest_tells_the_preprocessing_but_no_fixed_input_quantization(tmp_path: Path) -> None:
    content = converted()
    recorded = {"resize": "letterbox", "color": "bgr", "mean": [1, 2, 3], "std": [4.0], "stated": True}
    found = find_manifest(written(tmp_path, content, manifest(content, preprocessing=recorded)))
    assert found is not None
    assert found.images == ImagesRecord(resize="letterbox", color="bgr", mean=(1.0, 2.0, 3.0), std=(4.0,))
    assert found.links.bindings["x"].quantization is None
    assert not found.samples.of_images
    unstated = manifest(content, preprocessing=recorded | {"stated": False})
    unstated["calibration"]["of_images"] = True
    found = find_manifest(written(tmp_path, content, unstated))
    assert found is not None
    assert found.images == ImagesRecord(resize="letterbox", color="bgr")
    assert found.samples.of_images


def test_a_damaged_manifest_is_an_error(tmp_path: Path) -> None:
    content = converted()
    damaged = manifest(content)
    del damaged["outputs"]
    with raises_error("manifest-damaged", "m.json"):
        verify_file(written(tmp_path, content, damaged), CHIP)


def test_a_manifest_of_another_file_does_not_count(tmp_path: Path) -> None:
    path = written(tmp_path, converted(per_channel=True), manifest(converted()))
    assert not verify_file(path, CHIP).passed


NAN, ENDLESS = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("ports", "change", "said"),
    [
        ("outputs", {"source_shape": [2**70]}, "outputs[0].source_shape is not a shape of a tensor"),
        ("outputs", {"source_shape": [-1, -2]}, "outputs[0].source_shape is not a shape of a tensor"),
        ("outputs", {"shape": [2**20, 2**20]}, "outputs[0].shape has more than"),
        ("outputs", {"shape": "12"}, "outputs[0].shape is not a list"),
        ("inputs", {"dtype": "evil"}, "inputs[0].dtype is not a type of numbers: 'evil'"),
        ("inputs", {"permutation": [2**70, 1]}, "inputs[0].permutation does not hold each of 0 to N-1 once"),
        ("inputs", {"permutation": [1, 1]}, "inputs[0].permutation does not hold each of 0 to N-1 once"),
        ("inputs", {"scale": 0}, "inputs[0].scale is not a positive number"),
        ("inputs", {"scale": "1"}, "inputs[0].scale is not a positive number"),
        ("inputs", {"zero_point": 2**40}, "inputs[0].zero_point is not a whole number"),
        ("inputs", {"multiplier": [0.0]}, "inputs[0].multiplier holds a zero"),
        ("inputs", {"multiplier": [NAN]}, "inputs[0].multiplier is not a list of finite numbers"),
        ("inputs", {"multiplier": [10**400]}, "inputs[0].multiplier is not a list of finite numbers"),
        ("inputs", {"multiplier": []}, "inputs[0].multiplier is not a list of finite numbers"),
        ("inputs", {"offset": [ENDLESS]}, "inputs[0].offset is not a list of finite numbers"),
        ("inputs", {"channel_order": [2**70, 1, 0]}, "inputs[0].channel_order does not hold"),
        ("inputs", {"channel_axis": 2**70}, "inputs[0].channel_axis is not a whole number"),
        (
            "inputs",
            {"channel_axis": 2, "multiplier": [2.0]},
            "inputs[0].channel_axis is not a whole number from 0 to 1",
        ),
        ("inputs", {"raw_pixels": 1}, "inputs[0].raw_pixels is neither true nor false"),
        ("inputs", {"name": None}, "inputs[0].name is not a text"),
        (
            "outputs",
            {"part": {"output": "y", "axis": 50, "start": 0, "stop": 1}},
            "outputs[0].part.axis is not a whole number",
        ),
        ("outputs", {"part": {"output": "y", "axis": 2**62, "start": 0, "stop": 1}}, "outputs[0].part.axis is no"),
        (
            "outputs",
            {"part": {"output": "y", "axis": 1, "start": 1, "stop": 1}},
            "outputs[0].part.stop is not a whole number",
        ),
        (
            "outputs",
            {"part": {"output": "y", "axis": 0, "start": 0, "stop": 2**31 - 1, "step": 2, "run": 1}},
            "outputs[0].part.step makes 1073741824 slices, and source_shape has another number",
        ),
        (
            "outputs",
            {"part": {"output": "y", "axis": 0, "start": 0, "stop": 9, "step": 3, "run": 3}},
            "outputs[0].part.run is not a whole number from 1 to 2",
        ),
        ("outputs", {"part": [1]}, "outputs[0].part is not a JSON object"),
    ],
)
def test_a_field_that_cannot_be_is_one_sentence_that_names_it(
    tmp_path: Path, ports: str, change: dict[str, object], said: str
) -> None:
    content = converted()
    damaged = manifest(content)
    damaged[ports][0] |= change
    path = written(tmp_path, content, damaged)
    with raises_error("manifest-damaged") as caught:
        find_manifest(path)
    assert f"the manifest m.json is damaged: {said}" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"files": None}, "files is not a list"),
        ({"files": [3]}, "files is not a list of JSON objects"),
        ({"inputs": {}}, "inputs is not a list"),
        ({"recipe": {"granularity": "none"}}, "recipe.granularity is none of per-tensor, per-channel"),
        ({"source": {}}, "source.sha256 is missing"),
        ({"layers": [{"name": "a", "tensor": "t", "nodes": [3]}]}, "layers[0].nodes is not a list of texts"),
        ({"calibration": {"calibrated": False, "samples": "many"}}, "calibration.samples is not a whole number"),
        (
            {"preprocessing": {"resize": "stretch", "color": "rgb", "stated": True, "mean": [NAN], "std": [1]}},
            "preprocessing.mean is not a list of finite numbers",
        ),
    ],
)
def test_so_is_a_field_of_the_whole(tmp_path: Path, change: dict[str, object], said: str) -> None:
    content = converted()
    with raises_error("manifest-damaged") as caught:
        find_manifest(written(tmp_path, content, manifest(content, **change)))
    assert f"the manifest m.json is damaged: {said}" in str(caught.value)


def test_channels_need_an_axis_only_where_something_is_done_to_them(tmp_path: Path) -> None:
    content = converted()
    plain = manifest(content)
    plain["inputs"][0] |= {"source_shape": [3], "channel_axis": 1}
    found = find_manifest(written(tmp_path, content, plain))
    assert found is not None
    assert found.links.bindings["x"].channel_axis == 1


def test_a_manifest_beside_a_file_may_be_a_link(tmp_path: Path) -> None:
    """A user's own folder may be one of links, such as a build system makes."""
    content = converted()
    path = written(tmp_path, content, manifest(content))
    store = tmp_path / "store"
    store.mkdir()
    path.with_suffix(".json").rename(store / "other.json")
    path.with_suffix(".json").symlink_to(store / "other.json")
    assert find_manifest(path) is not None


def test_a_manifest_of_values_within_values_is_told_of_none(tmp_path: Path) -> None:
    """Deeper than anything that goes through it can follow, and read by Python all the same."""
    content = converted()
    path = written(tmp_path, content, manifest(content))
    beside = path.with_suffix(".json")
    told = beside.read_text()
    beside.write_text(told[:-1] + ', "extra": ' + "[" * 500 + "]" * 500 + "}")
    assert find_manifest(path) is None


def test_what_the_chips_compiler_made_of_a_file_has_the_files_manifest(tmp_path: Path) -> None:
    content = converted()
    told = manifest(content, facts={"compiler": {"file": "model_made.tflite"}})
    written(tmp_path, content, told)  # renamed to m
    for name in ("m_made.tflite", "m_other.tflite", "my_made.tflite"):
        (tmp_path / name).write_bytes(b"compiled")
    found = find_manifest(tmp_path / "m_made.tflite")
    assert found is not None
    assert found.name == "m.json"
    assert find_manifest(tmp_path / "m_other.tflite") is None
    assert find_manifest(tmp_path / "my_made.tflite") is None
    written(tmp_path, content, manifest(content))
    assert find_manifest(tmp_path / "m_made.tflite") is None


@pytest.mark.parametrize("facts", [[], {"compiler": []}, {"compiler": {"file": 5}}])
def test_a_damaged_manifest_of_another_file_does_not_matter(tmp_path: Path, facts: object) -> None:
    content = converted()
    written(tmp_path, content, manifest(content, facts=facts, files=None))
    (tmp_path / "m_other.tflite").write_bytes(content)
    assert find_manifest(tmp_path / "m_other.tflite") is None
