"""What a job may take where nobody says it."""

from __future__ import annotations

from dlpuconv.batches.job import Allowance

USUAL = Allowance(memory=8 << 30, seconds=3600)
