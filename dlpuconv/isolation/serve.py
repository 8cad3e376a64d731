"""The worker's side: answers questions with what a module's `TASKS` say. Started as a script, not to be imported.

    serve.py DESCRIPTOR TASKS FOLDER PROJECT

DESCRIPTOR is the number of a connected socket; TASKS the file of a module; FOLDER is removed when the parent has gone
("": none); PROJECT is a folder that modules may also be imported from ("": none).

The module has `TASKS`: functions by name, each of which takes what a `Message` holds, facts and arrays, and answers
with either, (facts, arrays). Where it also has `prepare`, that is called once, before the first question.

The interpreter may be another one than dlpuconv's, so this imports only the standard library and NumPy.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

type Facts = Mapping[str, Any]
type Arrays = Mapping[str, Any]
type Task = Callable[[Facts, Arrays], tuple[Facts, Arrays]]

_LARGEST_QUESTION = 1 << 40  # they are our own
_LACKS_A_LIBRARY = 69  # exit status; the last line of the log is its name
_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "Failed to allocate memory", "MemoryError")


def load_module(name: str, path: Path) -> ModuleType:
    """A module from its file, whatever the paths say."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main(descriptor: str, tasks: str, folder: str, project: str) -> None:
    """Answer until nobody asks."""
    sock = socket.socket(fileno=int(descriptor))
    watch = threading.Thread(target=_end_with, args=(sock, folder), daemon=True)
    watch.start()
    if project:
        sys.path.append(project)  # behind everything else: it hides nothing
    _leave_no_core()
    try:
        messages = load_module("dlpuconv_messages", Path(__file__).with_name("messages.py"))
        module = load_module("dlpuconv_tasks", Path(tasks))
        getattr(module, "prepare", lambda: None)()
    except ImportError as error:
        sys.stderr.write(f"{error}\n{error.name or error}\n")
        sys.stderr.flush()
        os._exit(_LACKS_A_LIBRARY)
    inbox, outbox = messages.Inbox(), messages.Outbox()
    while (asked := messages.receive(sock, _LARGEST_QUESTION, trusting=True, inbox=inbox)) is not None:
        facts, arrays = _answered(module.TASKS[asked.facts["task"]], asked.facts, asked.arrays)
        messages.send(sock, messages.Message(facts=facts, arrays=arrays), outbox if asked.facts["lent"] else None)
        del asked, arrays  # mapped memory
    watch.join()  # it has the folder to take away


def _answered(task: Task, facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    brought = sum(value.nbytes for value in arrays.values())
    try:
        with _limited(facts["memory"] + brought, facts["seconds"]):
            return task(facts, arrays)
    except ImportError as error:
        return {"missing": error.name or str(error), "problem": str(error)}, {}
    except (Exception, MemoryError) as error:  # noqa: BLE001 - whatever a library raises is the answer
        import traceback

        traceback.print_exc()
        text = f"{type(error).__name__}: {error}"
        return {"problem": text, "excess": any(sign in text for sign in _OUT_OF_MEMORY)}, {}


def _end_with(sock: socket.socket, folder: str) -> None:
    """When the parent is gone, take the worker's folder and this process away."""
    poll = select.poll()
    poll.register(sock, 0)  # only that the other side has closed
    poll.poll()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            Path(folder).parent.rmdir()  # the parent's own, unless it holds more
    os.killpg(0, signal.SIGKILL)  # this process leads its group: what it has started goes too


def _leave_no_core() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def _limited(memory: int, seconds: float) -> Iterator[None]:
    """Let this process take so many bytes and seconds more; where the system cannot count them, nothing happens."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        used = resource.getrusage(resource.RUSAGE_SELF)
    except (ImportError, OSError, ValueError):
        yield
        return
    time = int(used.ru_utime + used.ru_stime + seconds * (os.cpu_count() or 1)) + 1
    limits = {resource.RLIMIT_AS: taken + memory, resource.RLIMIT_CPU: time}
    before = {kind: resource.getrlimit(kind) for kind in limits}
    for kind, most in limits.items():
        soft, hard = before[kind]
        known = [limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(kind, (min(known), hard))
    try:
        yield
    finally:
        for kind, pair in before.items():
            resource.setrlimit(kind, pair)


if __name__ == "__main__":
    main(*sys.argv[1:])
