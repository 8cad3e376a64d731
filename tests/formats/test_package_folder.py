"""Package folders that strangers made: whatever they hold gives findings or one clear error."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.formats.detect import read
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.formats.safe_folder import SafeFolder, UnusableFileError
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.verification.question import Question
from dlpuconv.verification.verifier import verify_file
from dlpuconv_targets.cv25 import CV25
from tests.error_ids import raises_error
from tests.targets.cv25.networks import RNG, converted, network

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.verification.report import Report

MODEL = network({"x": (1, 3, 6, 32)}, {"y": "x"})
SAMPLES = {"x": RNG.integers(0, 256, (5, 3, 6, 32)).astype(np.float32)}
LIST = "dra_image_bin/dra_bin_list.txt"
RECORD = "reference/reference.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted(MODEL, tmp_path_factory.mktemp("made"), calibration=SAMPLES, preset="0-255")


@pytest.fixture
def package(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "package"))


@pytest.fixture
def foreign(package: Path) -> Path:
    """As another tool might have made it: model, list and files, nothing of ours."""
    for name in ("manifest.json", "SHA256SUMS", "README.md", "amba_config.json", "compile_cv25.sh"):
        (package / name).unlink()
    shutil.rmtree(package / "reference")
    return package


def found(report: Report) -> dict[str, list[str]]:
    return {f.rule: [f"{hit.layer} {hit.detail}" for hit in f.hits] for f in report.findings}


def judged(package: Path) -> dict[str, list[str]]:
    """The rules that a package breaks, but for having only five samples."""
    return {rule: hits for rule, hits in found(verify_file(package, CV25)).items() if rule != "CV-IMAGES"}


def test_a_good_package_breaks_nothing_and_still_answers_what_its_reference_says(package: Path) -> None:
    report = verify_file(package, CV25)
    assert found(report) == {"CV-IMAGES": [" there are 5"]}
    assert report.parity is not None
    assert (report.parity.samples, report.parity.exact) == (3, True)
    assert report.parity.beside == "its own reference/"


def test_the_folder_that_it_lies_in_is_answered_with_its_name(package: Path) -> None:
    with raises_error("artifact-folder-ambiguous", "0 .onnx files", "did you mean '", "/package'"):
        read(package.parent)


def test_with_its_source_it_is_compared_on_the_files_that_it_ships(package: Path) -> None:
    report = verify_file(package, CV25, Question(reference=load(MODEL, SourceOptions())))
    assert report.parity is not None
    assert report.parity.samples == 5
    assert report.parity.min_sqnr >= 100
    (package / "dra_image_bin/001.bin").write_bytes(bytes(3 * 6 * 32))
    again = verify_file(package, CV25, Question(reference=load(MODEL, SourceOptions())))
    assert again.parity is not None  # the changed file counts, and is a finding
    assert found(again)["CV-FILES"] == ["dra_image_bin/001.bin is not the file that was written: its hash differs"]


def test_a_model_that_is_another_fails_on_its_record(package: Path) -> None:
    other = network({"x": (1, 3, 6, 32)}, {"y": "x"})
    (package / "model.onnx").write_bytes(other.SerializeToString())
    report = verify_file(package, CV25)
    assert not report.passed
    assert any("100 dB are required" in reason for reason in report.reasons)


def test_a_foreign_package_without_hashes_and_record_is_read(foreign: Path) -> None:
    assert judged(foreign) == {}
    (foreign / "dra_image_bin/003.bin").write_bytes(b"short")
    assert judged(foreign) == {"CV-BINS": ["dra_image_bin/003.bin has 5 bytes; one sample of x has 576"]}
    shutil.rmtree(foreign / "dra_image_bin")
    assert "CV-BINS" not in judged(foreign)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/etc/passwd", "is not a path inside the package"),
        ("../outside.bin", "is not a path inside the package"),
        ("dra_image_bin/nowhere.bin", "is not there"),
        ("dra_image_bin", "is a device, a pipe or a folder"),
        ("dra_image_bin/link.bin", "is a link to a file outside it"),
        ("dra_image_bin/loop.bin", "is not there"),
        ("dra_image_bin/pipe.bin", "is a device, a pipe or a folder"),
        ("x" * 5000, "is not there"),
        ("nul\0byte", "is not a path inside the package"),
    ],
)
def test_a_list_that_names_what_is_no_file_of_the_package_is_a_finding(
    foreign: Path, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "outside.bin").write_bytes(bytes(576))
    (foreign / "dra_image_bin/link.bin").symlink_to(tmp_path / "outside.bin")
    (foreign / "dra_image_bin/loop.bin").symlink_to("loop.bin")
    os.mkfifo(foreign / "dra_image_bin/pipe.bin")
    (foreign / LIST).write_text(f"{line}\n")
    assert judged(foreign) == {"CV-BINS": [f"{line} {said}"]}


def test_a_link_that_stays_inside_is_a_file_like_any_other(foreign: Path) -> None:
    (foreign / "dra_image_bin/link.bin").symlink_to("000.bin")
    (foreign / LIST).write_text("dra_image_bin/link.bin\n")
    assert judged(foreign) == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "names no file"),
        (b"\xff\xfe\n", "\ufffd\ufffd is not there"),
        (b"dra_image_bin/000.bin\n" * 10_001, "names 10001 files, more than 10000"),
    ],
)
def test_lists_that_are_empty_binary_or_endless_are_findings(foreign: Path, content: bytes, said: str) -> None:
    (foreign / LIST).write_bytes(content)
    assert said in str(judged(foreign))


def test_huge_files_are_not_read(package: Path) -> None:
    for name, size in ((LIST, 1 << 40), ("dra_image_bin/000.bin", 1 << 40), ("representative_images/000.png", 1 << 33)):
        with (package / name).open("wb") as stream:
            stream.truncate(size)  # sparse: it takes no room
    broken = judged(package)
    assert broken["CV-LISTS"] == [f"x {LIST} is larger than {64 << 20} bytes"]
    assert f"dra_image_bin/000.bin has {1 << 40} bytes, the manifest says 576" in broken["CV-FILES"]


def test_a_huge_sample_is_a_finding_even_where_nothing_says_its_size(foreign: Path) -> None:
    with (foreign / "dra_image_bin/000.bin").open("wb") as stream:
        stream.truncate(1 << 40)
    assert judged(foreign) == {"CV-BINS": ["dra_image_bin/000.bin is larger than 1 GiB"]}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[" * 100_000,
        "null",
        "[]",
        '{"inputs": 3}',
        '{"inputs": [null, {"name": "x", "list": {}}], "samples": "many"}',
    ],
)
def test_a_record_that_is_none_is_no_record(package: Path, content: str) -> None:
    (package / RECORD).write_text(content)
    assert set(judged(package)) <= {"CV-FILES", "CV-LISTS"}


@pytest.fixture(scope="module")
def compared_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its user gave data for comparisons, none for calibration."""
    return converted(MODEL, tmp_path_factory.mktemp("compared"), validation=SAMPLES, preset="0-255")


@pytest.mark.parametrize(
    ("origin", "users"),
    [("calibration", True), ("validation", True), ("made-up", False), (None, False), ("else", False), (["x"], False)],
)
def test_a_record_of_the_users_data_is_no_made_up_one(
    compared_only: Path, tmp_path: Path, origin: object, users: bool
) -> None:
    package = Path(shutil.copytree(compared_only, tmp_path / "package"))
    assert json.loads((package / RECORD).read_text())["origin"] == "validation"
    change(package, RECORD, lambda content: content.update(origin=origin))
    report = verify_file(package, CV25, Question(reference=load(MODEL, SourceOptions())))
    assert report.parity is not None
    assert report.parity.calibrated is report.calibrated is users
    assert ("synthetic" in report.parity.kernels) is not users


def change(package: Path, name: str, edit: Callable[[dict[str, object]], None]) -> None:
    content = json.loads((package / name).read_text())
    edit(content)
    (package / name).write_text(json.dumps(content))


def test_a_record_that_points_elsewhere_is_not_followed(foreign: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("dra_image_bin/000.bin\n")
    (foreign / "reference").mkdir()
    (foreign / RECORD).write_text('{"inputs": [{"name": "x", "dtype": "uint8", "list": "../list.txt"}], "samples": -3}')
    assert judged(foreign) == {"CV-LISTS": ["x ../list.txt is not a path inside the package"]}


def test_the_manifest_may_name_no_file_outside(package: Path) -> None:
    entry = {"name": "../../../etc/passwd", "sha256": "0" * 64, "bytes": 1}
    change(package, "manifest.json", lambda content: content.update(files=[entry, None, {"name": 5}]))
    assert judged(package)["CV-FILES"] == ["../../../etc/passwd is not a path inside the package", "5 is not there"]


@pytest.mark.parametrize(
    "entry",
    [{"source_shape": [1, 3, 6, 0]}, {"file_name": "z"}, {"multiplier": [1, 2]}, {"channel_order": [3, 2, 1, 0]}],
)
def test_a_manifest_that_does_not_fit_the_model_is_one_error(package: Path, entry: dict[str, object]) -> None:
    manifest = json.loads((package / "manifest.json").read_text())
    manifest["inputs"][0] |= entry
    (package / "manifest.json").write_text(json.dumps(manifest))
    with raises_error("manifest-misfit"):
        verify_file(package, CV25, Question(reference=load(MODEL, SourceOptions())))


@pytest.mark.parametrize("name", ["manifest.json", RECORD])
@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_what_was_cut_short_is_a_finding(package: Path, name: str, text: str) -> None:
    (package / name).write_text(text)
    (package / "SHA256SUMS").unlink()
    assert f"{name} is damaged: it is not JSON" in judged(package)["CV-FILES"]


def test_a_line_of_the_hashes_that_is_none_is_a_finding(package: Path) -> None:
    lines = ["# of our package", "", *(package / "SHA256SUMS").read_text().splitlines()]
    (package / "manifest.json").unlink()
    (package / "SHA256SUMS").write_text("\n".join(lines))
    assert "CV-FILES" not in judged(package)
    lines[3] = lines[3].replace("  ", " ")
    (package / "SHA256SUMS").write_text("\n".join(lines))
    assert judged(package)["CV-FILES"] == ["SHA256SUMS is damaged: line 4 is not the hash of a file"]


def test_json_of_another_tool_is_no_manifest(foreign: Path) -> None:
    (foreign / "manifest.json").write_text('{"name": "model"}')
    assert judged(foreign) == {}


@pytest.mark.parametrize("name", ["manifest.json", RECORD, "SHA256SUMS"])
def test_what_lies_outside_or_is_no_file_is_a_finding_and_is_not_read(package: Path, tmp_path: Path, name: str) -> None:
    outside = (package / name).rename(tmp_path / "outside")
    (package / name).symlink_to(outside)
    assert f"{name} is a link to a file outside it" in judged(package)["CV-FILES"]
    assert find_manifest(package) is None or name != "manifest.json"
    (package / name).unlink()
    os.mkfifo(package / name)
    assert f"{name} is a device, a pipe or a folder" in judged(package)["CV-FILES"]


def test_a_damaged_manifest_of_ours_is_one_error(package: Path) -> None:
    (package / "manifest.json").write_text('{"schema_version": 1, "dlpuconv": "0"}')
    with raises_error("manifest-damaged", "manifest.json"):
        verify_file(package, CV25)


def test_a_model_that_is_a_link_out_of_the_folder_is_not_opened(foreign: Path, tmp_path: Path) -> None:
    outside = (foreign / "model.onnx").rename(tmp_path / "secret.onnx")
    (foreign / "model.onnx").symlink_to(outside)
    with raises_error("artifact-unreadable", "model.onnx"):
        read(foreign)


def test_weights_in_other_files_are_a_finding_and_are_not_opened(package: Path) -> None:
    import onnx
    from onnx.external_data_helper import set_external_data

    model = onnx.load(package / "model.onnx")
    set_external_data(model.graph.initializer[0], "../../secret", 0, 16)
    model.graph.initializer[0].ClearField("raw_data")
    (package / "model.onnx").write_bytes(model.SerializeToString())
    report = verify_file(package, CV25)
    assert "CV-WEIGHTS" in found(report)
    assert report.parity is None


def test_a_model_whose_names_are_no_text_is_one_error(package: Path) -> None:
    content = (package / "model.onnx").read_bytes()
    assert b"Conv" in content
    (package / "model.onnx").write_bytes(content.replace(b"Conv", b"Co\xffv"))
    with raises_error("artifact-damaged", "model.onnx"):
        read(package)


def test_a_folder_of_pictures_that_is_a_link_is_not_walked(foreign: Path) -> None:
    (foreign / "representative_images").rename(foreign / "elsewhere")
    (foreign / "representative_images").symlink_to("/")
    (foreign / LIST).unlink()
    view = read(foreign)
    assert view.package is not None
    assert view.package.samples == 0


def test_names_lead_into_the_folder_or_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("content")
    folder = SafeFolder(tmp_path)
    assert folder.read("a", 7) == b"content"
    with pytest.raises(UnusableFileError, match="is larger than 6 bytes"):
        folder.read("a", 6)
    for name in ("", ".", "..", "/a", "b/../a", "a/b"):
        with pytest.raises(UnusableFileError):
            folder.find(name)
