"""Whether a `.tflite` file is survived by LiteRT, which trusts what it is given: one damaged file in ten ends it."""

from __future__ import annotations

from pathlib import Path

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.isolated import run_isolated

_WORKER = Path(__file__).with_name("probe_worker.py")
_PATIENCE_S = 600


def probe(path: Path) -> None:
    """Run a file once on zeros, elsewhere; for files of others, before they are run here.

    Args:
        path: a `.tflite` file.

    Raises:
        ArtifactError: LiteRT does not survive it.
    """
    try:
        status, _ = run_isolated(_WORKER, str(path), seconds=_PATIENCE_S)
    except OSError:
        return
    if status is None or status < 0:  # what is raised there will be raised here as well
        raise ArtifactError(f"{path.name}: the file is damaged: it ends the process that runs it")
