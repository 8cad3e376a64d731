"""What leaves the command line: statuses, one sentence, JSON."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlpuconv.cli import main
from dlpuconv.cli.interruption import _STOPPING
from dlpuconv.errors import PluginError
from dlpuconv.workflow import convert as pipeline
from tests.e2e.support import MODEL


def failing(error: BaseException) -> object:
    def convert(*_: object) -> None:
        raise error

    return convert


def run(tmp_path: Path, *more: str) -> int:
    return main(["convert", str(MODEL), "--target", "cv25", "--output", str(tmp_path / "out"), *more])


@pytest.mark.parametrize(
    ("error", "status", "kind", "cause", "says"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            9,
            "OutputError",
            "system-refused",
            "No space left on device",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "/gone"),
            9,
            "OutputError",
            "system-refused",
            "/gone",
        ),
        (ZeroDivisionError("a bug"), 10, "InternalError", "internal-error", "ZeroDivisionError: a bug"),
        (KeyboardInterrupt(), 130, "Interrupted", None, "interrupted"),
        (MemoryError(), 9, "OutputError", "memory-exhausted", "memory"),
        (PluginError("the rule X failed", id="plugin-failed"), 8, "PluginError", "plugin-failed", "the rule X failed"),
        (PluginError("a plugin's own error"), 8, "PluginError", None, "a plugin's own error"),
    ],
)
def test_whatever_goes_wrong_is_one_sentence_and_one_json_object_and_never_status_one(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    kind: str,
    cause: str | None,
    says: str,
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(error))
    assert run(tmp_path, "--json") == status
    out, err = capsys.readouterr()
    answer = json.loads(out)["error"]
    assert (answer["type"], answer["status"], answer["id"]) == (kind, status, cause)
    assert says in answer["message"]
    assert "Traceback" not in err
    assert err.count("\n") == 1
    assert err.endswith(f" [{cause}]\n" if cause else f"{says}\n")


def test_an_internal_error_shows_where_it_came_from_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(ZeroDivisionError("a bug")))
    monkeypatch.setenv("DLPUCONV_TRACEBACK", "1")
    assert run(tmp_path) == 10
    assert "Traceback" in capsys.readouterr().err


def test_a_manifest_in_the_way_is_found_before_the_work_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(AssertionError("work was started")))
    (tmp_path / "cifar_mobilenetv2.artpec9.json").write_text("mine")
    status = main(["convert", str(MODEL), "-t", "artpec9", "--calibration", "random", "-o", str(tmp_path)])
    assert status == 9
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status"),
    [((), 9), (("--force",), 9), (("-qf",), 9), (("--force=all",), 10), (("--force", "--force=all"), 10)],
)
def test_only_force_all_begins_work_over_a_file_that_no_manifest_lists(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    status: int,
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(AssertionError("work was started")))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cifar_mobilenetv2.cv25").write_text("mine")
    assert run(tmp_path, *words) == status
    said = capsys.readouterr().err
    assert ("work was started" if status == 10 else "cifar_mobilenetv2.cv25") in said


@pytest.mark.parametrize("words", [("--force",), ("--force=all",)])
def test_samples_in_a_package_that_would_be_replaced_are_found_before_the_work_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(AssertionError("work was started")))
    package = tmp_path / "out" / "cifar_mobilenetv2.cv25"
    package.mkdir(parents=True)
    (package / "samples.npz").write_bytes(b"")
    assert run(tmp_path, "--calibration", str(package / "samples.npz"), *words) == 9
    assert "[output-is-read]" in capsys.readouterr().err


def test_a_name_that_is_too_long_is_found_before_the_work_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(AssertionError("work was started")))
    model = tmp_path / f"{235 * 'm'}.onnx"
    status = main(["convert", str(model), "-t", "artpec8", "--calibration", "random", "-o", str(tmp_path)])
    assert status == 9
    assert "[output-name-invalid]" in capsys.readouterr().err


def test_a_report_with_the_name_of_a_result_is_found_before_the_work_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(AssertionError("work was started")))
    report = tmp_path / "cifar_mobilenetv2.artpec9.json"
    arguments = ["-t", "artpec9", "--calibration", "random", "-o", str(tmp_path), "--report", str(report)]
    assert main(["convert", str(MODEL), *arguments]) == 9
    assert "[output-is-result]" in capsys.readouterr().err


def test_the_next_run_makes_an_end_of_a_delivery_that_was_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "convert", failing(KeyboardInterrupt()))
    (tmp_path / "out" / ".dlpuconv-deaddead" / "new").mkdir(parents=True)
    assert run(tmp_path) == 130
    assert capsys.readouterr().err
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--min-sqnr", "nan"), "--min-sqnr"),
        (("--input-layout", "plain"), "nhwc, nchw"),
        (("--input-layout", "nhcw"), "did you mean"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    assert run(tmp_path, *options) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.endswith(" [option-value]\n")


@pytest.fixture
def listening_to_ctrl_c() -> Iterator[None]:
    """A suite in a shell's background job starts with Ctrl-C ignored."""
    before = {number: signal.getsignal(number) for number in _STOPPING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():  # once one has stopped the command, it ignores all
        signal.signal(number, handler)


class CtrlC:
    """Comes while Python finalizes an object, where what its handler raises is dropped."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("listening_to_ctrl_c")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("moment", ["before the work", "after the work"])
def test_ctrl_c_that_python_drops_stops_the_command_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    real = pipeline.convert

    def convert(*arguments: Any) -> object:
        if moment == "before the work":
            CtrlC()
        done = real(*arguments)
        if moment == "after the work":
            CtrlC()
        return done

    monkeypatch.setattr(pipeline, "convert", convert)
    assert run(tmp_path) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "error: interrupted"
    assert not (tmp_path / "out").exists()
