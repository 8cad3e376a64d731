"""Jobs that somebody made in Python: refused in a sentence before anything runs, as a file of jobs is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dlpuconv.batches.options import check_options
from dlpuconv.errors import UsageError
from dlpuconv.toml_table import quoted

if TYPE_CHECKING:
    from dlpuconv.batches.job import BatchJob

_TEXTS = ("name", "model", "target", "calibration", "validation")
_NEEDED = ("name", "model", "target")


def check_job(job: BatchJob) -> None:
    """Refuse what no worker could do anything with.

    Raises:
        UsageError: a field has another type, the name is no folder's, or there is no such option or value of it.
    """
    for field in _TEXTS:
        value = getattr(job, field)
        if not isinstance(value, str):
            raise UsageError(
                f"the {field} of a BatchJob is {quoted(value)}, not a text: give str(...) of a path",
                id="batch-job-invalid",
            )
        if not value and field in _NEEDED:
            raise UsageError(f"a BatchJob has no {field}", id="batch-job-invalid")
    if not is_folder_name(job.name):
        raise UsageError(
            f"a BatchJob is called {quoted(job.name)}: a folder has its name, so give one without / or \\",
            id="batch-job-invalid",
        )
    for field in ("options", "axes"):
        if not isinstance(getattr(job, field), Mapping):
            raise UsageError(
                f"{job.name}: {field} is {quoted(getattr(job, field))}, not a dict", id="batch-job-invalid"
            )
        if other := [key for key in getattr(job, field) if not isinstance(key, str)]:
            raise UsageError(
                f"{job.name}: {field} has the key {quoted(other[0])}, which is not a text", id="batch-job-invalid"
            )
    try:
        check_options(job.options)
    except UsageError as error:
        raise UsageError(f"{job.name}: {error}", id=error.id) from error


def is_folder_name(name: str) -> bool:
    """Whether a folder can be called so, and lies where it is made."""
    return PurePosixPath(name).name == name not in ("", ".", "..") and not set("\0\\") & set(name)
