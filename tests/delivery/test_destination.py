"""What `--force` replaces, what nothing replaces, and what is refused before any work."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from dlpuconv.delivery import Inputs, check_destination, deliver
from dlpuconv.delivery.destination import Force
from tests.error_ids import raises_error

TFLITE, MANIFEST, RECIPE = "m.artpec8.tflite", "m.artpec8.json", "m.artpec8.recipe.toml"


def listing(files: dict[str, bytes]) -> bytes:
    """A manifest."""
    entries = [{"name": name, "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()]
    return json.dumps({"schema_version": 1, "dlpuconv": "0", "files": entries}).encode()


def delivery(word: bytes, *names: str) -> dict[str, bytes]:
    """Files with their manifest, as a conversion makes them."""
    files = dict.fromkeys(names, word)
    return {**files, MANIFEST: listing(files)}


def package(word: bytes) -> dict[str, bytes]:
    files = {"model.onnx": word, "reference/0.bin": word}
    inside = {**files, "manifest.json": listing(files)}
    return {f"m.cv25/{name}": content for name, content in inside.items()}


def save(folder: Path, files: dict[str, bytes], force: Force = False, inputs: Inputs | None = None) -> None:
    deliver(folder, files, force=force, inputs=inputs or Inputs())


def everything(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_force_replaces_what_a_manifest_of_ours_lists(tmp_path: Path) -> None:
    save(tmp_path, {**delivery(b"old", TFLITE, RECIPE), **package(b"old")})
    new = {**delivery(b"new", TFLITE, RECIPE), **package(b"new")}
    save(tmp_path, new, force=True)
    assert everything(tmp_path) == new


def test_force_refuses_any_other_file_by_name_and_force_all_replaces_it(tmp_path: Path) -> None:
    save(tmp_path, delivery(b"old", TFLITE))
    (tmp_path / RECIPE).write_bytes(b"written by hand")
    before = everything(tmp_path)
    new = delivery(b"new", TFLITE, RECIPE)
    with raises_error("output-foreign", "m.artpec8.recipe.toml", "--force=all"):
        save(tmp_path, new, force=True)
    assert everything(tmp_path) == before
    save(tmp_path, new, force="all")
    assert everything(tmp_path) == new


def test_another_program_s_json_lists_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / TFLITE).write_bytes(b"mine")
    (tmp_path / MANIFEST).write_text(json.dumps({"files": [{"name": TFLITE}]}))
    with raises_error("output-foreign", "m.artpec8.json, m.artpec8.tflite"):
        save(tmp_path, delivery(b"new", TFLITE), force=True)


def test_the_manifest_of_another_network_lists_nothing_of_this_one(tmp_path: Path) -> None:
    (tmp_path / TFLITE).write_bytes(b"mine")
    (tmp_path / "other.artpec8.json").write_bytes(listing({TFLITE: b"mine"}))
    with raises_error("output-foreign"):
        save(tmp_path, delivery(b"new", TFLITE), force=True)


def test_a_file_that_the_user_put_into_a_package_is_not_lost_with_it(tmp_path: Path) -> None:
    save(tmp_path, package(b"old"))
    (tmp_path / "m.cv25" / "build").mkdir()
    (tmp_path / "m.cv25" / "build" / "m.bin").write_bytes(b"compiled for hours")
    with raises_error("output-foreign", "m.cv25/build/m.bin"):
        save(tmp_path, package(b"new"), force=True)
    save(tmp_path, package(b"new"), force="all")
    assert everything(tmp_path) == package(b"new")


def test_a_folder_without_a_manifest_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "m.cv25").mkdir()
    (tmp_path / "m.cv25" / "thesis").write_bytes(b"1")
    with raises_error("output-foreign", "m.cv25"):
        save(tmp_path, package(b"new"), force=True)


def test_what_the_earlier_conversion_had_and_this_one_has_not_goes_too(tmp_path: Path) -> None:
    save(tmp_path, delivery(b"old", TFLITE, RECIPE))
    save(tmp_path, delivery(b"new", TFLITE), force=True)
    assert everything(tmp_path) == delivery(b"new", TFLITE)


def test_an_earlier_file_stays_that_was_changed_or_is_read(tmp_path: Path) -> None:
    save(tmp_path, delivery(b"old", TFLITE, RECIPE))
    (tmp_path / RECIPE).write_bytes(b"edited")
    save(tmp_path, delivery(b"new", TFLITE), force=True)
    assert (tmp_path / RECIPE).read_bytes() == b"edited"
    save(tmp_path, delivery(b"old", TFLITE, RECIPE), force="all")
    save(tmp_path, delivery(b"new", TFLITE), force=True, inputs=Inputs.of(None, str(tmp_path / RECIPE)))
    assert (tmp_path / RECIPE).read_bytes() == b"old"


ALWAYS = pytest.mark.parametrize("force", [True, "all"])


@ALWAYS
def test_the_source_model_is_never_replaced(tmp_path: Path, force: Force) -> None:
    save(tmp_path, delivery(b"old", TFLITE))
    inputs = Inputs.of(str(tmp_path / TFLITE))
    with raises_error("output-is-read", "m.artpec8.tflite"):
        save(tmp_path, delivery(b"new", TFLITE), force, inputs)
    assert (tmp_path / TFLITE).read_bytes() == b"old"


@ALWAYS
@pytest.mark.parametrize("given", ["m.cv25", "m.cv25/model.onnx", "m.cv25/reference", "link"])
def test_a_package_is_not_replaced_by_what_is_read_from_it(tmp_path: Path, given: str, force: Force) -> None:
    save(tmp_path, package(b"old"))
    (tmp_path / "link").symlink_to(tmp_path / "m.cv25" / "model.onnx")
    with raises_error("output-is-read"):
        save(tmp_path, package(b"new"), force, Inputs.of(None, tmp_path / given))


def test_a_folder_of_images_holds_the_package_that_images_are_in_and_no_other_result(tmp_path: Path) -> None:
    save(tmp_path, {**delivery(b"old", TFLITE), **package(b"old")})
    inputs = Inputs.of(None, tmp_path)
    save(tmp_path, {**delivery(b"new", TFLITE), **package(b"new")}, True, inputs)
    (tmp_path / "m.cv25" / "0.png").write_bytes(b"image")
    with raises_error("output-is-read", "m.cv25"):
        save(tmp_path, package(b"newer"), "all", inputs)


@ALWAYS
def test_weights_in_another_file_are_never_replaced(tmp_path: Path, force: Force) -> None:
    tensor = onnx.TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=TFLITE)
    graph = onnx.helper.make_graph([], "g", [], [], [tensor])
    (tmp_path / "m.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    save(tmp_path, delivery(b"\0\0\0\0", TFLITE))
    with raises_error("output-is-read", TFLITE):
        save(tmp_path, delivery(b"new", TFLITE), force, Inputs.of(tmp_path / "m.onnx"))


def test_words_for_made_up_samples_are_no_files() -> None:
    assert Inputs.of(None, "none", "random", None, {"x": 1}) == Inputs()


@pytest.mark.parametrize("force", ["some", 1.5, None])
def test_force_is_one_of_three(tmp_path: Path, force: object) -> None:
    with raises_error("argument-type", "'all'"):
        check_destination(tmp_path, ["a"], force=force)  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", [".", "not/there/yet"])
def test_a_name_that_is_too_long_is_refused_before_work_starts(tmp_path: Path, folder: str) -> None:
    name = 250 * "n" + ".tflite"
    with raises_error("output-name-invalid", repr(name)):
        check_destination(tmp_path / folder, [name], force=False)


def test_a_folder_whose_name_is_too_long_is_refused_before_work_starts(tmp_path: Path) -> None:
    with raises_error("output-name-invalid"):
        check_destination(tmp_path / (256 * "n") / "out", ["a"], force=False)


@pytest.mark.parametrize("force", [False, True, "all"])
def test_a_folder_in_the_place_of_a_file_is_refused_before_work_starts(tmp_path: Path, force: Force) -> None:
    (tmp_path / TFLITE).mkdir()
    with raises_error("output-is-folder", "m.artpec8.tflite"):
        check_destination(tmp_path, [TFLITE], force=force)


def test_a_link_that_leads_nowhere_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with raises_error("output-not-writable"):
        check_destination(tmp_path / "out", ["a"], force=False)


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"1")
    out = tmp_path / "out"
    out.mkdir()
    (out / TFLITE).symlink_to(precious)
    save(out, delivery(b"new", TFLITE), force="all")
    assert precious.read_bytes() == b"1"
    assert not (out / TFLITE).is_symlink()
    assert os.listdir(out) != []
