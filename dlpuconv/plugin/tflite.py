"""Readers and runners of .tflite files: LiteRT in a worker, our own reader in this process."""

from __future__ import annotations

from dlpuconv.formats.litert_session import (
    FAST,
    LIBRARY,
    LITERT,
    PLAIN,
    PLAIN_ON_TWO,
    Kernels,
    LiteRtSession,
    LiteRtWorker,
    RefusedError,
)
from dlpuconv.formats.tflite_file import parse_tflite, read_tflite
from dlpuconv.formats.tflite_runtimes import min_runtime_version

__all__ = [
    # read
    "min_runtime_version", "parse_tflite", "read_tflite",
    # run
    "Kernels", "LiteRtSession", "LiteRtWorker", "RefusedError",
    # on which kernels
    "FAST", "LIBRARY", "LITERT", "PLAIN", "PLAIN_ON_TWO",
]  # fmt: skip
