"""Asks the worker that has TensorFlow, and turns what it answers into a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ModelError
from dlpuconv.frontends.onnx_file import Acquired, parse
from dlpuconv.frontends.pytorch.sources import demand
from dlpuconv.isolation import GIBIBYTE, ExcessError, Launch, Limits, TaskError, WorkerError, pool
from dlpuconv.isolation.refusals import raise_refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.frontends.options import SourceOptions
    from dlpuconv.ir import Source

_TASKS = Path(__file__).with_name("worker") / "tasks.py"
_QUIET = (("TF_CPP_MIN_LOG_LEVEL", "3"), ("TF_ENABLE_ONEDNN_OPTS", "0"), ("KERAS_BACKEND", "tensorflow"))
LAUNCH = Launch(title="TensorFlow", tasks=_TASKS, has_folder=True, environment=_QUIET)
_LIMITS = Limits(memory=8 * GIBIBYTE, seconds=1800, by_the_clock=True)
_COPIES = 12  # of the weights: the files, variables, constants of several graphs, serialized
_LIBRARIES = ("tensorflow", "tf2onnx")


def converted(task: str, files: Mapping[str, bytes], options: SourceOptions, source: Source) -> Acquired:
    """What the worker makes of a model's files.

    Args:
        task: of the worker.
        files: by the path that they have in the model's folder.
        options: shapes of inputs, and the signature.
        source: the model; its path is what it is called in messages.

    Raises:
        ModelError: TensorFlow cannot read the model, or crashes on it.
        ShapeError: an input has no static shape.
        UsageError: the model has no such signature.
        UnsupportedModelError: the model holds what cannot be converted.
        MissingDependencyError: TensorFlow or tf2onnx is missing.
    """
    what = source.path or source.name
    for library in _LIBRARIES:
        demand(library, f"reading {Path(what).name}", "tensorflow")
    try:
        with pool.borrowed(LAUNCH) as worker:
            answer = worker.ask(
                task,
                _LIMITS.for_size(sum(map(len, files.values())), _COPIES),
                {name: np.frombuffer(content, np.uint8) for name, content in files.items()},
                shapes=dict(options.input_shapes),
                signature=options.signature,
            )
    except TaskError as error:
        raise ModelError(f"{what} cannot be converted: {error}", id="tensorflow-not-converted") from error
    except ExcessError as error:
        raise ModelError(f"{what} cannot be converted: {error}", id="reader-limit") from error
    except WorkerError as error:
        log = f"; its log ends: {error.log}" if error.log else ""
        raise ModelError(
            f"{what}: the model is damaged: {LAUNCH.title} {error}{log}", id="tensorflow-model-damaged"
        ) from error
    except OSError as error:
        raise ModelError(
            f"{what}: the process that reads it cannot be started: {error.strerror or error}", id="reader-unavailable"
        ) from error
    raise_refused(answer.facts, what)
    return Acquired(proto=parse(answer.arrays["model"].tobytes(), what), source=source)
