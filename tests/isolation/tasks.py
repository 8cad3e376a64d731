"""What the workers of these tests do; `serve.py` loads it from its file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.isolation.serve import Arrays, Facts, Task

    type Answer = tuple[Facts, Arrays]


def echo(facts: Facts, arrays: Arrays) -> Answer:
    return facts, arrays


def pid(_facts: Facts, _arrays: Arrays) -> Answer:
    return {"pid": os.getpid()}, {}


def places(_facts: Facts, _arrays: Arrays) -> Answer:
    return {"cwd": os.getcwd(), "home": os.environ["HOME"], "tmp": tempfile.gettempdir()}, {}  # noqa: PTH109


def say(facts: Facts, _arrays: Arrays) -> Answer:
    sys.stderr.write(facts["text"] + "\n")
    sys.stderr.flush()
    return {}, {}


def fail(facts: Facts, _arrays: Arrays) -> Answer:
    raise RuntimeError(facts["text"])


def lack(_facts: Facts, _arrays: Arrays) -> Answer:
    import no_such_library  # type: ignore[import-not-found] # noqa: F401

    return {}, {}


def die(facts: Facts, arrays: Arrays) -> Answer:
    say({"text": facts.get("said", "")}, arrays)
    if facts["signal"]:
        os.kill(os.getpid(), signal.Signals[facts["signal"]])
    os._exit(facts["status"])


def fill(facts: Facts, _arrays: Arrays) -> Answer:
    return {"length": len(bytearray(facts["size"]))}, {}


def spin(_facts: Facts, _arrays: Arrays) -> Answer:
    while True:
        pass


def wait(_facts: Facts, _arrays: Arrays) -> Answer:
    threading.Event().wait()
    return {}, {}


def hold(facts: Facts, arrays: Arrays) -> Answer:
    """Keep a FIFO open as long as this process lives."""
    _held.append(open(facts["fifo"], "wb"))  # noqa: PTH123, SIM115
    return wait(facts, arrays) if facts["busy"] else ({}, {})


def spawn(facts: Facts, _arrays: Arrays) -> Answer:
    """Start a process that waits for what a FIFO brings, and keeps it open."""
    fifo = os.open(facts["fifo"], os.O_RDWR)
    subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=fifo)
    os.close(fifo)
    return {}, {}


def babble(facts: Facts, arrays: Arrays) -> Answer:
    """Write bytes where an answer is expected."""
    os.write(int(sys.argv[1]), arrays["bytes"].tobytes())
    return wait(facts, arrays)


def hang_up(facts: Facts, arrays: Arrays) -> Answer:
    socket.socket(fileno=os.dup(int(sys.argv[1]))).shutdown(socket.SHUT_WR)
    return wait(facts, arrays)


_held: list[Any] = []

TASKS: Mapping[str, Task] = {
    function.__name__: function
    for function in (echo, pid, places, say, fail, lack, die, fill, spin, wait, hold, spawn, babble, hang_up)
}
