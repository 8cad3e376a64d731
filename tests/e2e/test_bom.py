"""`--bom`: a bill of materials that others can read, with each artifact."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import dlpuconv
from dlpuconv.cli import main
from tests.e2e.support import IMAGES, MODEL, PLAIN, TRAINED_ON

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
SAMPLES = ("--calibration", str(IMAGES), *TRAINED_ON)
STEM = "cifar_mobilenetv2"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hash_of(component: dict[str, Any]) -> str:
    (entry,) = component["hashes"]
    assert entry["alg"] == "SHA-256"
    return str(entry["content"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    arguments = (*SAMPLES, "--output", str(folder), "--bom")
    assert main(["convert", str(MODEL), *arguments, "--target", "artpec8", "--recipe", str(PLAIN)]) == 1  # told there
    assert main(["convert", str(MODEL), *arguments, "--target", "cv25"]) == 0
    return folder


@pytest.fixture(scope="module", params=[f"{STEM}.artpec8.bom.json", f"{STEM}.cv25/bom.json"])
def path(made: Path, request: pytest.FixtureRequest) -> Path:
    return made / str(request.param)


def test_it_follows_the_schema_of_cyclonedx(path: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None


def test_it_names_the_source_and_the_samples_by_their_hashes(path: Path, made: Path) -> None:
    bom = json.loads(path.read_text())
    manifest = json.loads((made / f"{STEM}.cv25" / "manifest.json").read_text())
    source, samples = bom["components"]
    assert (source["type"], source["name"], hash_of(source)) == ("machine-learning-model", STEM, sha256(MODEL))
    assert (samples["type"], hash_of(samples)) == ("data", manifest["calibration"]["digest"])
    (data,) = samples["data"]
    assert data["description"].startswith("samples that the user gave")
    counts = {entry["name"]: entry["value"] for entry in data["contents"]["properties"]}
    assert counts == {"dlpuconv:samples": "80", "dlpuconv:held_out": "20"}
    artifact = bom["metadata"]["component"]
    assert artifact["modelCard"]["modelParameters"]["datasets"] == [{"ref": samples["bom-ref"]}]
    assert bom["dependencies"][0] == {"ref": artifact["bom-ref"], "dependsOn": [source["bom-ref"], samples["bom-ref"]]}


def test_it_names_the_file_and_what_was_measured(made: Path) -> None:
    artifact = json.loads((made / f"{STEM}.artpec8.bom.json").read_text())["metadata"]["component"]
    manifest = json.loads((made / f"{STEM}.artpec8.json").read_text())
    assert hash_of(artifact) == sha256(made / f"{STEM}.artpec8.tflite")
    card = artifact["modelCard"]
    assert card["modelParameters"]["inputs"] == [{"format": "uint8 [1, 32, 32, 3]"}]
    (output,) = manifest["report"]["parity"]["outputs"]
    sqnr = card["quantitativeAnalysis"]["performanceMetrics"][0]
    assert (sqnr["type"], sqnr["slice"]) == ("SQNR (dB)", output["name"])
    assert float(sqnr["value"]) == pytest.approx(output["sqnr_db"], abs=1e-3)
    said = {entry["name"]: entry["value"] for entry in artifact["properties"]}
    assert (said["dlpuconv:target"], said["dlpuconv:verdict"]) == ("artpec8", "fail")
    assert json.loads(said["dlpuconv:recipe"]) == manifest["recipe"]


def test_it_names_every_file_of_a_package(made: Path) -> None:
    artifact = json.loads((made / f"{STEM}.cv25" / "bom.json").read_text())["metadata"]["component"]
    files = {path.relative_to(made).as_posix(): sha256(path) for path in made.glob("*.cv25/**/*") if path.is_file()}
    del files[f"{STEM}.cv25/bom.json"], files[f"{STEM}.cv25/manifest.json"]
    assert {part["name"]: hash_of(part) for part in artifact["components"]} == files


def test_it_names_the_tools_that_took_part_with_their_versions(made: Path) -> None:
    def tools(name: str) -> dict[str, str]:
        found = json.loads((made / name).read_text())["metadata"]["tools"]["components"]
        return {tool["name"]: tool["version"] for tool in found}

    versions = json.loads((made / f"{STEM}.artpec8.json").read_text())["versions"]
    package, file = tools(f"{STEM}.cv25/bom.json"), tools(f"{STEM}.artpec8.bom.json")
    assert package["dlpuconv"] == dlpuconv.__version__
    for library in ("numpy", "onnx", "onnxruntime"):
        assert package[library] == file[library] == versions[library]
    assert file["onnx2tf"] == versions["onnx2tf"]
    assert not {"onnx2tf", "tensorflow", "pytest"} & package.keys()


def test_the_manifest_lists_it(path: Path, made: Path) -> None:
    beside = path.name != "bom.json"
    manifest = json.loads((made / f"{STEM}.artpec8.json" if beside else path.with_name("manifest.json")).read_text())
    assert {file["name"]: file["sha256"] for file in manifest["files"]}[path.name] == sha256(path)


def test_the_readme_says_what_it_is(made: Path) -> None:
    assert "the bill of materials (CycloneDX)" in (made / f"{STEM}.artpec8.README.md").read_text()


def test_a_package_with_one_passes_its_verification(made: Path) -> None:
    assert main(["verify", str(made / f"{STEM}.cv25"), "--target", "cv25", "-q"]) == 0


def test_one_in_the_way_is_found_before_the_work_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"{STEM}.artpec8.bom.json").write_text("{}")
    arguments = ("--target", "artpec8", "--output", str(tmp_path), "--bom", "--calibration", "no-such-folder")
    assert main(["convert", str(MODEL), *arguments]) == 9
    assert "bom.json" in capsys.readouterr().err


def test_in_python_it_is_asked_for_and_the_same_each_time() -> None:
    def made(*, bom: bool) -> dict[str, Any]:
        done = dlpuconv.convert(MODEL, target="artpec7", calibration="none", effort="fast", bom=bom)
        return dict(done["artpec7"].files())

    name = f"{STEM}.artpec7.bom.json"
    first, second = made(bom=True), made(bom=True)
    assert first[name] == second[name]
    (_, samples) = json.loads(first[name])["components"]
    assert samples["data"][0]["description"].startswith("synthetic samples")
    assert name not in made(bom=False)
