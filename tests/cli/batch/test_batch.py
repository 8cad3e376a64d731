"""`dlpuconv batch` and what stands under that word: as a user types it, on a store of records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlpuconv.batches.matrix import read_plan
from dlpuconv.batches.record import StoredArtifact
from dlpuconv.batches.results.folder import write_results
from dlpuconv.batches.results.sources import named
from dlpuconv.batches.scheduler import by_key
from dlpuconv.batches.store import open_store
from dlpuconv.cli import main
from dlpuconv.files.content import sha256_of, size_of
from tests.batches.results.records import CRASHED, FAILED, PASSED, record, started
from tests.cli.test_completion import completed
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from dlpuconv.batches.record import JobRecord

JOBS = """
[batch]
store = "results"
models = "*.onnx"
targets = ["artpec8", "cv25"]
"""
PAGE = b"<!doctype html><title>a report</title>"


def stored(url: Path, *records: JobRecord) -> list[JobRecord]:
    """A store that has these, each with a file and a report where it converted."""
    store, put = open_store(url), []
    for each in records:
        made = {f"{each.name}.tflite": each.key.encode(), f"{each.name}.html": PAGE} if each.files else {}
        told = {name: StoredArtifact(sha256=sha256_of(data), size=size_of(data)) for name, data in made.items()}
        put.append(store.add(replace(each, files=told), made))
    return put


def test_the_word_runs_a_file_of_jobs_and_its_help_tells_the_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", "--help"]) == 0
    text = capsys.readouterr().out
    for part in ("dlpuconv batch [OPTIONS] {jobs}", "--shard I/N", "  status ", "  show ", "  diff "):
        assert part in text
    assert main(["batch"]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "cause", "facts"),
    [
        (["statsu"], "batch-jobs-missing", ["'statsu'", "'status'"]),
        (["statsu", "jobs.toml"], "batch-jobs-missing", ["'statsu'", "'status'"]),
        (["jobs.toml", "--worker", "2"], "option-unknown", ["--worker", "'--workers'"]),
        (["jobs.toml", "--memory-limit", "0"], "option-value", ["--memory-limit 0"]),
        (["jobs.toml", "--store", "s", "--shard", "3/2"], "option-value", ["--shard '3/2'"]),
        (["jobs.toml", "--parquet"], "option-needs-another", ["--parquet", "--output"]),
        (["diff", "a.json", "b", "--fail-on", "verdit"], "fail-on-condition", ["'verdit'", "'verdict'"]),
        (["diff", "a.json", "b"], "results-unreadable", ["'a.json'", "No such file or directory"]),
        (["diff", "none", "none"], "batch-no-records", ["'none'"]),
        (["show", "x"], "argument-missing", ["'--store'"]),
    ],
)
def test_what_is_mistyped_is_told_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    cause: str,
    facts: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.toml").write_text(JOBS)
    Path("net.onnx").write_bytes(b"")
    assert main(["batch", *arguments]) == 2
    told = capsys.readouterr().err
    assert [fact for fact in facts if fact not in told] == []
    assert told.endswith(f" [{cause}]\n")


def test_a_file_of_the_name_of_a_command_is_meant_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("status").write_text(JOBS)
    Path("net.onnx").write_bytes(b"")
    assert main(["batch", "./status", "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith("2 jobs\n")
    assert main(["batch", "--dry-run", "--json", "./status"]) == 0
    assert [job["name"] for job in json.loads(capsys.readouterr().out)["jobs"]] == ["net.artpec8", "net.cv25"]
    assert not Path("results").exists()


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_list_of_jobs_tells_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = "memory://anna:sec'ret@host"
    Path("jobs.toml").write_text(
        f'[batch]\nmodels = ["{place}/net.onnx"]\ntargets = ["cv25"]\ncalibration = "{place}/data.npz"\n'
    )
    assert main(["batch", "jobs.toml", "--dry-run", *form]) == 0
    told = capsys.readouterr().out
    assert "memory://host/net.onnx" in told
    assert "anna" not in told
    assert "ret@" not in told


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ('models = ["{place}/*.onnx"]', "memory://host/*.onnx"),
        ('models = ["{place}/net.onnx"]', "memory://host/net.onnx"),
        ('models = ["net.onnx"]\ntargets = ["cv25"]\n[[exclude]]\ncalibration = "{place}"', "memory://host"),
    ],
    ids=["no such model", "no target", "no such calibration"],
)
def test_a_refused_file_of_jobs_tells_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lines: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(b"a model")
    Path("jobs.toml").write_text(f"[batch]\n{lines.format(place='memory://anna:secret@host')}\n")
    assert main(["batch", "jobs.toml", "--dry-run"]) != 0
    told = capsys.readouterr().err.replace("\n", " ")
    assert shown in told
    assert "anna" not in told
    assert "secret" not in told


def test_commands_options_and_conditions_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for line, words in [
        ("dlpuconv batch ", {"status", "show", "diff"}),
        ("dlpuconv batch s", {"status", "show"}),
        ("dlpuconv batch --sh", {"--shard"}),
        ("dlpuconv batch jobs.toml --mem", {"--memory-limit"}),
        ("dlpuconv batch jobs.toml --executor da", {"dask", "dask://"}),
        ("dlpuconv batch diff a b --fail-on verdict,dr", {"verdict,drop="}),
    ]:
        assert completed("bash", line, monkeypatch, capsys) == words


def test_status_tells_what_is_done_what_failed_and_why_and_what_is_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.toml").write_text(JOBS.replace('"cv25"', '"cv25", "artpec9"'))
    Path("net.onnx").write_bytes(b"not even a model")
    keys = {same[0].job.name: key for key, same in by_key(read_plan(Path("jobs.toml")).jobs).items()}
    stored(
        Path("results"),
        replace(PASSED, key=keys["net.artpec8"], name="of another batch"),
        replace(CRASHED, key=keys["net.cv25"]),
    )
    assert main(["batch", "status", "jobs.toml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"net.cv25: {CRASHED.error}",
        "to do, or being done: net.artpec9",
        "2 jobs: 1 pass, 1 crashed; 1 to do",
    ]
    assert main(["batch", "status", "jobs.toml", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["to_do"]) == (["net.artpec8"], ["net.artpec9"])
    assert told["failed"][0]["standing"] == "crashed"
    Path("net.onnx").write_bytes(b"another one")
    assert main(["batch", "status", "jobs.toml"]) == 0
    assert capsys.readouterr().out.endswith("0 jobs; 3 to do\n")


def test_show_tells_one_record_whole_by_name_or_key_and_saves_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    old = replace(PASSED, key="ab" * 32, sqnr_db=11.0)
    stored(Path("results"), old, started(PASSED, 60), FAILED)
    assert main(["batch", "show", PASSED.name, "--store", "results", "--save", "out"]) == 0
    text = capsys.readouterr().out
    assert "30.0 dB" in text  # of the youngest
    assert PASSED.key in text
    file = Path("out") / f"{PASSED.name}.tflite"
    assert file.read_bytes() == PASSED.key.encode()
    file.write_bytes(b"of the user")
    assert main(["batch", "show", PASSED.name, "--store", "results", "--save", "out"]) == 9
    assert file.read_bytes() == b"of the user"
    capsys.readouterr()
    assert main(["batch", "show", "abababab", "--store", "results", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sqnr_db"] == 11.0
    assert main(["batch", "show", "good.artpec9", "--store", "results"]) == 2
    assert "(did you mean 'good.artpec8'?) [batch-job-unknown]" in capsys.readouterr().err


def test_diff_of_stores_and_of_saved_results_has_an_exit_status_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = stored(Path("a"), record("x.artpec8", metric=0.9), PASSED)
    stored(Path("b"), replace(before[0], metric=0.2, key="12" * 32, files={}), PASSED)
    write_results(Path("saved"), before, open_store("a"), "t")
    for first in ("a", "saved/results.json", "saved"):
        assert main(["batch", "diff", first, "b"]) == 0
        capsys.readouterr()
        assert main(["batch", "diff", first, "b", "--fail-on", "verdict,drop=0.8"]) == 0
        capsys.readouterr()
        assert main(["batch", "diff", first, "b", "--fail-on", "verdict,drop=0.5", "--json"]) == 15
        shown = capsys.readouterr()
        told = json.loads(shown.out)
        assert told["violations"] == ["x.artpec8: metric went from 0.9 to 0.2, beyond drop=0.5"]
        assert told["worse"][0]["drop"] == {"before": 0.9, "after": 0.2, "loss": pytest.approx(0.7)}
        assert shown.err == f"error: {told['violations'][0]} [batch-regression]\n"


def passed_on_one_target() -> str:
    """The key of the only job of a file of jobs, whose result is in the store."""
    Path("jobs.toml").write_text(JOBS.replace(', "cv25"', ""))
    (key,) = by_key(read_plan(Path("jobs.toml")).jobs)
    stored(Path("results"), replace(PASSED, key=key, name="net.artpec8", axes={"model": "net", "target": "artpec8"}))
    return key


def test_jobs_that_are_one_are_shown_and_written_under_each_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("net.onnx", "twin.onnx"):
        Path(name).write_bytes(b"the same")
    key = passed_on_one_target()
    assert main(["batch", "show", "twin.artpec8", "--store", "jobs.toml", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["key"]) == ("twin.artpec8", key)
    assert main(["batch", "show", key[:8], "--store", "jobs.toml"]) == 0
    capsys.readouterr()
    assert main(["batch", "diff", "results", "jobs.toml", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert ([each["name"] for each in told["same"]], told["new"]) == (["net.artpec8"], ["twin.artpec8"])
    assert main(["batch", "jobs.toml", "--output", "out"]) == 0
    for name in ("net.artpec8", "twin.artpec8"):
        assert Path("out", "files", name, "net.artpec8.html").read_bytes() == PAGE
        assert f'href="./files/{name}/net.artpec8.html"' in Path("out", "index.html").read_text("utf-8")


def test_results_of_an_earlier_model_are_not_those_of_the_jobs_as_they_are_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(b"the first")
    passed_on_one_target()
    assert main(["batch", "diff", "results", "jobs.toml", "--fail-on", "verdict,missing"]) == 0
    Path("net.onnx").write_bytes(b"the second, which was never run")
    assert main(["batch", "diff", "results", "jobs.toml", "--fail-on", "verdict,missing"]) == 2
    assert "there are no results of jobs in 'jobs.toml'" in capsys.readouterr().err


def test_a_folder_of_results_is_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_results(Path("out"), stored(Path("store"), PASSED), open_store("store"), "t")
    assert main(["batch", "show", PASSED.name, "--store", "out"]) == 2
    assert "'out' holds results that --output wrote, and no store" in capsys.readouterr().err


def test_the_folder_of_results_has_the_page_every_form_and_each_jobs_files_and_report(tmp_path: Path) -> None:
    records = stored(tmp_path / "store", PASSED, FAILED, CRASHED)
    out = tmp_path / "out"
    page = write_results(out, records, open_store(tmp_path / "store"), "jobs.toml", parquet=True)
    link = f"files/{PASSED.name}/{PASSED.name}.html"
    assert f'href="./{link}"' in page.read_text("utf-8")
    assert (out / link).read_bytes() == PAGE
    assert {path.name for path in out.iterdir()} == {
        "index.html", "results.json", "results.csv", "results.parquet", "junit.xml", "files",
    }  # fmt: skip
    assert {path.name for path in (out / "files").iterdir()} == {PASSED.name, FAILED.name}
    write_results(out, records[:1], open_store(tmp_path / "store"), "again")
    assert "<title>pass: again</title>" in page.read_text("utf-8")


def test_the_page_comes_after_what_it_leads_to_and_the_folder_may_be_completed(tmp_path: Path) -> None:
    records = stored(tmp_path / "store", PASSED, FAILED)
    out, lost = tmp_path / "out", tmp_path / "store" / "files" / records[1].files[f"{FAILED.name}.tflite"].sha256
    content = lost.read_bytes()
    lost.unlink()
    with raises_error("store-damaged"):
        write_results(out, records, open_store(tmp_path / "store"), "t")
    assert not (out / "index.html").exists()
    lost.write_bytes(content)
    assert write_results(out, records, open_store(tmp_path / "store"), "t").exists()


def test_results_are_never_written_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for page in (None, "<h1>Mine</h1>"):
        if page:
            (tmp_path / "index.html").write_text(page)
        with raises_error("output-folder-foreign", str(tmp_path)):
            write_results(tmp_path, [PASSED], open_store(tmp_path / "store"), "t")
    assert (tmp_path / "index.html").read_text() == "<h1>Mine</h1>"


@pytest.mark.parametrize("name", ["../up", "/abs", "a/b", "..", "", "a\\b"])
def test_a_record_whose_name_leads_elsewhere_makes_no_folder(tmp_path: Path, name: str) -> None:
    with raises_error("store-damaged", repr(name)):
        write_results(tmp_path / "out", [replace(PASSED, name=name)], open_store(tmp_path / "store"), "t")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "JSON object"),
        (b"{}", "format"),
        (b'{"format": 2, "records": []}', "format up to 1"),
        (b'{"format": 1, "records": [{"key": 3}]}', "records[0].key"),
        (b'{"format": 1, "records": [{"key": "ab", "format": 1}]}', "records[0] is damaged: name"),
    ],
)
def test_saved_results_that_are_none_are_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, fact: str
) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    assert main(["batch", "diff", str(file), str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("[results-unreadable]")
    assert fact in line


def test_a_key_needs_six_characters_and_one_job() -> None:
    twice: list[Any] = [replace(PASSED, key="abcdef" + "0" * 58), replace(FAILED, key="abcdef" + "1" * 58)]
    assert named(twice, "abcdef1").name == FAILED.name
    with raises_error("batch-job-ambiguous", "2 jobs", "'abcdef'"):
        named(twice, "abcdef")
    with raises_error("batch-job-unknown", "'abcde'"):
        named(twice, "abcde")


def test_no_credential_of_the_store_is_printed_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.toml").write_text(JOBS.replace('"results"', '"memory://user:hunter2@there/batch?token=hunter3"'))
    Path("net.onnx").write_bytes(b"")
    for arguments in (
        ["status", "jobs.toml"],
        ["diff", "jobs.toml", "jobs.toml"],
        ["show", "x", "--store", "jobs.toml"],
    ):
        main(["batch", *arguments])
        main(["batch", *arguments, "--json"])
    shown = capsys.readouterr()
    assert "to do" in shown.out
    leaky = replace(
        CRASHED, error="no s3://user:hunter2@bucket/x?token=hunter3", model="s3://user:hunter2@bucket/m.onnx"
    )
    stored(Path("results"), leaky)
    (put,) = open_store("results").records().values()
    write_results(Path("out"), [put], open_store("results"), "t", parquet=True)
    written = b"".join(path.read_bytes() for path in Path("out").iterdir())
    assert b"bucket" in written
    assert "hunter" not in f"{shown.out}{shown.err}"
    assert b"hunter" not in written
