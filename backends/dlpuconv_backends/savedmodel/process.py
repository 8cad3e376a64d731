"""The parent's side of the TensorFlow process: TensorFlow is large, slow to import, and prints what it likes."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dlpuconv.errors import BackendError, MissingDependencyError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_WORKER = "dlpuconv_backends.savedmodel.worker"
_TIMEOUT_S = 900.0
_LOG_TAIL = 16 * 1024
_REASON = 400


class TensorFlowProcess:
    """A process that has imported TensorFlow; owned by one conversion, used from one thread.

    `start` returns at once. Leaving the context kills the process and removes its temporary folder.
    """

    def __init__(self, process: subprocess.Popen[bytes], home: Path, answers: int) -> None:
        self._process = process
        self._home = home
        self._answers = answers
        self._pending = b""

    @classmethod
    def start(cls) -> TensorFlowProcess:
        """Start the process under this interpreter."""
        home = Path(tempfile.mkdtemp(prefix="dlpuconv-tensorflow-"))
        reader, writer = os.pipe()
        try:
            with (home / "log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", _WORKER, str(writer)],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=home,
                    env=_environment(home),
                    pass_fds=(writer,),
                    start_new_session=True,  # killed as a whole, and spared by Ctrl-C
                )
        finally:
            os.close(writer)
        return cls(process, home, reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Let the process do one thing; see `worker`.

        Raises:
            MissingDependencyError: TensorFlow is not installed.
            UnsupportedModelError: operators of the graph have no TensorFlow form here.
            BackendError: TensorFlow failed, crashed or took too long.
        """
        with suppress(OSError):  # it died: its last answer or its log says why
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line(time.monotonic() + _TIMEOUT_S))
        if missing := answer.get("missing"):
            raise MissingDependencyError(missing, "tensorflow", "the tensorflow backend")
        if unsupported := answer.get("unsupported"):
            raise UnsupportedModelError(
                f"the tensorflow backend has no form for {', '.join(unsupported)}; "
                "the tflite backend may have one, and --cut-at NAME,... ends the network before them"
            )
        if "error" in answer:
            raise BackendError(f"TensorFlow's converter failed: {' '.join(answer['error'].split())[:_REASON]}")
        return answer

    def close(self) -> None:
        """Kill the process and remove its folder; may be called twice."""
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

    def _line(self, deadline: float) -> bytes:
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BackendError(f"TensorFlow's converter did not finish within {_TIMEOUT_S:g} s")
            chunk = os.read(self._answers, 1 << 16)
            if not chunk:
                raise BackendError(f"the TensorFlow process ended with status {self._process.wait()}: {self._tail()}")
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _tail(self) -> str:
        text = (self._home / "log").read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if any(c.isalnum() for c in line)]
        telling = [line for line in lines if "rror" in line] or lines
        return telling[-1][:_REASON] if telling else "it left no message"


def _environment(home: Path) -> dict[str, str]:
    """The parent's environment and import path, with every folder that libraries write to inside `home`."""
    folders = ("HOME", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR")
    fixed = {
        **dict.fromkeys(folders, str(home)),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # other kernels would be chosen by the machine
    }
    return {**os.environ, **fixed}
