"""What `dlpuconv analyze` says of the demo's network, which collapses per tensor when it is quantized plainly."""

from __future__ import annotations

import json

import pytest

import dlpuconv
from tests.e2e.support import IMAGES, MODEL, PLAIN, TRAINED_ON, Sandbox
from tests.error_ids import raises_error

pytestmark = pytest.mark.slow
QUESTION = ("analyze", str(MODEL), "-t", "artpec8", "--calibration", str(IMAGES), *TRAINED_ON)
ARGUMENTS = (*QUESTION, "--recipe", str(PLAIN))
GUILTY = "features.6.conv.1.0"
ITS_NODE = "/features/features.6/conv/conv.1/conv.1.0/Conv"


def test_the_one_layer_that_ruins_the_network_is_named_with_its_cause_its_module_and_what_helps(
    sandbox: Sandbox,
) -> None:
    done = sandbox.run(*ARGUMENTS, "--json")
    assert done.returncode == 0, done.stderr
    (analysis,) = json.loads(done.stdout)["analyses"]
    worst, second = analysis["layers"][:2]
    assert (worst["name"], worst["module"], worst["node"]) == (GUILTY, GUILTY, ITS_NODE)
    assert worst["cause"] == "weight-imbalance"
    assert "per-channel" in worst["advice"]
    assert worst["alone_db"] < 5 < 30 < second["alone_db"]
    assert analysis["total_db"] == pytest.approx(worst["alone_db"], abs=2)
    assert not sandbox.output.exists()


def test_the_advice_helps(sandbox: Sandbox) -> None:
    done = sandbox.run(*ARGUMENTS, "--json", "--override", f"{GUILTY}=per-channel")
    (analysis,) = json.loads(done.stdout)["analyses"]
    assert analysis["total_db"] > 20


def test_the_terminal_shows_as_many_layers_as_wanted(sandbox: Sandbox) -> None:
    done = sandbox.run(*ARGUMENTS, "--top", "2")
    assert done.returncode == 0, done.stderr
    assert GUILTY in done.stdout
    assert done.stdout.count("CONV_2D") == 2
    assert "more with --top 0" in done.stdout
    assert f"--override {GUILTY}=per-channel" in done.stdout


def test_of_several_targets_those_that_can_are_analyzed_and_the_others_are_told(sandbox: Sandbox) -> None:
    chosen = ["artpec8,cv25" if word == "artpec8" else word for word in ARGUMENTS]
    done = sandbox.run(*chosen, "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert [analysis["target"] for analysis in told["analyses"]] == ["artpec8"]
    (failure,) = told["failures"]
    assert (failure["target"], failure["id"], failure["status"]) == ("cv25", "backend-not-capable", 2)
    assert f"error: cv25: {failure['message']} [backend-not-capable]\n" in done.stderr


def test_a_target_whose_own_compiler_quantizes_has_no_layers_to_blame() -> None:
    with raises_error("backend-not-capable", "onnx-float"):
        dlpuconv.analyze(MODEL, target="cv25", calibration="random")
