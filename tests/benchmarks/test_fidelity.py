"""docs/fidelity.md: what was measured, beside what was published."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from scripts.benchmarks.fidelity import fidelity_page, run_fidelity
from scripts.benchmarks.outside import make

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LESS = {"mean": -0.0123, "low": -0.03, "high": 0.005}


def figures(**more: Any) -> dict[str, Any]:
    default = {"metric": 0.8077, "sqnr_db": 20.04, "less_float": LESS}
    return {
        "metric": "top-1",
        "in_decibels": False,
        "evaluated": 200,
        "calibrated": [80, 80, 80],
        "disjoint": False,
        "float": {"metric": 0.82},
        "columns": {"per-tensor, balanced": default},
        **more,
    }


def row(page: str, start: str) -> str:
    return next(line for line in page.splitlines() if line.startswith(start))


def test_the_page_is_what_its_figures_say(repository: Path) -> None:
    models = json.loads((repository / "docs" / "fidelity.json").read_text("utf-8"))["models"]
    assert {"efficientnet_lite0", "nudenet_yolov8n", "imagenet_mnv2_torch"} <= set(models)
    page = (repository / "docs" / "fidelity.md").read_text("utf-8")
    assert page == fidelity_page(models), "run scripts/bench.py fidelity"


def test_a_loss_is_float_less_ours_with_its_interval_turned_around() -> None:
    page = fidelity_page({"imagenet_mnv2_torch": figures()})
    told = "| top-1 | 200 | 3 x 80, overlapping | 82.0 | +1.2 (-0.5 to +3.0) | 20.0 |"
    assert row(page, "| imagenet_mnv2_torch") == f"| imagenet_mnv2_torch {told}"


def test_decibels_stay_decibels_and_what_has_no_file_is_told() -> None:
    less = {"mean": -0.5, "low": -0.75, "high": -0.25}
    columns = {"per-tensor, balanced": {"metric": 30.0, "sqnr_db": 25.0, "less_float": less}, "per-tensor, fast": {
        "error": "it cannot"}}  # fmt: skip
    page = fidelity_page({"sr": figures(in_decibels=True, float={"metric": 30.5}, columns=columns)})
    assert row(page, "| sr").endswith("| 30.50 | +0.5 (+0.2 to +0.8) | no file | 25.0 |")


def test_a_column_of_the_measured_is_there_where_a_model_has_it() -> None:
    theirs = {**figures()["columns"], "TF per-tensor": {"error": "it cannot"}}
    page = fidelity_page({"one": figures(), "other": figures(columns=theirs)})
    header = "| model | metric | samples | draws | float | default | TFLiteConverter, per tensor | dB, default |"
    assert row(page, "| model") == header
    assert row(page, "| one").endswith("| +1.2 (-0.5 to +3.0) |  | 20.0 |")
    assert row(page, "| other").endswith("| +1.2 (-0.5 to +3.0) | no file | 20.0 |")


def test_ours_stand_among_others_in_order_of_the_loss() -> None:
    page = fidelity_page({"imagenet_mnv2_torch": figures()})
    (table,) = (part for part in page.split("### ") if part.startswith("MobileNetV2, ImageNet"))
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| network")]
    losses = [float(line.split("|")[-2].strip(" *").split(" ")[0]) for line in rows]
    assert losses == sorted(losses)
    assert len(losses) > 5
    (ours,) = (line for line in rows if "dlpuconv" in line)
    assert ours.startswith("| **imagenet_mnv2_torch** |")
    assert ours.endswith("| **82.0** | **+1.2 (-0.5 to +3.0)** |")


def test_simulated_results_are_marked() -> None:
    page = fidelity_page({})
    assert r"| MobileNetV2 | Espressif ESP-DL\* | trained blocks (TQT) | 71.9 | +0.1 |" in page
    assert "| MobileNetV2 | Hailo model zoo | after training |  | +0.9 |" in page


def test_every_published_result_says_what_was_lost_and_where_it_was_read(repository: Path) -> None:
    published = tomllib.loads((repository / "scripts" / "benchmarks" / "published.toml").read_text("utf-8"))
    for source in published["source"]:
        for result in source["results"]:
            assert "loss" in result or result["float"] > result["int8"], result
            assert "where" in result or "where" in source, result
            assert isinstance(source["simulated"], bool)


def test_figures_of_several_runs_make_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, kept = tmp_path / "page.md", tmp_path / "kept.json"
    monkeypatch.setattr("scripts.benchmarks.fidelity.PAGE", page)
    monkeypatch.setattr("scripts.benchmarks.fidelity.FIGURES", kept)
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"samples": 100, "models": {name: figures()}}))
    run_fidelity([tmp_path / "one.json", tmp_path / "two.json"])
    written = page.read_text()
    assert row(written, "| one")
    assert row(written, "| two")
    run_fidelity([])
    assert page.read_text() == written


def test_a_model_whose_package_is_absent_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo, folder = tmp_path / "zoo", tmp_path / "outside"
    zoo.mkdir()
    (zoo / "zoo.py").write_text("there = True\n")
    monkeypatch.setenv("DLPUCONV_ZOO", str(zoo))

    def absent(file: Path) -> None:
        raise ModuleNotFoundError(name=f"of_{file.parent.name}")

    monkeypatch.setattr(make, "_MODELS", {
        "efficientnet_lite0": absent, "nudenet_yolov8n": lambda file: file.write_bytes(b"a model"),
    })  # fmt: skip
    found, missed = make.run_outside(folder)
    assert found == {"models": ["nudenet_yolov8n"]}
    assert missed == ["efficientnet_lite0: the package of_efficientnet_lite0 is not installed"]
    assert not (folder / "efficientnet_lite0").exists()
    assert (folder / "nudenet_yolov8n" / "task.py").is_file()
    assert (folder / "zoo.py").read_text() == "there = True\n"
