"""The parent's side of the lowering worker: starts it early, asks it, reads its files, and ends it in every case."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dlpuconv.errors import BackendError, MissingDependencyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

WORKER = Path(__file__).with_name("worker.py")
INTERPRETER_VARIABLE = "DLPUCONV_LOWERING_PYTHON"
TIME_LIMIT_VARIABLE = "DLPUCONV_LOWERING_TIMEOUT"
_TIME_LIMIT_S = 300.0
_MAGIC = b"TFL3"  # file identifier of the TFLite schema, at offset 4
_LOG_TAIL = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLowering:
    """What the worker made, not yet trusted further than its file identifier.

    Attributes:
        content: a float TFLite file, every value in ONNX's own layout.
        inputs: tensor names, in the source model's order.
        outputs: tensor names, in the source model's order.
        values: ONNX value by tensor name.
        moved: ONNX value by the name of a tensor that holds it with its axes in another order.
        nodes: ONNX node by the name of a tensor that the node's operators make.
    """

    content: bytes = field(repr=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    values: Mapping[str, str]
    moved: Mapping[str, str]
    nodes: Mapping[str, str]


class LoweringWorker:
    """A process that runs onnx2tf; owned by one conversion, used from one thread.

    `start` returns at once: the worker imports its libraries while the caller does other work. Leaving the context
    kills the worker with everything that it started, and removes its temporary folder.
    """

    def __init__(self, process: subprocess.Popen[bytes], home: Path, answers: int, timeout_s: float) -> None:
        self._process = process
        self._home = home
        self._answers = answers
        self._timeout_s = timeout_s
        self._pending = b""
        self._jobs = 0

    @classmethod
    def start(cls, timeout_s: float | None = None) -> LoweringWorker:
        """Start a worker under this interpreter, or under the one that DLPUCONV_LOWERING_PYTHON names.

        Args:
            timeout_s: how long one `lower` may take, including what is left of the start; DLPUCONV_LOWERING_TIMEOUT
                if None, and 300 s without that.

        Raises:
            BackendError: the interpreter cannot be started.
            UsageError: DLPUCONV_LOWERING_TIMEOUT is not a number of seconds.
        """
        if timeout_s is None:
            timeout_s = _time_limit_s()
        interpreter = os.environ.get(INTERPRETER_VARIABLE) or sys.executable
        home = Path(tempfile.mkdtemp(prefix="dlpuconv-lowering-"))
        reader, writer = os.pipe()
        try:
            with (home / "stdout").open("wb") as stdout, (home / "stderr").open("wb") as stderr:
                process = subprocess.Popen(
                    [interpreter, "-P", "-u", str(WORKER), str(writer), str(home)],
                    stdin=subprocess.PIPE,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=home,
                    env=_environment(home),
                    pass_fds=(writer,),
                    start_new_session=True,  # a group of its own: killed as a whole, and spared by Ctrl-C
                )
        except OSError as error:
            os.close(reader)
            shutil.rmtree(home, ignore_errors=True)
            raise BackendError(
                f"the lowering worker needs a Python interpreter, but {interpreter!r} cannot be started:"
                f" {error.strerror} ({INTERPRETER_VARIABLE} names another one)"
            ) from error
        finally:
            os.close(writer)
        return cls(process, home, reader, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def lower(self, model: bytes, workspace: Path) -> RawLowering:
        """Lower a model whose shapes are all static.

        Args:
            model: serialized ONNX, weights inside.
            workspace: a folder of the caller's, where files are exchanged.

        Raises:
            BackendError: the worker failed, crashed, took too long or left a file that is not TFLite.
            MissingDependencyError: its interpreter has no onnx2tf.
        """
        self._jobs += 1
        files = {k: workspace / f"lowering-{self._jobs}.{k}" for k in ("onnx", "tflite", "json")}
        files["onnx"].write_bytes(model)
        request = {"source": str(files["onnx"]), "destination": str(files["tflite"]), "names": str(files["json"])}
        try:
            answer = self._ask(request)
            if missing := answer.get("missing"):
                library = "onnx2tf" if str(missing).startswith("onnx2tf") else str(missing)
                raise MissingDependencyError(library, "tflite", "lowering to TFLite")
            if "error" in answer:
                raise BackendError(f"onnx2tf cannot lower the model: {_one_line(str(answer['error']))}")
            return self._read(files["tflite"], files["json"])
        finally:
            for file in files.values():
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Kill the worker with its process group and remove its folder; may be called twice."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        self._process.wait()
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1
        shutil.rmtree(self._home, ignore_errors=True)

    def _ask(self, request: Mapping[str, str]) -> dict[str, Any]:
        if self._answers < 0:
            raise BackendError("the lowering worker is closed")
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it died or could not start: its last answer or its log says why
        line = self._next_line(time.monotonic() + self._timeout_s)
        try:
            answer = json.loads(line)
        except ValueError:
            raise self._failure(f"answered {line[:60]!r}, which is not JSON") from None
        if not isinstance(answer, dict):
            raise self._failure(f"answered {line[:60]!r}, which is no object")
        return answer

    def _next_line(self, deadline: float) -> bytes:
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                failure = self._failure(
                    f"did not finish within {self._timeout_s:g} s ({TIME_LIMIT_VARIABLE} sets another limit)"
                )
                self.close()
                raise failure
            chunk = os.read(self._answers, 1 << 16)
            if not chunk:
                raise self._failure(_ending(self._process.wait()))
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _read(self, content_file: Path, names_file: Path) -> RawLowering:
        try:
            content = content_file.read_bytes()
            names = json.loads(names_file.read_text())
            if content[4:8] != _MAGIC:
                raise self._failure("left a file that is not TFLite")
            return RawLowering(
                content=content,
                inputs=tuple(names["inputs"]),
                outputs=tuple(names["outputs"]),
                values=dict(names["values"]),
                moved=dict(names["moved"]),
                nodes=dict(names["nodes"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._failure(f"left no usable result ({type(error).__name__}: {error})") from error

    def _failure(self, what: str) -> BackendError:
        last = self._last_telling_line()
        return BackendError(f"the lowering worker {what}" + (f"; its log ends: {last}" if last else ""))

    def _last_telling_line(self) -> str:
        """The last line of stderr (or else stdout) that is more than punctuation or a traceback's source line."""
        for name in ("stderr", "stdout"):
            try:
                text = (self._home / name).read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace")
            except OSError:
                continue
            lines = [line.strip() for line in text.splitlines() if any(c.isalnum() for c in line)]
            telling = [line for line in lines if "rror" in line] or lines
            if telling:
                return _one_line(telling[-1])
        return ""


def _time_limit_s() -> float:
    text = os.environ.get(TIME_LIMIT_VARIABLE) or str(_TIME_LIMIT_S)
    with suppress(ValueError):
        if (seconds := float(text)) > 0:
            return seconds
    raise UsageError(f"{TIME_LIMIT_VARIABLE} is {text!r}; it must be a number of seconds above 0")


def _environment(home: Path) -> dict[str, str]:
    """The parent's environment with every folder that libraries write to inside `home`, and one compute thread."""
    folders = ("HOME", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR")
    fixed = {
        **dict.fromkeys(folders, str(home)),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUSERBASE": site.getuserbase(),  # a library that is installed for this user stays so with another HOME
    }
    return {**os.environ, **fixed}


def _ending(status: int) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status} before it answered"


def _one_line(text: str, limit: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
