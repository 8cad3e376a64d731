#!/usr/bin/env python3
"""Kills a batch at random moments, wherever it runs, and looks at what is in its store in the end.

    scripts/batch_kills.py                  30 kills of a batch of eight jobs
    scripts/batch_kills.py --kills 6 --seed 7

In turns the batch runs on processes of this machine and on a Dask cluster. A kill (SIGKILL) hits the batch's own
process, one that converts, a Dask worker or the Dask scheduler; the batch is started again where it ended. In the end
its records must be those of an undisturbed run, but for circumstances; none that was there may have changed, and no run
may have begun a job that had one. Where a batch is done before all kills are, the next one begins with an empty store.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))

from dlpuconv.batches.record import Circumstances, JobRecord  # noqa: E402 - found by the lines above
from dlpuconv.batches.store import open_store  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODELS = REPOSITORY / "tests" / "models"
JOBS = f"""
[batch]
models = "{MODELS}/cifar_mobilenetv2/model.onnx"
targets = ["artpec8", "cv25"]
calibration = "{MODELS}/_data/cifar10/calibration"
effort = "fast"

[matrix]
preset = ["imagenet", "0-1"]
resize = ["stretch", "letterbox"]
"""
BATCH = """
import sys
import dlpuconv
if __name__ == "__main__":
    jobs, store, executor = sys.argv[1:]
    try:
        dlpuconv.batch(jobs, store=store, executor=executor)
    except dlpuconv.DlpuconvError as error:
        sys.exit(f"ended: {error}")
"""
VICTIMS = ("conversion", "batch", "worker", "conversion", "scheduler", "batch")
"""Never three conversions in a row: a job is given up after the third process that it loses."""
PATIENCE_S = 1800.0
BETWEEN = 4
"""Kills in the time of an undisturbed run: some jobs end between two."""
ANY = Circumstances(host="", started=0.0, seconds=0.0)


@dataclass(slots=True)
class Life:
    """A batch from its start to its end, with the cluster that it runs on.

    Attributes:
        folder: with the jobs and the store.
        clustered: it runs on Dask.
        batch: its own process.
        cluster: the scheduler's process, then the workers'.
    """

    folder: Path
    clustered: bool
    batch: subprocess.Popen[str] = field(init=False)
    cluster: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, stack: ExitStack) -> None:
        """Begin."""
        executor = f"dask://{self._cluster(stack)}" if self.clustered else "own"
        arguments = (str(self.folder / "jobs.toml"), str(self.folder / "store"), executor)
        self.batch = self._run("-c", BATCH, *arguments, stack=stack)

    def _cluster(self, stack: ExitStack) -> str:
        """The address of a scheduler with two workers."""
        here = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        scheduler = self._run("-m", "distributed.cli.dask_scheduler", *here, stack=stack)
        address = _line(scheduler, r"Scheduler at:\s*tcp://(\S+)")
        own = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder / "dask"))
        workers = [self._run("-m", "distributed.cli.dask_worker", address, *own, stack=stack) for _ in range(2)]
        for worker in workers:
            _line(worker, r"(Registered) to:")
        self.cluster = [scheduler, *workers]
        return address

    def kill(self, victim: str, choose: random.Random) -> bool:
        """Kill a process of this kind; False where there is none now."""
        found = {"batch": [self.batch], "scheduler": self.cluster[:1], "worker": self.cluster[1:]}.get(victim)
        pids = (
            [process.pid for process in found if process.poll() is None] if found is not None else self._conversions()
        )
        if not pids or (victim == "worker" and len(pids) < 2):  # with none left, nothing goes on
            return False
        with suppress(ProcessLookupError):
            os.kill(choose.choice(pids), signal.SIGKILL)
        return True

    def _conversions(self) -> list[int]:
        found = []
        for process in (self.batch, *self.cluster):
            with suppress(psutil.Error):
                found += psutil.Process(process.pid).children(recursive=True)
        return [process.pid for process in found if "conversion_worker.py" in _command(process)]

    def _run(self, *command: str, stack: ExitStack) -> subprocess.Popen[str]:
        log = stack.enter_context((self.folder / f"{time.monotonic_ns()}.log").open("w+"))
        process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, text=True, cwd=self.folder)
        process.log = log  # type: ignore[attr-defined]
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _text(process: subprocess.Popen[str]) -> str:
    return Path(process.log.name).read_text("utf-8", "replace")  # type: ignore[attr-defined]


def _line(process: subprocess.Popen[str], pattern: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := re.search(pattern, _text(process)):
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(f"no line with {pattern}")


def records(folder: Path) -> Mapping[str, JobRecord]:
    """What is in the store."""
    return open_store(folder / "store").records()


@dataclass(slots=True)
class Kills:
    """Those that are to happen, at random moments.

    Attributes:
        wanted: how many.
        between: seconds from one to the next, on average.
        choose: of moments and victims.
        done: the kind of process that each of those so far hit.
        starts: of batches, which take turns on this machine and on a cluster.
    """

    wanted: int
    between: float
    choose: random.Random
    done: list[str] = field(default_factory=list)
    starts: int = 0

    @property
    def left(self) -> int:
        """How many there are to come."""
        return self.wanted - len(self.done)

    def wait_and_kill(self, life: Life) -> None:
        """Until the next kill, or the end of the batch."""
        with suppress(subprocess.TimeoutExpired):
            life.batch.wait(self.choose.uniform(0, 2 * self.between) if self.left else PATIENCE_S)
        if self.left and life.batch.poll() is None:
            victim = _victim(len(self.done), life)
            self.done += [victim] * life.kill(victim, self.choose)


def finished(folder: Path, kills: Kills) -> Iterator[str]:
    """Run a batch, and again until it is done, while kills are left; whatever is wrong, in sentences.

    Args:
        folder: new, for the jobs and the store.
        kills: of its processes.
    """
    folder.mkdir()
    (folder / "jobs.toml").write_text(JOBS)
    while True:
        before = records(folder)
        life = Life(folder, clustered=kills.starts % 2 == 1)
        kills.starts += 1
        with ExitStack() as stack:
            life.start(stack)
            while life.batch.poll() is None:
                kills.wait_and_kill(life)
            told = re.search(r"(\d+) jobs, (\d+) of them to run", _text(life.batch))
            if told and int(told[2]) != int(told[1]) - len(before):
                yield f"a run began {told[2]} of {told[1]} jobs, where {len(before)} had their records"
            status, last = life.batch.returncode, _text(life.batch).strip().splitlines()[-1:]
        after = records(folder)
        yield from (f"{before[key].name} has another record" for key in before if after.get(key) != before[key])
        where = "cluster" if life.clustered else "machine"
        print(f"{where}: status {status}, {len(after)} records, {len(kills.done)} kills; {last}", flush=True)
        if status == 0:
            return


def left_over(folder: Path) -> list[str]:
    """What was being written when its process died, and is there still."""
    return [f"{path} was left" for path in (folder / "store").glob("unfinished/*")]


def _victim(hit: int, life: Life) -> str:
    """What is killed next; without a cluster there is no part of one."""
    victim = VICTIMS[hit % len(VICTIMS)]
    return victim if life.cluster or victim in ("batch", "conversion") else "batch"


def main() -> int:
    """Run, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    kills = Kills(wanted=given.kills, between=0.0, choose=random.Random(given.seed))
    with tempfile.TemporaryDirectory() as root:
        start = time.monotonic()
        undisturbed = Path(root, "undisturbed")
        wrong = [*finished(undisturbed, Kills(wanted=0, between=0.0, choose=kills.choose))]
        kills.between = (time.monotonic() - start) / BETWEEN
        batches = 0
        while kills.left:
            batches += 1
            folder = Path(root, f"disturbed-{batches}")
            wrong += [*finished(folder, kills), *left_over(folder)]
            if _but_for_circumstances(folder) != _but_for_circumstances(undisturbed):
                wrong.append("the records differ from those of the undisturbed run")
    print(json.dumps({"kills": Counter(kills.done), "batches": batches, "wrong": wrong}, indent=2))
    return 1 if wrong else 0


def _but_for_circumstances(folder: Path) -> dict[str, JobRecord]:
    return {key: replace(record, circumstances=ANY) for key, record in records(folder).items()}


if __name__ == "__main__":
    sys.exit(main())
