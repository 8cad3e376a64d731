"""Errors of a machine at one moment are told apart from those of a job."""

from __future__ import annotations

import errno

import pytest

from dlpuconv.batches.passing import is_passing
from dlpuconv.errors import BackendError, MissingDependencyError, ModelError, OutputError, StoreError, UsageError
from dlpuconv.isolation import CrashError, OvertimeError, TaskError


def caused_by(cause: BaseException) -> BackendError:
    try:
        try:
            raise cause
        except type(cause) as error:
            raise BackendError("lowering failed") from error
    except BackendError as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        OutputError("there is no place"),
        MissingDependencyError("torch", "train", "training"),
        StoreError("the store cannot be read"),
        OSError(errno.ENOSPC, "No space left on device"),
        caused_by(OSError(errno.EMFILE, "Too many open files")),
        caused_by(CrashError("was killed by SIGKILL")),
        caused_by(OvertimeError("takes more than 60 s")),
        caused_by(MemoryError()),
        caused_by(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")),
    ],
    ids=lambda error: repr(error.__cause__ or error),
)
def test_what_the_machine_lacked_may_be_there_another_time(error: BaseException) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        UsageError("there is no such option"),
        ModelError("it is no model"),
        BackendError("the lowered model holds a custom op"),
        caused_by(TaskError("ValueError: of a library")),
        caused_by(FileNotFoundError(errno.ENOENT, "No such file or directory")),
        caused_by(PermissionError(errno.EACCES, "Permission denied")),
    ],
    ids=lambda error: repr(error.__cause__ or error),
)
def test_what_the_job_is_stays_as_it_is(error: BaseException) -> None:
    assert not is_passing(error)
