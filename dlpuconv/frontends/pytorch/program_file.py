"""Files of `torch.export.save`, which a stranger may have made: read as plain data, exported in another process."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ModelError
from dlpuconv.files.regular import open_regular
from dlpuconv.frontends.onnx_file import Acquired, content_of, parse
from dlpuconv.frontends.pytorch.archive import plain_archive
from dlpuconv.frontends.pytorch.sources import demand
from dlpuconv.ir import Source
from dlpuconv.isolation import GIBIBYTE, ExcessError, Launch, Limits, TaskError, WorkerError, pool
from dlpuconv.isolation.refusals import raise_refused

if TYPE_CHECKING:
    from dlpuconv.frontends.options import SourceOptions

SUFFIX = ".pt2"
_LAUNCH = Launch(title="torch's exporter", tasks=Path(__file__).with_name("worker.py"), has_folder=True)
_LIMITS = Limits(memory=8 * GIBIBYTE, seconds=1800, by_the_clock=True)
_COPIES = 8  # of the weights: read, decomposed, optimized, serialized


def is_program_file(path: Path) -> bool:
    """Whether the file has the name or structure of an exported program, unlike a checkpoint."""
    if path.suffix.lower() == SUFFIX:
        return True
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return any(name.endswith("/archive_format") for name in archive.namelist())
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile):
        return False


def read_program(path: Path, options: SourceOptions, name: str | None) -> Acquired:
    """The ONNX form of the program in a `.pt2` file. The file is only read, and nothing of it runs in this process.

    Raises:
        ModelError: there is no such file, it is not an exported program, or torch cannot read or export it.
        UnsupportedModelError: the program holds what could run while torch reads it, or was exported in training mode.
        UsageError: the user's names do not fit.
        MissingDependencyError: torch or onnxscript is missing.
    """
    content = content_of(path)
    archive = plain_archive(content, str(path))
    for library in ("torch", "onnxscript"):
        demand(library, f"reading {path.name}")
    proto = parse(_exported(archive, options, str(path)), str(path))
    source = Source(name=name or path.stem or "model", sha256=hashlib.sha256(content).hexdigest(), path=str(path))
    return Acquired(proto=proto, source=source)


def _exported(archive: bytes, options: SourceOptions, what: str) -> bytes:
    """The program in an archive of plain data, as a serialized ModelProto.

    Raises:
        ModelError: torch cannot read or export it, or crashes on it.
        UnsupportedModelError: it was exported in training mode.
        UsageError: the user's names do not fit.
    """
    try:
        with pool.borrowed(_LAUNCH) as worker:
            answer = worker.ask(
                "export",
                _LIMITS.for_size(len(archive), _COPIES),
                {"program": np.frombuffer(archive, np.uint8)},
                input_names=options.input_names,
                output_names=options.output_names,
            )
    except TaskError as error:
        raise ModelError(f"{what}: torch cannot export it: {error}", id="pytorch-export-failed") from error
    except ExcessError as error:
        raise ModelError(f"{what}: to export it {error}", id="reader-limit") from error
    except WorkerError as error:
        log = f"; its log ends: {error.log}" if error.log else ""
        raise ModelError(
            f"{what}: the file is damaged: {_LAUNCH.title} {error}{log}", id="pytorch-file-damaged"
        ) from error
    except OSError as error:
        raise ModelError(
            f"{what}: the process that reads it cannot be started: {error.strerror or error}", id="reader-unavailable"
        ) from error
    raise_refused(answer.facts, what)
    return answer.arrays["model"].tobytes()
