"""Plugins by name: listed without importing any, imported one at a time, and held to what they promise.

Built-in targets and backends are found through the same entry points as anybody else's, so nothing in the core
knows them. What a plugin gets wrong is told under its own name: its data when it is loaded, its code when it is called.
"""

from dlpuconv.registry.entries import backend_distribution, backend_names, target_names
from dlpuconv.registry.loading import Listed, list_targets, load_backend, load_target

__all__ = [
    "Listed", "backend_distribution", "backend_names", "list_targets", "load_backend", "load_target", "target_names",
]  # fmt: skip
