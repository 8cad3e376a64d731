"""`dlpuconv batch`: runs a file of jobs, and tells of what ran."""

from dlpuconv.cli.batch.commands import batch

__all__ = ["batch"]
