"""Readers that do each of the things that no reader may, and what the fuzzer makes of them, as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, override

from dlpuconv.errors import ModelError, PluginError
from scripts.fuzzing import child
from scripts.fuzzing.campaign import outcomes
from scripts.fuzzing.child import make_case
from scripts.fuzzing.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files


def _refuse() -> int:
    raise ModelError("the model is damaged")


def _forget() -> int:
    raise LookupError("nobody thought of it")


def _blame() -> int:
    raise PluginError("the backend failed") from KeyError("x")


def _miss() -> int:
    raise FileNotFoundError(2, "No such file", "x")


def _die() -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def _spin() -> int:
    return sum(iter(int, 1))  # of zeros without end


def _hoard() -> int:
    return len(b"x" * (200 << 20)) * 0


DEEDS: tuple[Any, ...] = (lambda: 0, _refuse, _forget, _die, _blame, _spin, _miss, _hoard, lambda: 3, lambda: 1)


class Unruly(Reader):
    """Case N does deed N."""

    name = "unruly"
    share = 1

    @override
    def make(self, rng: Random) -> Files:
        return {"sub/m.bin": rng.randbytes(4)}

    @override
    def prepare(self) -> None:
        self._deeds = {make_case(self, 1, number)["sub/m.bin"]: deed for number, deed in enumerate(DEEDS)}

    @override
    def read(self, folder: Path) -> int:
        (path,) = folder.rglob("*.bin")
        return int(self._deeds[path.read_bytes()]())


def main() -> None:
    """Print the outcome of each deed."""
    child.SECONDS, child.MEMORY = 1, 64 << 20
    reader = Unruly()
    reader.prepare()
    json.dump([asdict(outcome) for outcome in outcomes(reader, 1, range(len(DEEDS)))], sys.stdout)


if __name__ == "__main__":
    main()
