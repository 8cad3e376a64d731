"""Conversions in which a plugin of another distribution fails."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import parser

import dlpuconv
from dlpuconv.errors import UnsupportedModelError
from dlpuconv.registry import load_backend
from tests.plugins.support import dlpuconv as command
from tests.plugins.support import install

pytestmark = pytest.mark.slow
CHIP = """
from dataclasses import replace
from dlpuconv.plugin import *
from dlpuconv.scheme import *
from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv_backends.onnx_float import OnnxFloatBackend
from dlpuconv_targets.cv25 import CV25

def boom(*_):
    raise ValueError("boom")

class ToyBackend(OnnxFloatBackend):
    name = "toyback"

TOY = replace(CV25, name="toy1", backend="toyback")
"""
ENTRIES = "[dlpuconv.targets]\ntoy1 = toychip:TOY\n[dlpuconv.backends]\ntoyback = toychip:ToyBackend\n"
CALLED = "the backend 'toyback' (distribution toychip)"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    text = '<ir_version: 8, opset_import: ["" : 13]> g (float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y) { y = Relu (x) }'
    path = tmp_path / "m.onnx"
    onnx.save(parser.parse_model(text), path)
    return path


def convert(model: Path, code: str, *more: str, targets: str = "cv25,toy1") -> Any:
    """Exit status, JSON and stderr of a conversion beside a plugin of this code."""
    site = model.parent / "site"
    install(site, "toychip", "toychip", CHIP + code, ENTRIES)
    done = command(
        site, "convert", str(model), "--target", targets, "--output", str(model.parent / "out"), "--json", *more
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("ToyBackend.emit = boom", f"emit of {CALLED} failed: ValueError: boom (toychip.py, line 10)"),
        (
            "ToyBackend.emit = lambda *_: None",
            f"emit of {CALLED} failed: TypeError: it returned None instead of Artifact",
        ),
        ("ToyBackend.prepare = boom", f"prepare of {CALLED} failed: ValueError: boom"),
        ("ToyBackend.runner = boom", f"runner of {CALLED} failed: ValueError: boom"),
        (
            'TOY = replace(TOY, packager=boom, backend="onnx-float")',
            "the packager of the target 'toy1' (distribution toychip) failed: ValueError: boom (toychip.py, line 10)",
        ),
    ],
)
@pytest.mark.parametrize("targets", ["cv25,toy1", "toy1,cv25"])
def test_the_results_of_the_others_are_delivered_and_the_failure_is_named(
    model: Path, code: str, complaint: str, targets: str
) -> None:
    status, told, errors = convert(model, code, targets=targets)
    assert status == 8
    assert [entry["target"] for entry in told["artifacts"]] == ["cv25"]
    assert (Path(told["artifacts"][0]["path"]) / "manifest.json").is_file()
    assert [(f["target"], f["type"], f["status"]) for f in told["failures"]] == [("toy1", "PluginError", 8)]
    assert complaint in told["failures"][0]["message"]
    assert told["verdict"] == "fail"
    assert f"error: toy1: {told['failures'][0]['message']} [{told['failures'][0]['id']}]\n" in errors
    assert sorted(path.name for path in (model.parent / "out").iterdir()) == ["m.cv25"]


def test_a_file_that_cannot_be_read_back_is_its_backend_s(model: Path) -> None:
    code = """
class ToyBackend(ToyBackend):
    suffix = None
    def emit(self, prepared, target, recipe):
        return replace(super().emit(prepared, target, recipe), files={"": b"junk and nothing else"}, stored={})
TOY = replace(TOY, suffix=".bin")
"""
    status, told, _ = convert(model, code)
    assert (status, [entry["target"] for entry in told["artifacts"]]) == (7, ["cv25"])
    assert told["failures"][0]["message"].startswith(
        "the backend toyback made a file for the target 'toy1' (distribution toychip) that cannot be read back:"
        " m.toy1.bin is of no known format"
    )


def test_reports_are_written_of_what_there_is(model: Path) -> None:
    status, _, _ = convert(model, "ToyBackend.emit = boom", "--report", str(model.parent / "r.html"))
    assert status == 8
    assert sorted(path.name for path in model.parent.glob("*.html")) == ["r.cv25.html"]


def test_in_python_what_is_there_is_returned_and_what_is_not_is_raised_when_asked_for(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = load_backend("onnx-float")
    emit = backend.emit

    def for_cv25_alone(self: Any, prepared: Any, target: Any, recipe: Any) -> Any:
        if target.name != "cv25":
            raise UnsupportedModelError(f"{target.name} has no Relu: end it with --cut-at a,b")
        return emit(self, prepared, target, recipe)

    monkeypatch.setattr(backend, "emit", for_cv25_alone)
    done = dlpuconv.convert(model, target=["cv75", "cv25"])
    assert [artifact.target for artifact in done.artifacts] == ["cv25"]
    assert (done["cv25"].report.passed, done.verdict) == (True, "fail")
    reason = "cv75 has no Relu: end it with cut_at=['a', 'b']"
    assert [str(failure.error) for failure in done.failures] == [reason]
    assert repr(done) == "<Conversion m.cv25: pass, cv75: failed>"
    assert "cv75: failed: cv75 has no Relu: end it with cut_at=" in done._repr_html_()
    with pytest.raises(UnsupportedModelError, match=f"^{re.escape(reason)}$"):
        done["cv75"]
    with pytest.raises(UnsupportedModelError, match=f"^{re.escape(reason)}$"):
        dlpuconv.convert(model, target="cv75")
    with pytest.raises(KeyError):
        done["artpec8"]


def test_different_errors_of_all_targets_are_told_together(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any, __: Any, target: Any, ___: Any) -> Any:
        raise UnsupportedModelError(f"{target.name} has no Relu")

    monkeypatch.setattr(load_backend("onnx-float"), "emit", refuse)
    with pytest.raises(UnsupportedModelError, match=r"^cv75: cv75 has no Relu; cv25: cv25 has no Relu$"):
        dlpuconv.convert(model, target=["cv75", "cv25"])


def test_where_no_target_has_a_result_nothing_is_written_and_the_error_is_the_plugin_s(model: Path) -> None:
    status, told, _ = convert(model, "ToyBackend.emit = boom", targets="toy1")
    assert (status, told["error"]["type"]) == (8, "PluginError")
    assert not (model.parent / "out").exists()


def test_a_backend_that_cannot_be_closed_takes_no_result_with_it(model: Path) -> None:
    status, told, errors = convert(model, "ToyBackend.close = boom")
    assert (status, len(told["artifacts"]), told["failures"]) == (0, 2, [])
    assert f"warning: close of {CALLED} failed: ValueError: boom" in errors


def test_what_a_plugin_prints_does_not_end_up_in_the_json(model: Path) -> None:
    code = """
print("imported")
class ToyBackend(ToyBackend):
    def emit(self, *arguments):
        print("emitting")
        return super().emit(*arguments)
"""
    status, told, errors = convert(model, code)
    assert (status, len(told["artifacts"])) == (0, 2)
    assert "imported\n" in errors
    assert "emitting\n" in errors


def test_a_rule_that_raises_is_a_finding_and_the_file_is_delivered_and_not_called_good(model: Path) -> None:
    odd = 'Rule(id="T-ODD", severity=Severity.FAIL, sentence="It holds.", source="", check=boom)'
    status, told, _ = convert(model, f"TOY = replace(TOY, rules=({odd}, *TOY.rules))")
    reports = {report["target"]: report for report in told["reports"]}
    assert (status, reports["cv25"]["verdict"], reports["toy1"]["verdict"]) == (1, "pass", "fail")
    found = {finding["rule"]: finding for finding in reports["toy1"]["findings"]}
    assert found["T-ODD"]["status"] == "failed-to-judge"
    assert found["T-ODD"]["sentence"].startswith(
        "The rule T-ODD of the target 'toy1' (distribution toychip) failed: ValueError: boom (toychip.py, line 10)"
    )
    assert {rule: finding["status"] for rule, finding in found.items() if rule != "T-ODD"} == {
        finding["rule"]: "broken" for finding in reports["cv25"]["findings"]
    }


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            'TOY = replace(TOY, backend="tflite")',
            "the target 'toy1' (distribution toychip) takes float32 files, but its backend tflite makes int8 ones",
        ),
        (
            'TOY = replace(TOY, suffix=".onnx")',
            "the target 'toy1' (distribution toychip) takes .onnx files, but its backend toyback makes folders",
        ),
        ("TOY = replace(TOY, min_sqnr=float('nan'))", "cannot be used: min_sqnr is nan, not a finite number"),
        ("ToyBackend.numbers = 'float32'", f"{CALLED} cannot be used: numbers is 'float32', not Numbers.INT8"),
        ("ToyBackend.__init__ = boom", f"__init__ of {CALLED} failed: ValueError: boom"),
    ],
)
def test_what_cannot_fit_is_refused_before_the_model_is_read(model: Path, code: str, sentence: str) -> None:
    model.write_bytes(b"no ONNX")
    status, told, _ = convert(model, code)
    assert (status, told["error"]["type"]) == (8, "PluginError")
    assert sentence in told["error"]["message"]


def test_a_backend_that_the_user_asks_for_and_that_does_not_fit_is_the_user_s(model: Path) -> None:
    code = 'TOY = replace(TOY, suffix=".bin")\nToyBackend.suffix = None'
    status, told, _ = convert(model, code, "--backend", "onnx-float", targets="toy1")
    assert status == 2
    assert "toy1 takes .bin files; the onnx-float backend makes folders" in told["error"]["message"]


def test_the_traceback_of_a_plugin_s_fault_is_shown_to_its_author(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = model.parent / "site"
    install(site, "toychip", "toychip", f"{CHIP}ToyBackend.emit = boom", ENTRIES)
    monkeypatch.setenv("DLPUCONV_TRACEBACK", "1")
    done = command(site, "convert", str(model), "--target", "toy1", "--output", str(model.parent / "out"))
    assert done.returncode == 8
    assert 'toychip.py", line 10, in boom' in done.stderr
