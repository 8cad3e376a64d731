"""Where a batch keeps what it made: one folder or bucket, which every worker reads and writes."""

from __future__ import annotations

from dlpuconv.batches.store.open import open_store

__all__ = ["open_store"]
