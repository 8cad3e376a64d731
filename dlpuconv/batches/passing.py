"""Which errors tell of a machine at one moment, and not of the job: they are no result, and the job is run again."""

from __future__ import annotations

import errno

from dlpuconv.errors import DlpuconvError, MissingDependencyError, OutputError, StoreError
from dlpuconv.isolation import CrashError, ExcessError, MissingLibraryError

_OF_THE_MACHINE = (
    MissingDependencyError, OutputError, StoreError,
    CrashError, ExcessError, MissingLibraryError,  # a tool's process: what is too much for it is not for the job
    MemoryError, ConnectionError, TimeoutError,
)  # fmt: skip
_SHORTAGES = frozenset((
    errno.EAGAIN, errno.EBUSY, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC,
    errno.EROFS, errno.ESTALE,
))  # fmt: skip

_SETTINGS = frozenset(("environment-value",))
"""Ids of errors of a machine's settings, which another machine, or the same one tomorrow, has otherwise."""

AGAIN = "; the same batch tries this job again"
"""Follows the message of such an error."""


def is_passing(error: BaseException) -> bool:
    """Whether an error, or what caused it, may be gone another time although the job is the same."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _OF_THE_MACHINE) or (isinstance(cause, OSError) and cause.errno in _SHORTAGES):
            return True
        if isinstance(cause, DlpuconvError) and cause.id in _SETTINGS:
            return True
        cause = cause.__cause__
    return False
