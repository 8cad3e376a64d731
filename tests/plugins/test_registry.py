"""Plugins as a stranger's distribution brings them: installed in a folder on the path, seen by a fresh process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlpuconv.plugin import version
from tests.e2e.support import IMAGES, MODEL, TRAINED_ON
from tests.plugins.support import GOOD, dlpuconv, install


def listed(site: Path) -> dict[str, dict[str, str]]:
    done = dlpuconv(site, "targets", "--json")
    assert done.returncode == 0, done.stderr
    return {entry["name"]: entry for entry in json.loads(done.stdout)["targets"]}


def test_a_target_of_another_distribution_is_listed_like_the_built_in_ones(tmp_path: Path) -> None:
    install(tmp_path, "toychip", "toychip", GOOD, "[dlpuconv.targets]\ntoy1 = toychip:TOY\n")
    found = listed(tmp_path)
    assert found["toy1"]["distribution"] == "toychip"
    assert found["toy1"]["device"] == "toy-dlpu"
    assert {"artpec7", "artpec8", "artpec9", "cv25"} <= set(found)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import there_is_no_such_module", "ModuleNotFoundError"),
        ("raise SystemError('boom')", "SystemError: boom (toychip.py, line 1)"),
        ("import sys\nsys.exit(3)", "SystemExit: 3 (toychip.py, line 2)"),
        (
            f'{GOOD}TOY = replace(TOY, scheme=replace(TOY.scheme, numbers="int8"))',
            "scheme.numbers is 'int8', not Numbers",
        ),
        ("TOY = 3", "is a int, not a dlpuconv.plugin.Target"),
        ("", "AttributeError"),
        (GOOD.replace("toy1", "other"), "calls itself 'other'"),
        (
            f'{GOOD}TOY = replace(TOY, backend="tflight")',
            "cannot be used: its backend 'tflight' is not installed (did you mean 'tflite'?)",
        ),
    ],
)
def test_a_broken_target_is_listed_as_broken_and_hides_no_other(tmp_path: Path, code: str, complaint: str) -> None:
    install(tmp_path, "toychip", "toychip", code, "[dlpuconv.targets]\ntoy1 = toychip:TOY\n")
    found = listed(tmp_path)
    assert complaint in found["toy1"]["problem"]
    assert found["toy1"]["problem"].startswith("the target 'toy1' (distribution toychip) ")
    assert "problem" not in found["artpec8"]
    text = dlpuconv(tmp_path, "targets").stdout
    assert "BROKEN" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("code", "point", "complaint"),
    [
        (GOOD, "toychp:TOY", "from 'toychp:TOY': ModuleNotFoundError: No module named 'toychp'"),
        (GOOD, "toychip:TOI", "from 'toychip:TOI': AttributeError: module 'toychip' has no attribute 'TOI'"),
        ("TOY = (", "toychip:TOY", "from 'toychip:TOY': SyntaxError: '(' was never closed (toychip.py, line 1)"),
        (
            f'{GOOD}TOY = replace(TOY, titel="x")',
            "toychip:TOY",
            "Target.__init__() got an unexpected keyword argument 'titel' (toychip.py, line 5)",
        ),
    ],
)
def test_a_fault_s_place_is_the_last_in_the_author_s_own_code(
    tmp_path: Path, code: str, point: str, complaint: str
) -> None:
    install(tmp_path, "toychip", "toychip", code, f"[dlpuconv.targets]\ntoy1 = {point}\n")
    assert listed(tmp_path)["toy1"]["problem"].endswith(complaint)


def test_a_place_in_a_package_s_own_module_is_told_with_the_package(tmp_path: Path) -> None:
    install(tmp_path, "toychip", "toychip", "", "[dlpuconv.targets]\ntoy1 = toychip:TOY\n")
    (tmp_path / "toychip.py").unlink()
    (tmp_path / "toychip").mkdir()
    (tmp_path / "toychip" / "__init__.py").write_text("1 / 0")
    assert listed(tmp_path)["toy1"]["problem"].endswith("division by zero (toychip/__init__.py, line 1)")


def test_entry_points_of_a_group_that_nothing_reads_are_told(tmp_path: Path) -> None:
    install(tmp_path, "toychip", "toychip", GOOD, "[dlpuconv.target]\ntoy1 = toychip:TOY\n")
    why = "nothing reads its entry points of the group 'dlpuconv.target' (did you mean 'dlpuconv.targets'?)"
    assert listed(tmp_path)["toychip"]["problem"] == why
    done = dlpuconv(tmp_path, "convert", "m.onnx", "--target", "toy1")
    assert done.returncode == 8
    assert f"toychip may bring more, but {why}" in done.stderr


def test_a_name_that_two_distributions_claim_is_refused_with_both_named(tmp_path: Path) -> None:
    install(tmp_path, "toychip", "toychip", GOOD, "[dlpuconv.targets]\ntoy1 = toychip:TOY\n")
    install(tmp_path, "rival", "rival", GOOD, "[dlpuconv.targets]\ntoy1 = rival:TOY\n")
    problem = listed(tmp_path)["toy1"]["problem"]
    assert "'toy1'" in problem
    assert "both rival and toychip" in problem


@pytest.mark.parametrize("entries", ["[dlpuconv.targets]\nno equals sign\n", "[dlpuconv.targets]\n= x\ntoy1\n"])
def test_a_distribution_with_damaged_metadata_is_named_and_hides_no_other(tmp_path: Path, entries: str) -> None:
    install(tmp_path, "toychip", "toychip", GOOD, entries)
    found = listed(tmp_path)
    assert "its entry_points.txt cannot be read" in found["toychip"]["problem"]
    assert "problem" not in found["artpec8"]
    done = dlpuconv(tmp_path, "convert", "m.onnx", "--target", "toy1")
    assert done.returncode == 8
    assert "toychip may bring more, but its entry_points.txt cannot be read" in done.stderr


def test_damaged_metadata_of_what_is_no_plugin_and_a_missing_name_do_no_harm(tmp_path: Path) -> None:
    install(tmp_path, "stranger", "stranger", "", "[console_scripts]\nno equals sign\n", api="")
    (tmp_path / "latin-1.0.dist-info").mkdir()
    (tmp_path / "latin-1.0.dist-info" / "entry_points.txt").write_bytes(b"[x]\n\xe9 = y\n")
    install(tmp_path, "toychip", "toychip", GOOD, "[dlpuconv.targets]\ntoy1 = toychip:TOY\n")
    (tmp_path / "toychip-1.0.dist-info" / "METADATA").unlink()
    found = listed(tmp_path)
    assert found["toy1"]["distribution"] == "an unknown distribution"
    assert not any("problem" in entry for entry in found.values())


def test_an_unknown_target_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    done = dlpuconv(tmp_path, "convert", str(tmp_path / "m.onnx"), "--target", "artpeg8", "--json")
    assert done.returncode == 8
    error = json.loads(done.stdout)["error"]
    assert error["type"] == "PluginError"
    assert error["status"] == 8
    assert "did you mean 'artpec8'?" in error["message"]


@pytest.mark.parametrize(
    ("api", "complaint"),
    [
        (
            "",
            'and this dlpuconv has version 1.0: its entry points of the group dlpuconv.api lack `"1.0" = "toychip"`',
        ),
        ("2.0", "was written for version 2.0 of the plugin API, and this dlpuconv has version 1.0: install a newer"),
        ("1.1", "was written for version 1.1 of the plugin API, and this dlpuconv has version 1.0: install a newer"),
        ("0.9", "version 0.9 of the plugin API, and this dlpuconv has version 1.0: install a newer version of it, or"),
        ("one", "declares the plugin API 'one', which is not a version such as 1.0; this dlpuconv has version 1.0"),
    ],
)
def test_what_was_written_for_another_api_is_told_before_any_of_its_code_runs(
    tmp_path: Path, api: str, complaint: str
) -> None:
    ran = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    install(tmp_path, "toychip", "toychip", ran + GOOD, "[dlpuconv.targets]\ntoy1 = toychip:TOY\n", api=api)
    problem = listed(tmp_path)["toy1"]["problem"]
    assert problem.startswith("the target 'toy1' (distribution toychip) ")
    assert complaint in problem
    assert not (tmp_path / "ran").exists()


def test_what_was_written_for_an_older_minor_version_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "API_VERSION", "1.3")
    assert [version.misfit(declared) == "" for declared in ("1.0", "1.3", "1.4", "2.0", "0.3")] == [
        True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.slow
def test_a_model_converts_for_a_target_of_another_distribution(tmp_path: Path) -> None:
    site, out = tmp_path / "site", tmp_path / "out"
    install(site, "toychip", "toychip", GOOD, "[dlpuconv.targets]\ntoy1 = toychip:TOY\n")
    done = dlpuconv(
        site, "convert", str(MODEL), "--target", "toy1", "--granularity", "per-channel", "--calibration", str(IMAGES),
        *TRAINED_ON, "--output", str(out), "--no-cache",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (out / "cifar_mobilenetv2.toy1.tflite").read_bytes()[4:8] == b"TFL3"
    assert json.loads((out / "cifar_mobilenetv2.toy1.json").read_text())["target"] == "toy1"
    assert "-c toy-dlpu" in done.stdout
