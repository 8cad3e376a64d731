"""`jobs.toml`: models times targets times options, as jobs."""

from dlpuconv.batches.matrix.plan import BatchPlan, read_plan

__all__ = ["BatchPlan", "read_plan"]
