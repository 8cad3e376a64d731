"""Files of `torch.export.save`, which a stranger may have made: read as plain data, exported in another process."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.errors import DlpuconvError, ModelError, UnsupportedModelError, UsageError
from dlpuconv.formats.isolated import run_isolated
from dlpuconv.frontends.onnx_file import Acquired, content_of, parse
from dlpuconv.frontends.pytorch.archive import plain_archive
from dlpuconv.frontends.pytorch.sources import demand
from dlpuconv.ir import Source
from dlpuconv.regular import open_regular

if TYPE_CHECKING:
    from dlpuconv.frontends.options import SourceOptions

SUFFIX = ".pt2"
_WORKER = Path(__file__).with_name("worker.py")
_SECONDS = 1800  # of torch's exporter, for the largest networks on a slow machine
_KINDS: dict[int, type[DlpuconvError]] = {kind.status: kind for kind in (ModelError, UnsupportedModelError, UsageError)}


def is_program_file(path: Path) -> bool:
    """Whether it is named or built like an exported program; a checkpoint, another archive of torch's, is not."""
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
        ModelError: there is no such file, it is no exported program, or torch cannot read or export it.
        UnsupportedModelError: the program holds what could run while torch reads it, or was exported in training mode.
        UsageError: the user's names do not fit.
        MissingDependencyError: torch or onnxscript is missing.
    """
    content = content_of(path)
    archive = plain_archive(content, str(path))
    for library in ("torch", "onnxscript"):
        demand(library, f"reading {path.name}")
    names = json.dumps({"input_names": options.input_names, "output_names": options.output_names})
    try:
        status, answer = run_isolated(_WORKER, names, content=archive, seconds=_SECONDS)
    except OSError as error:
        raise ModelError(f"{path}: no process can be had to read it: {error.strerror or error}") from error
    if kind := _KINDS.get(status or 0):
        raise kind(f"{path}: {answer.decode('utf-8', 'replace')}")
    if status != 0:
        reason = f"takes more than {_SECONDS} s" if status is None else "is damaged, or takes too much memory"
        raise ModelError(f"{path} {reason}: it ends the process that exports it")
    source = Source(name=name or path.stem or "model", sha256=hashlib.sha256(content).hexdigest(), path=str(path))
    return Acquired(proto=parse(answer, str(path)), source=source)
