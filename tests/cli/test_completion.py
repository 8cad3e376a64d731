"""Completion, asked for as each shell's own script asks."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlpuconv.calibration.preprocess import PRESETS, Color, Resize
from dlpuconv.cli import main
from dlpuconv.ir import Layout
from dlpuconv.language import choices
from dlpuconv.plugin import Normalization, Splitting
from dlpuconv.scheme import Granularity
from dlpuconv.workflow.request import Effort

SHELLS = ("bash", "zsh", "fish")


def completed(shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """What a shell is told for a command line whose last word is being typed."""
    words = line.split(" ")
    monkeypatch.setenv("_DLPUCONV_COMPLETE", f"complete_{shell}")
    if shell == "bash":
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    else:
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.removeprefix("_arguments '*: :((").splitlines()
    return {re.split('[\t"]', line.removeprefix('"'))[0] for line in lines}  # what follows the word is its help


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dlpuconv con", {"convert"}),
        ("dlpuconv convert m.onnx --target artpec", {"artpec7", "artpec8", "artpec9"}),
        ("dlpuconv convert m.onnx --target artpec8,cv", {"artpec8,cv25", "artpec8,cv75"}),
        ("dlpuconv convert m.onnx --effort b", {"balanced", "best"}),
        ("dlpuconv convert m.onnx --granularity per-", {"per-tensor", "per-channel"}),
        ("dlpuconv convert m.onnx --override head=per-c", {"head=per-channel"}),
        ("dlpuconv convert m.onnx --resize l", {"letterbox"}),
        ("dlpuconv convert m.onnx --color b", {"bgr"}),
        ("dlpuconv convert m.onnx --preset i", {"imagenet"}),
        ("dlpuconv convert m.onnx --fold-preprocess o", {"op", "off"}),
        ("dlpuconv convert m.onnx --input-dtype u", {"uint8"}),
        ("dlpuconv convert m.onnx --output-dtype i", {"int8"}),
        ("dlpuconv convert m.onnx --input-layout n", {"nhwc", "nchw"}),
        ("dlpuconv convert m.onnx --split-outputs a", {"auto"}),
        ("dlpuconv convert m.onnx --final-activation ", {"auto", "keep", "cut"}),
        ("dlpuconv convert m.onnx --backend onnx-f", {"onnx-float"}),
        ("dlpuconv convert m.onnx --calibration no", {"none"}),
        ("dlpuconv convert m.onnx --forc", {"--force", "--force=all"}),
        ("dlpuconv verify m.tflite --resize c", {"center-crop"}),
        ("dlpuconv verify m.tflite --target artpec8 --ignore A8-PART", {"A8-PARTITIONS"}),
        ("dlpuconv compare a b --target cv2", {"cv25"}),
    ],
)
def test_commands_and_the_words_of_every_choice_are_completed(
    shell: str, line: str, words: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed(shell, line, monkeypatch, capsys) == words


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_description_stays_on_its_candidate_s_line_on_a_narrow_terminal(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert completed(shell, "dlpuconv convert m.onnx --forc", monkeypatch, capsys) == {"--force", "--force=all"}


@pytest.mark.parametrize("option", ["--calibration", "--recipe", "--report"])
def test_where_a_file_is_wanted_the_shell_is_left_to_complete_files(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed("bash", f"dlpuconv convert m.onnx {option} im", monkeypatch, capsys) == {""}
    assert completed("zsh", f"dlpuconv convert m.onnx {option} im", monkeypatch, capsys) == {"_files"}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with the command."""
    command = tmp_path / "dlpuconv"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m dlpuconv "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"completion is tried in {name}, and there is none: scripts/setup test installs it")
    return found


@pytest.mark.slow
def test_bash_completes_with_the_script_that_it_is_given(installed: Path) -> None:
    """In a real shell, through the function that the script defines."""
    script = """
eval "$(_DLPUCONV_COMPLETE=source_bash dlpuconv)"
COMP_WORDS=(dlpuconv convert m.onnx --effort b) COMP_CWORD=4
$(complete -p dlpuconv | sed 's/.*-F \\([^ ]*\\).*/\\1/') dlpuconv
echo "${COMPREPLY[@]}"
"""
    command = [shell("bash"), "--norc", "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=installed)
    assert done.stdout.split() == ["balanced", "best"]


@pytest.mark.slow
def test_fish_completes_commands_options_and_words(installed: Path) -> None:
    """In a real shell, which is asked what it would offer."""
    lines = (
        "dlpuconv doc",
        "dlpuconv doctor --targ",
        "dlpuconv doctor --target artpec",
        "dlpuconv convert m --effort b",
    )
    asked = "; ".join(
        ["_DLPUCONV_COMPLETE=source_fish dlpuconv | source", *(f'complete -C "{line}"' for line in lines)]
    )
    command = [shell("fish"), "--no-config", "-c", asked]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=installed)
    offered = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert offered == ["doctor", "--target", "artpec7", "artpec8", "artpec9", "balanced", "best"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("dlpuconv doct", "dlpuconv doctor"),
        ("dlpuconv doctor --targ", "dlpuconv doctor --target"),
        ("dlpuconv doctor --target artpec7,artpec8,cv2", "dlpuconv doctor --target artpec7,artpec8,cv25"),
        ("dlpuconv convert m.onnx --effort bal", "dlpuconv convert m.onnx --effort balanced"),
    ],
)
def test_zsh_completes_commands_options_and_words(installed: Path, typed: str, line: str) -> None:
    """In a real shell on a terminal: somebody types, and presses the tabulator; ^X then tells what stands there."""
    setup = [
        f"autoload -Uz compinit && compinit -u -d {installed}/dump",
        'eval "$(_DLPUCONV_COMPLETE=source_zsh dlpuconv)"',
        f"tell() {{ print -r -- $BUFFER > {installed}/line; exit }}; zle -N tell; bindkey '^X' tell",
    ]
    ours, theirs = pty.openpty()
    command = [shell("zsh"), "-f", "-i", "+m"]  # this is no terminal that could control jobs
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    with os.fdopen(ours, "r+b", buffering=0) as screen:
        screen.write(("\n".join(setup) + f"\n{typed}\t\x18").encode())
        with contextlib.suppress(OSError):  # its end is an error here
            while screen.read(4096):
                pass
    assert process.wait() == 0
    assert (installed / "line").read_text().strip() == line


@pytest.mark.parametrize(
    ("declared", "accepted"),
    [
        (choices.Resize, [member.value for member in Resize]),
        (choices.Color, [member.value for member in Color]),
        (choices.Preset, PRESETS),
        (choices.FoldPreprocess, [member.value for member in Normalization]),
        (choices.Granularity, [member.value for member in Granularity]),
        (choices.GranularityOrAuto, [*(member.value for member in Granularity), "auto"]),
        (choices.Effort, [member.value for member in Effort]),
        (choices.InputLayout, [Layout.NHWC.value, Layout.NCHW.value]),
        (choices.Splitting, [member.value for member in Splitting]),
    ],
)
def test_the_declared_words_are_those_that_are_accepted(declared: object, accepted: list[str]) -> None:
    assert set(choices.words(declared)) == set(accepted)  # type: ignore[arg-type]
