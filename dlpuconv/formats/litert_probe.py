"""Whether LiteRT survives a file: it trusts what it is given, and one in ten damaged files ends its process."""

from __future__ import annotations

from pathlib import Path

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.isolated import run_isolated

_WORKER = Path(__file__).with_name("litert_probe_worker.py")
_PATIENCE_S = 600


def probe_tflite(path: Path) -> None:
    """Run a file once on zeros, elsewhere; for files of others, before they are run here.

    Raises:
        ArtifactError: LiteRT does not survive it.
    """
    try:
        status, _ = run_isolated(_WORKER, str(path), seconds=_PATIENCE_S)
    except OSError:
        return
    if status is None or status < 0:
        raise ArtifactError(f"{path.name}: the file is damaged: TFLite's kernels do not survive it")
