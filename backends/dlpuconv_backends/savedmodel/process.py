"""The TensorFlow process as the parent sees it: TensorFlow is large, slow to import, and prints what it likes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Self

from dlpuconv.errors import BackendError, MissingDependencyError, UnsupportedModelError
from dlpuconv_backends.workers import Launch, WorkerProcess, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORKER = "dlpuconv_backends.savedmodel.worker"
_TIMEOUT_S = 900.0
_REASON = 400


class TensorFlowProcess(WorkerProcess):
    """A process that has imported TensorFlow."""

    @classmethod
    def start(cls) -> Self:
        """Start the process under this interpreter.

        Raises:
            BackendError: the interpreter cannot be started.
            OutputError: there is no place for its folder.
        """
        environment = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "TF_ENABLE_ONEDNN_OPTS": "0",  # other kernels would be chosen by the machine
        }
        return cls(
            Launch(
                title="TensorFlow process",
                interpreter=sys.executable,
                arguments=("-P", "-m", _WORKER),
                environment=environment,
                timeout_s=_TIMEOUT_S,
            )
        )

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Let the process do one thing; see `worker`.

        Raises:
            MissingDependencyError: TensorFlow is not installed.
            UnsupportedModelError: operators of the graph have no TensorFlow form here.
            BackendError: TensorFlow failed, crashed or took too long.
        """
        answer = self.exchange(request)
        if missing := answer.get("missing"):
            raise MissingDependencyError(missing, "tensorflow", "the tensorflow backend")
        if unsupported := answer.get("unsupported"):
            raise UnsupportedModelError(
                f"the tensorflow backend has no form for {', '.join(unsupported)}; "
                "the tflite backend may have one, and --cut-at NAME,... ends the network before them"
            )
        if "error" in answer:
            raise BackendError(f"TensorFlow's converter failed: {one_line(str(answer['error']), _REASON)}")
        return answer
