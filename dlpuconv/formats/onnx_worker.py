"""The worker for ONNX models: ONNX's own rules (`onnx_rules`) and inferences by ONNX Runtime (`ort_runner`)."""

from __future__ import annotations

from pathlib import Path

from dlpuconv.isolation.pool import pool
from dlpuconv.isolation.process import Launch

ONNX_MODELS = Launch(
    title="the worker for ONNX models",
    tasks=Path(__file__).parents[1] / "isolation" / "tasks" / "onnx_models.py",
)


def warm_up() -> None:
    """Start it, for whoever will need it soon."""
    pool.warm_up(ONNX_MODELS)
