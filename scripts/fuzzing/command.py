"""The command line of the fuzzer."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.fuzzing.campaign import BATCH, outcomes
from scripts.fuzzing.child import make_case, place
from scripts.fuzzing.log import Log, Run, to_json
from scripts.fuzzing.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.fuzzing.outcome import Outcome
    from scripts.fuzzing.reader import Reader


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, print; 1 where there are findings."""
    options = _parser().parse_args(arguments)
    chosen = [READERS[name]() for name in options.reader or READERS]
    if options.only is not None:
        if len(chosen) != 1:
            _parser().error("--only takes one --reader")
        return _one(chosen[0], options)
    shares = _shared(chosen, options.count)
    with tempfile.TemporaryDirectory(prefix="dlpuconv-fuzz-") as temporary:
        path = options.log or Path(temporary, "log.json")
        log = Log(path)
        if options.jobs > 1 and len(chosen) > 1:
            _in_processes(shares, path, options)
        else:
            for reader, count in shares:
                _run(reader, log.run(reader.name, options.seed, count), log, options.keep)
        runs = [log.run(reader.name, options.seed, count) for reader, count in shares]
    if options.json:
        print(json.dumps(to_json(runs), indent=2))
    else:
        _print(runs)
    complete = all(run.done == run.count for run in runs)
    return int(not complete or any(run.findings for run in runs))


def _shared(readers: list[Reader], count: int) -> list[tuple[Reader, int]]:
    """How many cases each reader gets."""
    whole = sum(reader.share for reader in readers)
    return [(reader, round(count * reader.share / whole)) for reader in readers]


def _in_processes(shares: list[tuple[Reader, int]], log: Path, options: argparse.Namespace) -> None:
    """Each reader in a process of its own, so many at a time."""
    script = Path(__file__).resolve().parents[1] / "fuzz"
    common = ["--seed", str(options.seed), "--log", str(log), *(["--keep", str(options.keep)] if options.keep else [])]

    def run(reader: Reader, count: int) -> None:
        command = [sys.executable, str(script), "--reader", reader.name, "--count", str(count), *common]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)

    with ThreadPoolExecutor(options.jobs) as pool:
        for each in [pool.submit(run, *share) for share in shares]:
            each.result()


def _run(reader: Reader, run: Run, log: Log, keep: Path | None) -> None:
    """Go on with a run to its end."""
    if run.done >= run.count:
        return
    reader.prepare()
    start, earlier, before = _seconds(), run.seconds, run.done
    begun = shown = time.monotonic()
    for outcome in outcomes(reader, run.seed, range(run.done, run.count)):
        began = run.add(outcome)
        if began is not None:
            _tell_finding(reader, outcome)
            if keep:
                _keep(reader, run.seed, outcome.number, keep)
        if run.done % BATCH == 0:
            run.seconds = round(earlier + _seconds() - start, 1)
            log.save(run)
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            rate = (run.done - before) / (shown - begun)
            print(f"{reader.name}: {run.done} of {run.count}, {rate:.0f} cases/s", file=sys.stderr)
    run.seconds = round(earlier + _seconds() - start, 1)
    log.save(run)


def _one(reader: Reader, options: argparse.Namespace) -> int:
    """Read a single case again."""
    reader.prepare()
    (outcome,) = outcomes(reader, options.seed, range(options.only, options.only + 1))
    kept = _keep(reader, options.seed, options.only, options.keep or Path(tempfile.mkdtemp(prefix="dlpuconv-fuzz-")))
    print(f"{kept}: {outcome.kind} {outcome.error} {outcome.where}")
    print(outcome.message.rstrip())
    return 0


def _keep(reader: Reader, seed: int, number: int, folder: Path) -> Path:
    """Write a case to where it stays."""
    kept = folder / f"{reader.name}-{seed}-{number}"
    place(make_case(reader, seed, number), kept)
    return kept


def _tell_finding(reader: Reader, outcome: Outcome) -> None:
    print(f"{reader.name} {outcome.number}: {outcome.kind} {outcome.error} at {outcome.where}", file=sys.stderr)


def _seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _print(runs: list[Run]) -> None:
    for run in runs:
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(run.outcomes.items()))
        print(f"{run.reader:10} seed {run.seed}: {run.done} cases in {run.seconds:.0f} s: {counts}")
        for found in run.findings:
            print(f"    {found.kind} {found.error} at {found.where}: {found.count} cases,"
                  f" the smallest --reader {run.reader} --seed {run.seed} --only {found.smallest}")  # fmt: skip
            print(f"        {' '.join(found.message.split())[-200:]}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Give every reader of dlpuconv damaged inputs, and tell of those that end in anything but a result"
        " or one clear sentence. A case is determined by reader, seed and number.",
    )
    parser.add_argument("--reader", action="append", choices=list(READERS), help="of what; every one by default")
    parser.add_argument("--seed", type=int, default=1, help="of the cases (default: 1)")
    parser.add_argument("--count", type=int, default=1000, help="cases, shared among the readers (default: 1000)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one case again; its files are kept")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the first case of each finding is kept")
    parser.add_argument("--log", type=Path, metavar="FILE", help="what was done; an interrupted run goes on from it")
    parser.add_argument("--jobs", type=int, default=1, help="readers that are tried at the same time (default: 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
