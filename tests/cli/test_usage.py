"""Help and mistyped command lines: what a newcomer reads."""

from __future__ import annotations

import pytest

from dlpuconv.cli import main
from dlpuconv.error_catalog import entry


@pytest.mark.parametrize("arguments", [[], ["convert"], ["check"], ["verify"], ["inspect"], ["compare"], ["analyze"]])
def test_without_arguments_the_help_is_printed_as_it_is(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"Usage: {' '.join(['dlpuconv', *arguments])} [OPTIONS]")
    assert "\\n" not in err
    assert "error" not in err.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "cause", "facts"),
    [
        (["convert", "m.onnx"], "argument-missing", ["'--target'", "artpec7, artpec8, artpec9, cv25"]),
        (["convert", "m.onnx", "--target"], "command-line-wrong", ["'--target'", "artpec7, artpec8, artpec9, cv25"]),
        (["verify", "m.tflite"], "argument-missing", ["artpec7"]),
        (["convert", "m.onnx", "--taget", "artpec8"], "option-unknown", ["--taget", "'--target'", "`dlpuconv convert"]),
        (["--verion"], "option-unknown", ["--verion", "'--version'", "`dlpuconv --help`"]),
        (["vrify"], "command-unknown", ["'vrify'", "'verify'"]),
        (["convert", "m.onnx", "-t", "artpec8", "--top", "1"], "option-unknown", ["--top", "`dlpuconv check`"]),
        (["analyze", "m.onnx", "-t", "artpec8", "--top", "x"], "option-value", ["--top", "'x'"]),
        (["convert", "m.onnx", "more.onnx", "-t", "artpec8"], "command-line-wrong", ["more.onnx"]),
        (["convert", "m.onnx", "-t", "artpec8", "--effort", "fastest"], "option-value", ["'fastest'", "'fast'"]),
        (["convert", "m.onnx", "-t", ","], "target-missing", ["`dlpuconv targets`"]),
        (["convert", "m.onnx", "-t", "cv25", "--force=some"], "option-value", ["--force=some", "--force=all"]),
        (["inspect", "m.tflite", "--force=all"], "option-unknown", ["--force"]),
    ],
)
def test_a_mistyped_command_line_is_told_what_is_possible(
    arguments: list[str], cause: str, facts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [fact for fact in facts if fact not in err] == []
    assert err.endswith(f" [{cause}]\n")
    assert entry(cause).status == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_options_stand_in_panels_and_the_example_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "--help"]) == 0
    text = capsys.readouterr().out
    panels = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert panels == [
        "Arguments:", "Model and chip:", "Data and preprocessing:", "Quantization:", "Inputs and outputs:",
        "Verification:", "Result:", "Other options:",
    ]  # fmt: skip
    example = "dlpuconv convert model.onnx --target artpec8 --calibration images/ --preset imagenet --output out/"
    assert f"  Example: {example}\n" in text
    assert "--effort fast|balanced|best" in text
    assert "  -f, --force  " in text
    assert "  --force=all  " in text


def test_every_exit_status_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for status in (*range(14), 130, 143):
        assert f" {status} " in told, status


@pytest.mark.parametrize("command", ["convert", "check", "analyze", "verify", "inspect", "compare", "targets"])
def test_every_command_can_be_quiet_and_answer_in_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "-q, --quiet" in text
    assert "--json" in text


def test_quiet_targets_are_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets", "-q"]) == 0
    assert {"artpec7", "artpec8", "artpec9", "cv25"} <= set(capsys.readouterr().out.split("\n"))
