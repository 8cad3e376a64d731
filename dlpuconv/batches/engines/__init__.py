"""What runs jobs: any `concurrent.futures.Executor`, with how many jobs it takes at a time and how they compute."""

from dlpuconv.batches.engines.engine import Engine
from dlpuconv.batches.engines.open import open_engine

__all__ = ["Engine", "open_engine"]
