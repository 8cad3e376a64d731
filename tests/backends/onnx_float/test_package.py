"""What the folder around the model holds: calibration files, the same pixels as PNG, reference inferences, hashes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import dlpuconv
from dlpuconv.calibration import PRESETS
from dlpuconv.plugin.packager import MOST_SAMPLES
from tests.targets.cv25.networks import RNG, converted, gray, network, saved, two_views

if TYPE_CHECKING:
    import numpy.typing as npt

PIXELS = RNG.integers(0, 256, (5, 6, 40, 3)).astype(np.uint8)
COLOUR = network({"x": (1, 3, 6, 40)}, {"y": "x"})


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures, of which two have the same name in different folders."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, pixels in enumerate(PIXELS):
        below = folder / f"{number // 2} é"
        below.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(below / f"{number % 2}.png")
    return folder


@pytest.fixture(scope="module")
def colour(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("colour")
    return converted(COLOUR, folder, calibration=pictures, preset="imagenet")


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def facts(package: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((package / "manifest.json").read_text())["facts"]["package"]
    return found


def run(package: Path, **feed: npt.NDArray[np.generic]) -> list[npt.NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(package / "model.onnx")
    found: list[npt.NDArray[np.float32]] = session.run(None, {k: np.asarray(v, np.float32) for k, v in feed.items()})
    return found


def test_calibration_files_are_the_pictures_as_raw_planes(colour: Path) -> None:
    named = lines(colour / "dra_image_bin/dra_bin_list.txt")
    assert named == [f"dra_image_bin/00{number}.bin" for number in range(5)]
    for name, pixels in zip(named, PIXELS, strict=True):
        assert (colour / name).read_bytes() == pixels.transpose(2, 0, 1).tobytes()


def test_the_pictures_beside_them_are_the_same_without_loss(colour: Path) -> None:
    for number, pixels in enumerate(PIXELS):
        with Image.open(colour / f"representative_images/00{number}.png") as picture:
            assert picture.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_the_model_takes_these_numbers_and_computes_what_the_source_computes(colour: Path) -> None:
    mean, std = (np.asarray(values, np.float32).reshape(3, 1, 1) for values in PRESETS["imagenet"])
    pixels = np.fromfile(colour / "dra_image_bin/002.bin", np.uint8).reshape(1, 3, 6, 40)
    source = onnxruntime.InferenceSession(COLOUR.SerializeToString()).run(None, {"x": (pixels - mean) / std})[0]
    np.testing.assert_allclose(run(colour, x=pixels)[0], source, atol=1e-4)


def test_the_manifest_says_what_the_compiler_and_the_application_need(colour: Path) -> None:
    (given,) = facts(colour)["inputs"]
    assert given["isrc"] == "is:1,3,6,40|iq|idf:0,0,0,0|i:x=dra_image_bin/dra_bin_list.txt"
    assert (given["row_bytes"], given["row_pitch"], given["rows_aligned"]) == (40, 64, False)
    assert (given["color"], given["layout"], given["raw_pixels"]) == ("RGB", "NCHW", True)
    assert given["source_model"] == {
        "color": "RGB", "im": "123.675,116.28,103.53", "ic": "58.395,57.12,57.375", "idf": "0,0,0,0",
    }  # fmt: skip
    assert facts(colour)["outputs"] == [
        {"name": "y", "shape": [1, 2, 6, 40], "dtype": "float32", "odst": "o:y|odf:fp32"}
    ]
    config = json.loads((colour / "amba_config.json").read_text())
    assert config["inputs"]["x"] == {
        "shape": "1,3,6,40", "filepath": "representative_images/", "colorformat": "RGB", "mean": 0.0, "scale": 1.0,
    }  # fmt: skip


def test_the_manifest_obeys_its_schema(colour: Path, tmp_path: Path) -> None:
    schema = json.loads(resources.files("dlpuconv.manifest").joinpath("manifest.schema.json").read_text())
    for package in (colour, two_views(tmp_path / "two"), converted(COLOUR, tmp_path / "bare")):
        jsonschema.Draft202012Validator(schema).validate(json.loads((package / "manifest.json").read_text()))


def test_every_file_is_hashed_in_the_manifest_and_for_the_script(colour: Path) -> None:
    files = {p.relative_to(colour).as_posix(): p for p in colour.rglob("*") if p.is_file()}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    manifest = json.loads((colour / "manifest.json").read_text())
    listed = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
    del digests["manifest.json"]
    assert listed == digests
    del digests["SHA256SUMS"]
    summed = dict(line.split("  ")[::-1] for line in lines(colour / "SHA256SUMS"))
    assert summed == digests


def test_reference_inferences_are_the_models_own_on_the_files_that_are_shipped(colour: Path) -> None:
    for number in range(3):
        folder = colour / f"reference/{number}"
        pixels = np.fromfile(folder / "input_x.bin", np.uint8).reshape(1, 3, 6, 40)
        assert pixels.tobytes() == (colour / f"dra_image_bin/00{number}.bin").read_bytes()
        expected = np.fromfile(folder / "output_y.bin", "<f4").reshape(1, 2, 6, 40)
        np.testing.assert_allclose(run(colour, x=pixels)[0], expected, rtol=1e-6)


def test_bgr_is_turned_inside_where_a_normalization_is_stated_and_said_where_not(
    pictures: Path, tmp_path: Path
) -> None:
    turned = converted(COLOUR, tmp_path / "a", calibration=pictures, preset="imagenet", color="bgr")
    assert facts(turned)["inputs"][0]["color"] == "RGB"
    assert facts(turned)["inputs"][0]["source_model"] == {
        "color": "BGR", "im": "103.53,116.28,123.675", "ic": "57.375,57.12,58.395", "idf": "0,0,0,0",
    }  # fmt: skip
    assert (
        "mean 123.675, 116.28, 103.53 and std 58.395, 57.12, 57.375 for red, green, blue"
        in (turned / "README.md").read_text()
    )
    assert (turned / "dra_image_bin/000.bin").read_bytes() == PIXELS[0].transpose(2, 0, 1).tobytes()
    as_it_is = converted(COLOUR, tmp_path / "b", calibration=pictures, color="bgr")
    assert facts(as_it_is)["inputs"][0]["color"] == "BGR"
    assert (as_it_is / "dra_image_bin/000.bin").read_bytes() == PIXELS[0].transpose(2, 0, 1)[::-1].tobytes()
    with Image.open(as_it_is / "representative_images/000.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), PIXELS[0])


def test_arrays_of_normalized_images_become_pixels_again(tmp_path: Path) -> None:
    mean, std = (np.asarray(values, np.float32) for values in PRESETS["imagenet"])
    values = ((PIXELS - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    package = converted(COLOUR, tmp_path, calibration={"x": values}, preset="imagenet")
    for number, pixels in enumerate(PIXELS):
        assert (package / f"dra_image_bin/00{number}.bin").read_bytes() == pixels.transpose(2, 0, 1).tobytes()


def test_arrays_that_the_stated_normalization_does_not_fit_are_clipped_with_a_warning(tmp_path: Path) -> None:
    values = np.full((5, 3, 6, 40), 9.0, np.float32)
    values[:, :, 0] = -9.0
    conversion = dlpuconv.convert(COLOUR, target="cv25", calibration={"x": values}, preset="imagenet", cache=False)
    assert any("clipped to 0-255" in text for text in conversion.report.warnings)
    package = saved(conversion, tmp_path)
    assert set((package / "dra_image_bin/000.bin").read_bytes()) == {0, 255}


def test_images_that_nobody_normalized_stay_float32_with_their_own_format(tmp_path: Path) -> None:
    values = RNG.standard_normal((5, 3, 6, 40)).astype(np.float32)
    package = converted(COLOUR, tmp_path, calibration={"x": values})
    assert (package / "dra_image_bin/000.bin").read_bytes() == values[0].tobytes()
    assert facts(package)["inputs"][0]["isrc"].split("|")[2] == "idf:1,2,0,7"
    assert not (package / "representative_images").exists()
    assert "`x`: float32 numbers as the source model takes them" in (package / "README.md").read_text()


def test_gray_pictures_are_one_plane(pictures: Path, tmp_path: Path) -> None:
    package = gray(tmp_path, calibration=pictures, mean=127.5, std=127.5, color="gray")
    assert facts(package)["inputs"][0]["color"] == "GRAY"
    plane = np.fromfile(package / "dra_image_bin/004.bin", np.uint8)
    assert plane.size == 8 * 32
    with Image.open(package / "representative_images/004.png") as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture).ravel(), plane)


def test_several_inputs_have_a_folder_and_a_list_each_under_plain_names(tmp_path: Path) -> None:
    package = two_views(tmp_path)
    for name, size in (("left_view_0", 3 * 8 * 20), ("gr_e_und_x", 4 * 5)):
        named = lines(package / f"dra_image_bin/{name}/dra_bin_list.txt")
        assert named == [f"dra_image_bin/{name}/00{number}.bin" for number in range(7)]
        assert {(package / file).stat().st_size for file in named} == {size}
    assert [p.name for p in (package / "representative_images").iterdir()] == ["left_view_0"]
    assert sorted(p.name for p in (package / "reference/0").iterdir()) == [
        "input_gr_e_und_x.bin", "input_left_view_0.bin", "output_a_0.bin", "output_b_b.bin", "output_c.bin",
    ]  # fmt: skip


def test_names_stay_short_and_apart(tmp_path: Path) -> None:
    long = "model/encoder/stage/block/" * 4
    model = network(
        {f"{long}a": (1, 4), f"{long}b/": (1, 4), f"{long}b": (1, 4)}, {f"{long}y": f"{long}a", "y": f"{long}b"}
    )
    package = converted(model, tmp_path)
    record = json.loads((package / "reference/reference.json").read_text())
    names = [port["name"] for port in (*record["inputs"], *record["outputs"])]
    assert len(set(names)) == 5
    assert all(len(name) <= 34 for name in names)
    assert names[0].endswith("stage_block_a")


def test_a_network_that_reads_no_image_and_a_target_without_data_say_so(tmp_path: Path) -> None:
    package = converted(network({"x": (1, 4)}, {"y": "x"}), tmp_path)
    assert not (package / "dra_image_bin").exists()
    assert (package / "reference/0/input_x.bin").stat().st_size == 16
    readme = (package / "README.md").read_text()
    assert "This package holds no calibration data, so it cannot be compiled as it is" in readme


def test_the_readme_says_how_to_pad_rows_and_it_works(colour: Path, tmp_path: Path) -> None:
    (command,) = [line for line in lines(colour / "README.md") if line.startswith("python3 -c")]
    script = command.removeprefix('python3 -c "').removesuffix('"').replace("reference/0", str(colour / "reference/0"))
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    padded = np.fromfile(tmp_path / "input_x.bin", np.uint8).reshape(3, 6, 64)
    np.testing.assert_array_equal(padded[..., :40], PIXELS[0].transpose(2, 0, 1))
    assert not padded[..., 40:].any()


@pytest.mark.parametrize("word", ["random", "none"])
def test_samples_that_nobody_gave_are_not_shipped_for_calibration(tmp_path: Path, word: str) -> None:
    package = converted(COLOUR, tmp_path, calibration=word)
    assert facts(package)["samples"] == 0
    assert not (package / "dra_image_bin").exists()
    assert "This package holds no calibration images" in (package / "README.md").read_text()
    assert (package / "reference/0/input_x.bin").stat().st_size == 3 * 6 * 40
    assert json.loads((package / "reference/reference.json").read_text())["origin"] == "made-up"


def test_a_number_and_an_input_that_nobody_reads_are_carried_along(tmp_path: Path) -> None:
    model = network({"x": (), "unused": (1, 6, 40, 3)}, {"y": "x"})
    package = converted(model, tmp_path)
    assert (package / "reference/0/input_x.bin").stat().st_size == 4
    assert (package / "reference/0/input_unused.bin").stat().st_size == 3 * 6 * 40


def test_the_name_of_the_network_is_the_beginning_of_the_models(tmp_path: Path) -> None:
    onnx.save(COLOUR, tmp_path / "mobilenet on faces of the front door camera.onnx")
    conversion = dlpuconv.convert(tmp_path / "mobilenet on faces of the front door camera.onnx", target="cv25")
    assert facts(saved(conversion, tmp_path))["network"] == "mobilenet_on_faces_of"


def test_of_many_samples_200_evenly_spread_are_shipped(tmp_path: Path) -> None:
    values = np.arange(500, dtype=np.float32).reshape(500, 1) * np.ones((1, 4), np.float32)
    package = converted(network({"x": (1, 4)}, {"y": "x"}), tmp_path, calibration={"x": values})
    shipped = [np.fromfile(package / name, "<f4")[0] for name in lines(package / "dra_image_bin/dra_bin_list.txt")]
    assert len(shipped) == MOST_SAMPLES
    assert (shipped[0], shipped[-1]) == (0, 499)
    assert set(np.diff(shipped)) <= {2, 3}


def test_samples_for_validation_are_not_shipped_for_calibration(tmp_path: Path) -> None:
    fit, kept = (RNG.integers(0, 256, (count, 1, 8, 32)).astype(np.float32) for count in (4, 3))
    package = gray(tmp_path / "both", calibration={"x": fit}, validation={"x": kept})
    assert len(lines(package / "dra_image_bin/dra_bin_list.txt")) == 4
    assert json.loads((package / "reference/reference.json").read_text())["origin"] == "calibration"
    package = gray(tmp_path / "kept", validation={"x": kept})
    assert not (package / "dra_image_bin").exists()
    assert json.loads((package / "reference/reference.json").read_text())["origin"] == "validation"
    assert (package / "reference/0/input_x.bin").read_bytes() == kept[0].astype(np.uint8).tobytes()


def test_the_same_inputs_give_the_same_bytes(pictures: Path, tmp_path: Path) -> None:
    first, second = (converted(COLOUR, tmp_path / name, calibration=pictures, preset="imagenet") for name in ("a", "b"))
    names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (lambda values: values, 0, "ok   y: inf dB"),
        (lambda values: np.pad(values.reshape(1, 2, 6, 40), ((0, 0), (0, 0), (0, 0), (0, 8))), 2, "has 480"),
        (lambda values: values * 1.01, 0, "ok   y: 40.0 dB"),
        (lambda values: -values, 1, "FAIL y: -6.0 dB"),
        (lambda values: values * np.nan, 1, "FAIL y: -inf dB"),
        (lambda values: values[:-1], 2, "holds 479 numbers, but the output [1, 2, 6, 40] has 480"),
        (lambda values: np.append(values.view("u1"), 0).astype("u1"), 2, "has 1921 bytes: no float32 numbers"),
    ],
)
def test_compare_tells_how_close_a_compiled_network_is(
    colour: Path, tmp_path: Path, change: Any, status: int, said: str
) -> None:
    answer = np.fromfile(colour / "reference/1/output_y.bin", "<f4")
    given = tmp_path / "camera output"
    np.asarray(change(answer)).tofile(given)
    script = colour / "reference/compare.py"
    done = subprocess.run([sys.executable, script, "--sample", "1", given], capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr


def test_compare_takes_a_file_for_every_output_or_names(tmp_path: Path) -> None:
    package = two_views(tmp_path)
    answers = [package / f"reference/0/output_{name}.bin" for name in ("a_0", "b_b", "c")]

    def compare(*arguments: object) -> tuple[int, str]:
        words = [sys.executable, str(package / "reference/compare.py"), *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert compare(*answers)[0] == 0
    assert compare(answers[0]) == (
        2,
        "compare.py: 1 files for 3 outputs (a_0, b_b, c); NAME=FILE is for some of them\n",
    )
    status, said = compare(f"c={answers[2]}", f"a_0={answers[0]}")
    assert (status, [line.split()[1] for line in said.splitlines()]) == (0, ["c:", "a_0:"])


def test_compare_takes_off_the_padding_of_rows_and_takes_outputs_by_name(tmp_path: Path) -> None:
    model = network({"x": (1, 3, 6, 30)}, {"y": "x"})
    package = converted(model, tmp_path)
    answer = np.fromfile(package / "reference/0/output_y.bin", "<f4").reshape(1, 2, 6, 30)
    np.pad(answer, ((0, 0), (0, 0), (0, 0), (0, 2)), constant_values=7).tofile(tmp_path / "padded")
    script = package / "reference/compare.py"
    done = subprocess.run([sys.executable, script, f"y={tmp_path}/padded"], capture_output=True, text=True, check=False)
    assert (done.returncode, "ok   y: inf dB" in done.stdout) == (0, True), done.stdout + done.stderr


def test_compare_without_arguments_says_what_to_feed(colour: Path) -> None:
    done = subprocess.run(
        [colour / "reference/compare.py"], env={"PATH": str(Path(sys.executable).parent)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "input  x: uint8 [1, 3, 6, 40], reference/N/input_x.bin" in done.stdout
