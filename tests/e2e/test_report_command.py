"""`--report`: one page, from the command line, of files that pass, fail, or come from elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import dlpuconv
from dlpuconv.cli import main
from tests.e2e.support import IMAGES, MODEL, PLAIN, TRAINED_ON
from tests.error_ids import raises_error
from tests.reporting.graph.test_graph_page import check_every_layer
from tests.reporting.test_browser import SIDEWAYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    type Open = Callable[..., Page]

FAST = ("--calibration", str(IMAGES), *TRAINED_ON, "--effort", "fast")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model for a chip where it fails plainly, and for two where it passes, each with its page."""
    folder = tmp_path_factory.mktemp("made")
    arguments = ("convert", str(MODEL), *FAST, "--output", str(folder), "--report")
    assert main([*arguments, str(folder / "r.artpec8.html"), "--target", "artpec8", "--recipe", str(PLAIN)]) == 1
    overlay = ("--overlay", str(folder / "overlays"))
    assert main([*arguments, str(folder / "r.html"), "--target", "artpec7,cv25", *overlay]) == 0
    return folder


@pytest.mark.slow
def test_a_conversion_for_several_chips_writes_a_page_for_each(made: Path) -> None:
    pages = {path.name: path.read_text() for path in made.glob("*.html")}
    assert set(pages) == {"r.artpec8.html", "r.artpec7.html", "r.cv25.html"}
    assert "<title>FAIL: cifar_mobilenetv2.artpec8.tflite</title>" in pages["r.artpec8.html"]
    assert "<title>pass: cifar_mobilenetv2.artpec7.tflite</title>" in pages["r.artpec7.html"]
    assert "<title>pass: cifar_mobilenetv2.cv25</title>" in pages["r.cv25.html"]
    assert "edgetpu_compiler -s -o . cifar_mobilenetv2.artpec7.tflite" in pages["r.artpec7.html"]
    assert "raw pixels 0 to 255, RGB, as the camera delivers them" in pages["r.artpec8.html"]


@pytest.mark.slow
def test_a_page_of_a_failure_names_the_layer_the_cause_and_what_helps(made: Path, open_page: Open) -> None:
    page = open_page((made / "r.artpec8.html").read_text())
    assert page.locator(".verdict").inner_text().lower() == "fail"
    assert "OUT-SQNR" in page.locator(".reasons").inner_text()
    advice = page.locator(".finding.fail").inner_text()
    assert "most is lost at features.6" in advice
    assert "It passes with --granularity per-channel" in advice  # which was tried
    assert "--granularity per-channel, which is slower on this chip" in advice
    worst = page.locator(".close-up").first.inner_text()
    assert "channel imbalance" in worst
    assert "--override" in worst
    assert page.evaluate(SIDEWAYS) == []


@pytest.mark.slow
def test_verify_writes_the_same_layers_to_json_and_to_the_page(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], open_page: Open
) -> None:
    file, out = made / "cifar_mobilenetv2.artpec7.tflite", tmp_path / "out.html"
    question = ("--target", "artpec7", "--reference", str(MODEL), "--data", str(IMAGES), "--report", str(out))
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["verify", str(file), *question, "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]["compared"]
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before
    assert len(layers) > 25
    page = open_page(out.read_text(), 390)
    for layer in layers:
        shown = page.locator(f"#layer-{layer['index']} .band").text_content()
        assert shown == "exact" if layer["exact"] else abs(float(shown or "nan") - layer["sqnr_db"]) < 0.051, layer
    assert page.evaluate(SIDEWAYS) == []


@pytest.mark.slow
def test_the_overlays_of_a_conversion_say_what_the_manifest_says_of_each_layer(made: Path) -> None:
    found = {path.name: json.loads(path.read_text()) for path in (made / "overlays").iterdir()}
    stem = "cifar_mobilenetv2"
    every = ("error-alone", "error-so-far", "macs", "placement", "range-spread")
    assert set(found) == {f"{stem}.artpec7.{name}.json" for name in every} | {
        f"{stem}.cv25.{name}.json" for name in every[1:]
    }
    told = json.loads((made / f"{stem}.artpec7.json").read_text())["report"]
    compared = {entry["tensor"]: entry for entry in told["layers"]["compared"]}
    so_far = found[f"{stem}.artpec7.error-so-far.json"]["results"]
    assert len(so_far) > 25
    for tensor, result in so_far.items():
        assert result["value"] == ("exact" if compared[tensor]["exact"] else compared[tensor]["sqnr_db"])
    macs = found[f"{stem}.artpec7.macs.json"]["results"]
    assert sum(result["value"] for result in macs.values()) == told["placement"]["macs"]
    placed = found[f"{stem}.artpec7.placement.json"]["results"]
    assert len(placed) == len(told["placement"]["layers"])


@pytest.mark.slow
def test_every_layer_of_a_package_is_found_in_its_graph(made: Path, tmp_path: Path, open_page: Open) -> None:
    package, out = made / "cifar_mobilenetv2.cv25", tmp_path / "graph.html"
    assert main(["inspect", str(package), "--html", str(out), "--quiet"]) == 0
    view = dlpuconv.inspect(package).view
    check_every_layer(open_page(out.read_text()), view, {f"layer-{x.index}": x.names.label for x in view.layers})


@pytest.mark.slow
def test_verify_tells_the_worst_layers_in_the_terminal(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = made / "cifar_mobilenetv2.artpec8.tflite"
    question = ("--target", "artpec8", "--reference", str(MODEL), "--data", str(IMAGES))
    assert main(["verify", str(file), *question]) == 1
    assert "layers that agree least with the source" in capsys.readouterr().out


@pytest.mark.slow
def test_a_package_is_told_layer_by_layer_as_well(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    question = ("--target", "cv25", "--reference", str(MODEL), "--data", str(IMAGES), "--report", str(out))
    assert main(["verify", str(made / "cifar_mobilenetv2.cv25"), *question]) == 0
    assert "Error by layer" in out.read_text()
    assert "import onnxruntime" in out.read_text()


def test_another_file_is_not_replaced_and_no_work_is_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<h1>Mine</h1>")
    out = tmp_path / "out"
    arguments = ("--target", "artpec7", *FAST, "--output", str(out), "--report", str(mine))
    assert main(["convert", str(MODEL), *arguments]) == 9
    assert "no report of dlpuconv" in capsys.readouterr().err
    assert main(["verify", str(MODEL), "--target", "cv25", "--report", str(mine)]) == 9
    assert mine.read_text() == "<h1>Mine</h1>"
    assert not out.exists()


def test_in_python_a_report_must_be_asked_for() -> None:
    converted = dlpuconv.convert(MODEL, target="cv25")
    with raises_error("report-not-made", "report=True"):
        converted["cv25"].to_html()
    assert converted["cv25"].report.layers is None


@pytest.mark.slow
def test_in_python_the_page_comes_as_text(open_page: Open) -> None:
    converted = dlpuconv.convert(MODEL, target="cv25", calibration=str(IMAGES), report=True)
    page = open_page(converted["cv25"].to_html())
    assert page.locator(".layers tbody tr").count() == len(converted["cv25"].report.placement.layers)  # type: ignore[union-attr]


@pytest.mark.zoo("axis")
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("mobilenet_v2_1.0_224_quant", "artpec8"),
        ("mobilenet_v2_1.0_224_quant", "artpec9"),
        ("yolov5n", "artpec8"),
        ("A9-yolov5n", "artpec9"),
    ],
)
def test_a_file_of_another_converter_has_a_page_without_its_source(
    zoo: Path, tmp_path: Path, open_page: Open, name: str, target: str
) -> None:
    out = tmp_path / "out.html"
    assert main(["verify", str(zoo / "axis" / f"{name}.tflite"), "--target", target, "--report", str(out)]) == 0
    page = open_page(out.read_text(), 390)
    assert page.locator(".close-up figure").count() >= 8
    assert "larod-client" in page.locator("#camera").inner_text()
    assert page.evaluate(SIDEWAYS) == []


@pytest.mark.slow
@pytest.mark.zoo("imagenet_mnv2_torch")
def test_the_page_of_an_imagenet_network_is_small_and_opens_in_less_than_a_second(
    zoo: Path, tmp_path: Path, open_page: Open
) -> None:
    out = tmp_path / "out.html"
    arguments = ("--calibration", "random", "--target", "artpec8", "--effort", "fast", "--output", str(tmp_path))
    status = main(["convert", str(zoo / "imagenet_mnv2_torch" / "model.onnx"), *arguments, "--report", str(out)])
    assert status in (0, 1)
    assert out.stat().st_size <= 2_000_000
    page = open_page(out.read_text())
    took = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert took <= 1000, f"{took} ms"
