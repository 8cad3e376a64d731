"""Processes of their own for large libraries that print what they like, and the files that are exchanged with them."""

from dlpuconv_backends.workers.files import writing
from dlpuconv_backends.workers.process import Launch, WorkerProcess, one_line

__all__ = ["Launch", "WorkerProcess", "one_line", "writing"]
