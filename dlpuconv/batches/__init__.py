"""Many conversions: a matrix of models, targets and options, run by any executor, with one record for each."""

from dlpuconv.batches.batch import Batch
from dlpuconv.batches.job import BatchJob
from dlpuconv.batches.record import JobRecord, Outcome

__all__ = ["Batch", "BatchJob", "JobRecord", "Outcome"]
