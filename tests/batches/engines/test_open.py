"""`--executor`: each word becomes an engine, and a mistyped one a sentence."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dlpuconv.batches.engines import open_engine
from dlpuconv.batches.engines.local import processors
from dlpuconv.errors import BackendError, DlpuconvError, UsageError
from tests.error_ids import raises_error

CODE = """
import sys
from concurrent.futures import Executor, ThreadPoolExecutor

class Bare(Executor):
    pass

def four(): return ThreadPoolExecutor(4)
def odd():
    made = ThreadPoolExecutor(4)
    made._max_workers = "as many as there are"
    return made
def talks():
    print("connected")
    return ThreadPoolExecutor(4)
def text(): return "x"
def kind(): return ThreadPoolExecutor
def bare(): return Bare()
def needs(queue): return ThreadPoolExecutor(4)
def fails(): raise OSError("no cluster")
def leaves(): sys.exit("no cluster")
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "batch_factories.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "batch_factories", raising=False)


def test_this_machine_runs_one_thread_in_a_job_for_each_processor() -> None:
    with open_engine() as engine:
        assert (engine.slots, engine.threads, engine.distant) == (processors(), 1, False)
    with open_engine("own", 1) as engine:
        assert (engine.slots, engine.threads, engine.name) == (1, processors(), "1 process of this machine")


def test_a_function_of_the_users_own_makes_one_and_it_is_closed() -> None:
    with open_engine("batch_factories:four") as engine:
        assert (engine.slots, engine.limit, engine.distant) == (4, None, True)
        executor = engine.executor
    with pytest.raises(RuntimeError, match="shutdown"):
        executor.submit(print)


def test_workers_limit_the_jobs_that_an_executor_is_given_at_a_time() -> None:
    with open_engine("batch_factories:four", 2) as engine:
        assert (engine.slots, engine.limit) == (2, 2)


def test_an_executor_that_is_given_stays_open() -> None:
    with ThreadPoolExecutor(3) as given:
        with open_engine(given) as engine:
            assert (engine.executor, engine.slots) == (given, 3)
        assert given.submit(int, "3").result() == 3


@pytest.mark.parametrize(
    ("word", "kind", "said"),
    [
        ("dsk", UsageError, "(did you mean 'dask'?)"),
        ("batch_factories:for", UsageError, "did you mean 'four'"),
        ("batch_factories:text", UsageError, "returned a str, where a concurrent.futures.Executor is needed"),
        ("batch_factories:kind", UsageError, "returned the class ThreadPoolExecutor, where an object of one is needed"),
        ("batch_factories:bare", UsageError, "returned a Bare, which has no method submit of its own"),
        ("batch_factories:needs", BackendError, "missing 1 required positional argument: 'queue'"),
        ("batch_factories:fails", BackendError, ":fails failed (batch_factories.py:20): OSError: no cluster"),
        ("batch_factories:leaves", BackendError, ":leaves failed (batch_factories.py:21): SystemExit: no cluster"),
        ("no_such_module_here:four", UsageError, "there is no module"),
        ("slurm://host", UsageError, "is not one of"),
        ("dask://", UsageError, "dask://host:8786"),
        ("dask://scheduler", UsageError, "dask://scheduler:8786"),
    ],
)
def test_what_is_none_is_told(word: str, kind: type[DlpuconvError], said: str) -> None:
    with pytest.raises(kind) as refused, open_engine(word):
        pass
    assert said in str(refused.value)


def test_a_function_that_prints_writes_nothing_among_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    with open_engine("batch_factories:talks"):
        pass
    assert capsys.readouterr() == ("", "connected\n")


def test_an_executor_that_does_not_tell_its_workers_is_taken_to_have_one_for_each_processor() -> None:
    with open_engine("batch_factories:odd") as engine:
        assert engine.slots == processors()


def test_no_workers_are_refused() -> None:
    with raises_error("option-value", "--workers"):
        open_engine("own", 0)
